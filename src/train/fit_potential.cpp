// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/fit_potential.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "almlip/error.h"
#include "almlip/text.h"
#include "parallel/interruption.h"
#include "train/check/data_check.h"
#include "train/checkpoint.h"
#include "train/finish_potential.h"
#include "train/fit.h"
#include "train/fit_input.h"
#include "train/frame_statistics.h"
#include "train/progress.h"
#include "train/refit.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/tune/tune.h"

namespace almlip::train {

namespace {

/// Hash of everything that decides the fit, for its checkpoints.
std::string identity_of(const TrainingSettings &settings, const FitInput &input)
{
  return content_hash(to_json(settings, true) + input.data.hash +
                      (input.start ? to_json(*input.start) : ""));
}

/// Tells how settings were searched, in this run or in the one that left the checkpoint; empty
/// without a search.
std::string search_settings(const TrainingSettings &settings, const FitInput &input,
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
Judgement judge_by_folds(const TrainingSettings &settings, const FitInput &input,
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
  FitInput input;
  ranks.agree([&] {
    if (ranks.first()) check_output(given);
  });
  ranks.agree([&] { input = read_input(given); });
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
  FitInput input = read_input(given);
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
