// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "almlip/potential.h"

namespace almlip::train {

constexpr double max_weight_decay = 0.5;    ///< that of few frames

/// What `almlip train` can be told. `settings_table` documents every field with its unit.
///
/// An empty optional means that the default depends on something else: on the frames for the
/// cutoff and the weight decay, on the preset for the shape of the model, on `start` for all of
/// these and the schedule.
struct TrainingSettings {
  std::vector<std::string> train, validation;
  std::string start, refit = "auto", output = "potential.almlip.json", checkpoint;
  std::vector<std::string> energy_key, forces_key, stress_key;

  std::vector<std::string> elements;
  std::optional<double> cutoff;
  std::optional<int> members, num_channels, lmax, num_radial, num_hidden;
  std::optional<std::string> preset, four_body, partners;

  int seed = 1;
  std::optional<int> folds;
  double validation_fraction = 0.1;
  std::string precision = "single", stress_offset = "auto";
  std::optional<int> epochs, batch, warmup_steps, all_frames_epochs;
  int patience = 0;
  std::optional<double> learning_rate, weight_decay, energy_rise_share, violent_force;
  double radial_rate = 0.3, final_rate = 0.002;
  double four_body_scale = 0.35, radial_tie = 0.0002;
  double energy_weight = 10.0, energy_rise = 30.0, stress_weight = 0.1, huber = 1.0,
         energy_huber = 0.05, stress_huber = 0.2;

  bool is_last_passes = false;    ///< over all frames, after a fit; no key
  double force_share = 1.0;       ///< training frames with forces, of all; no key

  double least_distance = 0.5;
  std::string isolated_atoms = "error";
  bool zbl = true, fingerprints = true, novelty = true;
  int max_fingerprints = 500;
  double max_seconds = 0.0, checkpoint_seconds = 30.0, tune = 0.0, memory = 4.0;
};

/// One key of the settings: where its value lives and what is allowed.
struct SettingEntry {
  using Value =
      std::variant<int *, double *, bool *, std::string *, std::vector<std::string> *,
                   std::optional<int> *, std::optional<double> *, std::optional<std::string> *>;
  std::string key;
  Value value;
  std::string unit, meaning;
  double min = -std::numeric_limits<double>::infinity(),
         max = std::numeric_limits<double>::infinity();    ///< allowed numbers
  std::vector<std::string> choices = {};                   ///< allowed words; empty: any
  bool shapes_result = true;    ///< false: the fitted numbers do not depend on it
};

/// Every key, in the order in which it is documented, bound to the fields of `settings`.
std::vector<SettingEntry> settings_table(TrainingSettings &settings);

/// The default of a key as text, for the help; empty if there is none to show.
std::string default_text(const SettingEntry &entry);

/// Sets the keys that a settings file holds (JSON; comments are allowed).
/// @throws Error that names the file, the key, what was found and what is allowed; an unknown key
///               gets the nearest known one and the whole list
void apply_settings_text(TrainingSettings &settings, const std::string &text,
                         const std::string &name);

/// Sets one key from the words of a command-line flag.
/// @throws Error as above
void apply_flag(TrainingSettings &settings, const std::string &key,
                const std::vector<std::string> &words);

/// All keys and values as JSON. `only_shaping`: without paths and time limits, for hashes and for
/// the record in the potential file.
std::string to_json(const TrainingSettings &settings, bool only_shaping = false);

/// The same with everything that fixes the model and was not given taken from the potential that a
/// fit starts from. A preset that was given stands for the keys of its shape; if none was, and the
/// shape is that of one, that one is taken.
TrainingSettings continued(TrainingSettings settings, const ModelSettings &start);

/// Shape of the model that preset and single keys ask for; `cutoff` in Angstrom.
ModelSettings model_settings(const TrainingSettings &settings,
                             const std::vector<std::string> &elements, double cutoff);

/// Learning-rate cycle of a fit.
struct Schedule {
  int epochs = 0, steps_per_epoch = 0;
  int warmup_steps = 0;              ///< the rate rises linearly from zero
  double learning_rate = 0.0;        ///< peak of the cosine
  double final_rate = 0.0;           ///< fraction of the peak that is left at the end
  double energy_rise = 1.0;          ///< factor of the energy weight at the end
  double energy_rise_share = 0.1;    ///< last part of the steps, over which it rises
  int patience = 0;    ///< epochs without a better held-out error before the end; 0: any number
  int batch = 8;       ///< frames per step
  bool is_last_passes = false;    ///< after a fit, which has found the offsets of stress labels
  static constexpr double offsets_from =
      0.5;    ///< part of the steps after which they are looked for

  /// True after the epochs whose held-out error is looked at: all if the end depends on it,
  /// otherwise about 40.
  bool judges(int epoch) const
  {
    return patience > 0 || epoch == epochs || epoch % (1 + epochs / 40) == 0;
  }
  int num_steps() const { return epochs * steps_per_epoch; }
  /// Learning rate of step 0, 1, ...
  double rate(int step) const;
  /// Factor of the energy weight: 1, and over the last part of the steps a geometric rise.
  double energy_factor(int step) const;
  /// Weight of the stress in a step of a fit whose final one is `weight`.
  /// @param in_doubt  the labels may have an offset that is not known
  double stress_weight(int step, double weight, bool in_doubt) const;
};

/// Cycle for that many training frames. Unless told, a fit runs for 80 epochs, but 2000 to 24000
/// steps, with preset `accurate` for 160 epochs, but 4000 to 24000 steps, with `large` for 240
/// epochs, but 6000 to 60000 steps, a warm start for 12 epochs, but 700 to 3000 steps. More than
/// 600 frames are learned in larger batches at a lower rate: with many steps less noise pays.
/// Frames without forces take no passes from those with them: there are as many more steps, within
/// the limit.
Schedule make_schedule(const TrainingSettings &settings, int num_frames);

/// Parts that so many frames are dealt to, for fits without one of them to judge it and sigma; 0: a
/// part of the frames is held out instead. That is so where the settings say anything of held-out
/// frames, for a warm start, and where ten frames or more are held out.
int num_folds(const TrainingSettings &settings, int num_frames);

/// Part of the frames to hold out where there are no folds. That is `validation_fraction`, but ten
/// frames of a warm start if that is a third of all at most, or else this third.
double share_held_out(const TrainingSettings &settings, int num_frames);

/// Settings of the last passes, over all frames, after a fit to that many training frames.
TrainingSettings for_all_frames(TrainingSettings settings, int num_train);

}    // namespace almlip::train
