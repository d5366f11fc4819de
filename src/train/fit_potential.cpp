// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/fit_potential.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "almlip/text.h"
#include "parallel/interruption.h"
#include "train/check/data_check.h"
#include "train/checkpoint.h"
#include "train/energy_zero.h"
#include "train/finish_potential.h"
#include "train/fit.h"
#include "train/more_elements.h"
#include "train/progress.h"
#include "train/refit.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/tune/tune.h"

namespace almlip::train {

namespace {

/// What the settings name, read and checked.
struct Input {
  TrainingSettings settings;      ///< as given, and what `start` adds
  bool own_checkpoint = false;    ///< its folder was not asked for: removed at the end
  TrainingData data;
  std::optional<Potential> start;
  std::string moved_zero;            ///< of the start's energies, for people
  Judgement judgement;               ///< of new frames, by the start
  bool keeps_calibration = false;    ///< that of the start, corrected by the judgement

  const Potential *start_or_null() const { return start ? &*start : nullptr; }
};

/// Whether checkpoints can be written into a folder that is there, or can be made.
void check_checkpoint(const std::string &folder)
{
  namespace fs = std::filesystem;
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing)) existing = existing.parent_path();
  require(fs::is_directory(existing), "\"checkpoint\" is \"", folder, "\", but ", existing.string(),
          " is a file; name another folder");
  try_to_write((existing / "checkpoint.bin").string());
}

/// Before any work, by the rank that writes. A potential may be replaced by its refit.
void check_output(const TrainingSettings &given)
{
  namespace fs = std::filesystem;
  const std::string &path = given.output;
  const fs::path folder = fs::absolute(path).parent_path();
  require(!path.empty() && !fs::is_directory(path), "\"output\" is \"", path,
          "\", but it must name a file");
  require(fs::is_directory(folder) && access(folder.c_str(), W_OK) == 0, "\"output\" is \"", path,
          "\", but the folder ", folder.string(), " cannot be written to");
  std::vector<std::string> inputs = given.train;
  inputs.insert(inputs.end(), given.validation.begin(), given.validation.end());
  try_to_write(path, inputs);
  check_checkpoint(given.checkpoint.empty() ? path + ".checkpoint" : given.checkpoint);
}

/// Like a prior weaker the more data there is. The law is ours, by test frames: best were 0.5 with
/// 100 frames or fewer, 0.15 with 200 to 400 (Ta, C, Si, Fe), 0.05 with 200 to 900 (acetylacetone,
/// Mo-Nb-Ta-W, TiO2), and 0.02 or less with 50,000 atoms of an element and more (InP, TiO2).
double weight_decay_for(const TrainingData &data, bool large)
{
  constexpr double few_frames = 120.0, few_atoms = 10000.0, least_by_frames = 0.04;
  double num_atoms = 0.0;
  for (const Frame &frame : data.train) num_atoms += frame.num_atoms();
  const double num_elements = static_cast<double>(data.elements.size()),
               frames = few_frames / static_cast<double>(data.train.size()),
               atoms = few_atoms * num_elements / num_atoms;
  return max_weight_decay *
         std::min({large ? 0.1 : 1.0, std::max(frames * frames, least_by_frames), atoms * atoms});
}

/// Prepares the start, and the settings, for elements of the frames that it has not.
void add_elements(Input &input, const TrainingSettings &given)
{
  const std::vector<std::string> &known = input.start->settings.elements;
  TrainingData &data = input.data;
  require(given.elements.empty() || given.elements.size() == data.elements.size(),
          "there are frames with ", joined(data.elements), ", but \"elements\" are ",
          joined(given.elements), "; add what is missing or remove the frames");
  if (data.elements.size() == known.size()) return;
  data.new_elements.assign(data.elements.begin() + static_cast<std::ptrdiff_t>(known.size()),
                           data.elements.end());
  input.start = with_more_elements(*input.start, data.elements, data.train);
  TrainingSettings &settings = input.settings;
  settings.elements = data.elements;
  // as many steps as from nothing, for the new networks, at a lower rate, for the old ones
  constexpr double rate = 0.3;
  TrainingSettings whole = settings;
  whole.start.clear();
  const Schedule schedule = make_schedule(whole, static_cast<int>(data.train.size()));
  if (!settings.epochs) settings.epochs = schedule.epochs;
  if (!settings.learning_rate && settings.refit != "full")
    settings.learning_rate = rate * schedule.learning_rate;
  if (!settings.warmup_steps) settings.warmup_steps = schedule.warmup_steps;
  if (!settings.energy_rise_share) settings.energy_rise_share = schedule.energy_rise_share;
}

void check_stress_offset(const TrainingSettings &settings, const TrainingData &data)
{
  if (settings.stress_offset != "on") return;
  require(
      settings.stress_weight > 0.0,
      "\"stress_offset\" is on, but \"stress_weight\" is 0, so that no stress is learned; set the "
      "offset to auto or off, or raise the weight");
  require(
      std::any_of(data.train.begin(), data.train.end(),
                  [](const Frame &f) { return f.virial && f.volume() > 0.0; }),
      joined(settings.train),
      ": \"stress_offset\" is on, but no training frame has a stress; set the offset to auto or "
      "off, or name the stress with --stress-key");
}

void read(Input &input, const TrainingSettings &given)
{
  require(given.tune == 0.0 || given.start.empty(),
          "--tune searches the shape of the model and --start keeps it; use one of them");
  require(given.refit == "auto" || !given.start.empty(), "\"refit\" is ", given.refit,
          ", but there is no potential to start from; name it with --start, or leave --refit out");
  if (!given.start.empty()) input.start = read_potential(given.start);
  input.settings = input.start ? continued(given, input.start->settings) : given;
  input.own_checkpoint = given.checkpoint.empty();
  if (input.own_checkpoint) input.settings.checkpoint = given.output + ".checkpoint";
  input.data = read_training_data(input.settings);
  check_stress_offset(input.settings, input.data);
  if (!input.start) return;
  input.moved_zero = match_energy_zero(*input.start, input.data.train);
  add_elements(input, given);
}

/// Once it is known which frames are learned.
void choose_weight_decay(Input &input)
{
  if (!input.settings.weight_decay)
    input.settings.weight_decay = weight_decay_for(input.data, input.settings.preset == "large");
}

/// Of the start, only the shape stays.
void forget_start(Input &input)
{
  input.start.reset();
  input.settings.start.clear();
  input.settings.refit = TrainingSettings().refit;    // it is a fit from nothing now
  input.judgement = {};
}

/// Judges the start of a refit by the frames that it has not learned, and decides what it is good
/// for.
void judge_start(Input &input, const Ranks &ranks)
{
  if (!input.start) return;
  if (ranks.first() && !input.moved_zero.empty())
    std::fprintf(stderr, "%s\n", input.moved_zero.c_str());
  const std::vector<std::string> &added = input.data.new_elements;
  std::optional<std::vector<std::size_t>> fresh;
  const bool moved = !input.moved_zero.empty();    // learned energies are not those of the labels
  if (added.empty() && !moved) fresh = new_frames(*input.start, input.data.train);
  const std::string &refit = input.settings.refit;
  bool full = refit == "full";
  if (fresh) {
    StartReport report = report_start(*input.start, input.data.train, *fresh, ranks);
    full = full || (refit == "auto" && report.asks_for_full_fit(*input.start, ranks));
    input.judgement = std::move(report.judgement);
  } else if (!added.empty()) {
    if (ranks.first())
      std::fprintf(stderr, "%s is new to %s: a part of all frames is held out\n",
                   joined(added).c_str(), input.settings.start.c_str());
  } else if (ranks.first()) {
    std::fprintf(stderr,
                 moved
                     ? "%s has learned other energies: a part of all frames is held out\n"
                     : "%s does not tell which frames it has learned: a part of all is held out\n",
                 input.settings.start.c_str());
  }
  if (full) {
    if (ranks.first()) std::fprintf(stderr, "full fit, from random parameters\n");
    forget_start(input);
  }
  input.keeps_calibration = !full && fresh && input.settings.validation.empty();
  if (!input.keeps_calibration) input.judgement = {};
  const TrainingSettings &given = input.settings;
  if (input.keeps_calibration && ranks.first() &&
      (given.folds || given.validation_fraction != TrainingSettings().validation_fraction))
    std::fprintf(stderr,
                 "folds and validation_fraction are not used: a warm refit holds nothing out\n");
  ranks.agree([&] {
    if (!input.keeps_calibration) hold_out(input.data, input.settings);
  });
}

/// The settings with everything that they leave open put in as it is used.
TrainingSettings resolved(TrainingSettings s, const ModelSettings &model, const TrainingData &data)
{
  const int num_train = static_cast<int>(data.train.size());
  const Schedule schedule = make_schedule(s, num_train);
  if (!s.preset && s.start.empty()) s.preset = "default";
  s.elements = model.elements;
  s.cutoff = model.cutoff;
  s.members = model.num_members;
  s.num_channels = model.num_channels;
  s.lmax = model.lmax;
  s.num_radial = model.num_radial;
  s.num_hidden = model.num_hidden;
  s.four_body = model.four_body;
  s.partners = model.partners;
  s.folds = data.num_folds > 0 ? num_folds(s, num_train) : 0;
  s.all_frames_epochs = has_last_passes(s, data) ? for_all_frames(s, num_train).epochs : 0;
  s.epochs = schedule.epochs;
  s.batch = schedule.batch;
  s.warmup_steps = schedule.warmup_steps;
  s.learning_rate = schedule.learning_rate;
  s.energy_rise_share = schedule.energy_rise_share;
  s.violent_force = data.violent_force;
  return s;
}

/// Hash of everything that decides the fit, for its checkpoints.
std::string identity_of(const TrainingSettings &settings, const Input &input)
{
  return content_hash(to_json(settings, true) + input.data.hash +
                      (input.start ? to_json(*input.start) : ""));
}

/// Tells how settings were searched, in this run or in the one that left the checkpoint; empty
/// without a search.
std::string search_settings(const TrainingSettings &settings, const Input &input,
                            const Ranks &ranks)
{
  if (settings.tune == 0.0) return "";
  const std::string identity = identity_of(settings, input), &folder = settings.checkpoint;
  std::string record;
  ranks.agree([&] {
    if (ranks.first() && !input.own_checkpoint) record = read_tuned(folder, identity);
  });
  ranks.broadcast(record);
  if (record.empty()) record = tune(settings, input.data, ranks);
  ranks.agree([&] {
    if (ranks.first() && !input.own_checkpoint) write_tuned(folder, identity, record);
  });
  return record;
}

void announce(const TrainingData &data, const TrainingSettings &settings, const Fit &fit,
              const Ranks &ranks)
{
  std::size_t num_atoms = 0;
  for (const Frame &frame : data.train) num_atoms += frame.atomic_numbers.size();
  std::string elements;
  for (const std::string &symbol : data.elements) elements += " " + symbol;
  const Schedule schedule = make_schedule(settings, static_cast<int>(data.train.size()));
  std::fprintf(stderr, "read %s\n", data.report.text().c_str());
  for (const auto &[symbol, energy] : data.atom_energies)
    std::fprintf(stderr, "isolated atom %s: %.6f eV\n", symbol.c_str(), energy);
  if (!data.cutoff_reason.empty()) std::fprintf(stderr, "%s\n", data.cutoff_reason.c_str());
  if (const long violent = num_violent(data.train, data.violent_force))
    std::fprintf(stderr,
                 "%ld atoms have forces above %.3g eV/Angstrom and count less (violent_force)\n",
                 violent, data.violent_force);
  std::fprintf(stderr, "%zu training frames (%zu atoms of%s), ", data.train.size(), num_atoms,
               elements.c_str());
  if (data.num_folds > 0)
    std::fprintf(stderr, "judged by %d fit%s without a part of them", data.num_folds,
                 data.num_folds == 1 ? "" : "s");
  else
    std::fprintf(stderr, "%zu held out", data.held_out.size());
  if (data.num_skipped > 0)
    std::fprintf(stderr, ", %d with isolated atoms skipped", data.num_skipped);
  std::fprintf(stderr, "; cutoff %g Angstrom, %d members, %d epochs of %d steps, %d process%s\n",
               data.cutoff, fit.model.settings.num_members, schedule.epochs,
               schedule.steps_per_epoch, ranks.size(), ranks.size() > 1 ? "es" : "");
}

/// Tells how many frames memory does not allow to keep prepared.
void announce_memory(const Fit &fit, const TrainingSettings &settings, const Ranks &ranks)
{
  std::vector<double> num_not_kept{static_cast<double>(fit.num_not_kept())};
  ranks.sum(num_not_kept);
  if (ranks.first() && num_not_kept[0] > 0.0)
    std::fprintf(stderr, "%.0f frames are prepared anew in every step, within %g GB of memory\n",
                 num_not_kept[0], settings.memory);
}

/// Tells what looks wrong about the labels, before any work is put into them.
void tell_findings(const TrainingData &data)
{
  std::vector<Frame> frames = data.train;
  frames.insert(frames.end(), data.held_out.begin(), data.held_out.end());
  const std::vector<Finding> findings = check_labels(frames);
  if (!findings.empty())
    std::fprintf(stderr, "labels that look wrong (see almlip check):\n%s",
                 text_of(findings, frames).c_str());
}

/// Gives all ranks what the first one has read from its checkpoint.
void broadcast(TrainingState &state, const Ranks &ranks)
{
  std::vector<double> numbers{static_cast<double>(state.step),
                              state.epoch_loss,
                              state.best_score,
                              static_cast<double>(state.best_epoch),
                              static_cast<double>(state.kept_epoch),
                              state.kept_parameters.empty() ? 0.0 : 1.0,
                              static_cast<double>(state.virial_errors.size())};
  ranks.broadcast(numbers);
  state.step = static_cast<int>(numbers[0]);
  state.epoch_loss = numbers[1];
  state.best_score = numbers[2];
  state.best_epoch = static_cast<int>(numbers[3]);
  state.kept_epoch = static_cast<int>(numbers[4]);
  state.kept_parameters.resize(numbers[5] > 0.0 ? state.parameters.size() : 0);
  state.virial_errors.resize(static_cast<std::size_t>(numbers[6]));
  ranks.broadcast(state.parameters);
  ranks.broadcast(state.kept_parameters);
  ranks.broadcast(state.virial_errors);
  for (StressOffsets *offsets : {&state.stress_offsets, &state.kept_stress_offsets}) {
    std::string text = to_json(*offsets);
    ranks.broadcast(text);
    *offsets = stress_offsets_of_json(text);
  }
  std::ostringstream out;
  if (ranks.first()) state.optimiser->save(out);
  std::string optimiser = out.str();
  ranks.broadcast(optimiser);
  std::istringstream in(optimiser);
  if (!ranks.first()) state.optimiser->load(in);
}

/// Folder for the checkpoints of the fit that judges a fold.
std::string folder_of_fold(const std::string &folder, int fold)
{
  return (std::filesystem::path(folder) / ("fold" + std::to_string(fold + 1))).string();
}

/// A checkpoint that nobody asked for and that another fit to the same output left.
void remove_foreign_checkpoint(const std::string &folder, const std::string &identity)
{
  std::optional<std::string> owner = owner_of_checkpoint(folder);
  if (!owner) owner = owner_of_checkpoint(folder_of_fold(folder, 0));    // no fit came further
  if (!owner || *owner == identity) return;
  std::fprintf(stderr, "%s is of other settings or frames: replaced\n", folder.c_str());
  std::filesystem::remove_all(folder);
}

/// A fit that is cut short looks as a whole one, but is much worse.
void tell_out_of_time(const TrainingState &state, int num_steps)
{
  std::fprintf(
      stderr,
      "max_seconds ended this fit after %d of %d steps, before the learning rate fell and "
      "energies got their weight: errors are several times those of a whole fit; give more "
      "time, or fewer epochs\n",
      state.step, num_steps);
}

/// Runs a fit to its end, from its checkpoint if there is one.
/// @return  false if it ran out of time
/// @throws Error if a signal ended it, with how to go on
bool continue_fit(Fit &fit, TrainingState &state, const PreparedFrames &train,
                  const PreparedFrames &held_out, const TrainingSettings &settings,
                  const std::string &identity, const Ranks &ranks)
{
  const std::string &folder = settings.checkpoint;
  ranks.agree([&] {
    if (!ranks.first()) return;
    if (read_checkpoint(folder, identity, state))
      std::fprintf(stderr, "continued from %s after %d steps\n", folder.c_str(), state.step);
    write_checkpoint(folder, identity, state);    // a folder that cannot be written to shows now
  });
  broadcast(state, ranks);
  Progress progress;
  Trainer::Hooks hooks;
  hooks.epoch = [&](const EpochReport &report) { progress.show(report); };
  hooks.checkpoint = [&](const TrainingState &now) { write_checkpoint(folder, identity, now); };
  const Trainer::End end =
      Trainer(*fit.loss, fit.model, settings, ranks).run(state, train, held_out, hooks);
  ranks.agree([&] {
    require(end != Trainer::End::interrupted || !ranks.first(), "ended by a signal after ",
            state.step, " steps, which ", folder, " holds; the same command goes on from there");
  });
  if (end == Trainer::End::out_of_time && ranks.first())
    tell_out_of_time(state, make_schedule(settings, train.size()).num_steps());
  return end == Trainer::End::finished;
}

/// Deals the time that the settings allow to the fits that are still to come.
class TimeShare {
 public:
  TimeShare(const TrainingSettings &settings, int num_fits)
      : max_seconds_(settings.max_seconds), num_left_(num_fits)
  {
  }

  /// For the next fit, s; 0: no limit.
  double next()
  {
    constexpr double least = 1e-3;
    const std::chrono::duration<double> past = std::chrono::steady_clock::now() - begin_;
    const int num_fits = std::max(num_left_--, 1);
    return max_seconds_ > 0.0 ? std::max((max_seconds_ - past.count()) / num_fits, least) : 0.0;
  }

 private:
  double max_seconds_;
  int num_left_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// Training frames that are not in a fold.
std::vector<std::size_t> outside(const TrainingData &data, int fold)
{
  std::vector<std::size_t> frames;
  for (std::size_t n = 0; n < data.fold.size(); ++n)
    if (data.fold[n] != fold) frames.push_back(n);
  return frames;
}

/// Predictions of the training frames by fits that are like the one to come, each without a fold.
Judgement judge_by_folds(const TrainingSettings &settings, const Input &input,
                         const std::string &identity, TimeShare &time, const Ranks &ranks)
{
  Judgement judgement;
  for (int fold = 0; fold < input.data.num_folds; ++fold) {
    const TrainingData part = without_fold(input.data, fold);
    TrainingSettings own = settings;
    own.checkpoint = folder_of_fold(settings.checkpoint, fold);
    own.max_seconds = time.next();
    std::optional<Fit> fit;
    ranks.agree([&] {
      fit.emplace(own, part, input.start_or_null(), ranks);
      if (ranks.first() && fold == 0) announce(input.data, settings, *fit, ranks);
    });
    if (ranks.first())
      std::fprintf(stderr, "fit %d of %d without a part: %zu frames, to judge %zu\n", fold + 1,
                   input.data.num_folds, part.train.size(), part.held_out.size());
    fit->begin(own, input.start_or_null(), ranks);
    continue_fit(*fit, fit->state, fit->train, {}, own, identity, ranks);
    fit->release();
    const Potential potential = to_potential(fit->model, fit->state.kept_parameters);
    judgement.add(potential, input.data.train, outside(input.data, fold), part.held_out, ranks);
    if (settings.novelty) judgement.add_novelty(potential, part.train, part.held_out, ranks);
  }
  return judgement;
}

/// Continues a finished fit on all frames, those held out too.
/// @return  nothing if it ran out of time
std::optional<TrainingState> learn_all_frames(Fit &fit, const TrainingSettings &settings,
                                              const std::string &identity, TimeShare &time,
                                              const Ranks &ranks)
{
  TrainingSettings last = for_all_frames(settings, fit.train.size());
  last.max_seconds = time.next();
  if (settings.patience == 0)
    keep_latest(fit.state, make_schedule(settings, fit.train.size()).epochs);
  // beside that of the fit, which is needed once more
  last.checkpoint = (std::filesystem::path(settings.checkpoint) / "all_frames").string();
  if (ranks.first()) std::fprintf(stderr, "%d more epochs on all frames\n", *last.epochs);
  TrainingState state = for_last_passes(fit.state);
  fit.train = PreparedFrames(fit.train, fit.held_out);
  fit.train.replicate(ranks);
  if (continue_fit(fit, state, fit.train, {}, last, identity, ranks)) return state;
  return std::nullopt;
}

}    // namespace

void fit_potential(const TrainingSettings &given, const Ranks &ranks)
{
  Input input;
  ranks.agree([&] {
    if (ranks.first()) check_output(given);
  });
  ranks.agree([&] { read(input, given); });
  ranks.agree([&] {
    if (ranks.first()) tell_findings(input.data);
  });
  judge_start(input, ranks);
  choose_weight_decay(input);
  const std::string tuning = search_settings(input.settings, input, ranks);
  TrainingSettings settings = input.settings;
  if (!tuning.empty()) settings = settings_of_record(input.settings, tuning, input.data);
  if (!input.start && settings.cutoff) input.data.cutoff = *settings.cutoff;
  const std::string identity = identity_of(settings, input);
  ranks.agree([&] {
    if (!ranks.first()) return;
    if (input.own_checkpoint) remove_foreign_checkpoint(settings.checkpoint, identity);
  });
  const Interruption interruption;
  const bool last_passes = has_last_passes(settings, input.data);
  TimeShare time(settings, input.data.num_folds + 1);
  Judgement judgement = input.data.num_folds > 0
                            ? judge_by_folds(settings, input, identity, time, ranks)
                            : std::move(input.judgement);

  std::optional<Fit> fit;
  ranks.agree([&] {
    fit.emplace(settings, input.data, input.start_or_null(), ranks);
    if (ranks.first() && input.data.num_folds == 0) announce(input.data, settings, *fit, ranks);
  });
  fit->begin(settings, input.start_or_null(), ranks);
  announce_memory(*fit, settings, ranks);
  settings.max_seconds = time.next();
  const bool in_time =
      continue_fit(*fit, fit->state, fit->train, fit->held_out, settings, identity, ranks);
  std::optional<TrainingState> all_frames;
  if (in_time && last_passes) all_frames = learn_all_frames(*fit, settings, identity, time, ranks);
  fit->release();
  finish_potential(fit->model, input.data, resolved(settings, fit->model.settings, input.data),
                   fit->state, all_frames ? &*all_frames : nullptr, std::move(judgement),
                   input.keeps_calibration ? &*input.start : nullptr, tuning, ranks);
  if (ranks.first() && input.own_checkpoint) std::filesystem::remove_all(settings.checkpoint);
}

TrainingSettings resolved_settings(const TrainingSettings &given)
{
  Input input;
  read(input, given);
  const bool full = input.start && input.settings.refit == "full",
             knows_new = input.start && input.data.new_elements.empty() &&
                         input.moved_zero.empty() && given.validation.empty() &&
                         new_frames(*input.start, input.data.train);
  const bool holds_out = input.start && (full || !knows_new);
  if (full) forget_start(input);
  if (holds_out) hold_out(input.data, input.settings);    // as much as without the start
  choose_weight_decay(input);
  TrainingSettings settings = input.settings;
  settings.checkpoint = given.checkpoint;
  return resolved(settings, model_settings(settings, input.data.elements, input.data.cutoff),
                  input.data);
}

}    // namespace almlip::train
