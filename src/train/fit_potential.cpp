#include "train/fit_potential.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "almlip/error.h"
#include "train/checkpoint.h"
#include "train/finish_potential.h"
#include "train/fit.h"
#include "train/progress.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/tune/tune.h"

namespace almlip::train {

namespace {

/// What the settings name, read and checked.
struct Input {
  TrainingSettings settings;    ///< as given, and what `start` adds
  TrainingData data;
  std::optional<Potential> start;

  const Potential *start_or_null() const { return start ? &*start : nullptr; }
};

void check_output(const std::string &path)
{
  namespace fs = std::filesystem;
  const fs::path folder = fs::absolute(path).parent_path();
  require(!path.empty() && !fs::is_directory(path), "\"output\" is \"", path,
          "\", but it must name a file");
  require(fs::is_directory(folder) && access(folder.c_str(), W_OK) == 0, "\"output\" is \"", path,
          "\", but the folder ", folder.string(), " cannot be written to");
}

/// Like a prior weaker the more data there is. The law is ours: best by cross-validation were 0.5
/// with 9,000 atoms of an element (Mo), 0.15 with 25,000 (Ni, Cu), 0.02 or less with 50,000 and
/// more (InP, TiO2).
double weight_decay_for(const TrainingData &data)
{
  double num_atoms = 0.0;
  for (const Frame &frame : data.train) num_atoms += frame.num_atoms();
  const double scarcity = 10000.0 * static_cast<double>(data.elements.size()) / num_atoms;
  return largest_weight_decay * std::min(1.0, scarcity * scarcity);
}

void read(Input &input, const TrainingSettings &given)
{
  check_output(given.output);
  require(given.tune == 0.0 || given.start.empty(),
          "--tune searches the shape of the model and --start keeps it; use one of them");
  if (!given.start.empty()) input.start = read_potential(given.start);
  input.settings = input.start ? continued(given, input.start->settings) : given;
  input.data = read_training_data(input.settings);
  if (!input.settings.weight_decay) input.settings.weight_decay = weight_decay_for(input.data);
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
    if (ranks.first() && !folder.empty()) record = read_tuned(folder, identity);
  });
  ranks.broadcast(record);
  if (record.empty()) record = tune(settings, input.data, ranks);
  ranks.agree([&] {
    if (ranks.first() && !folder.empty()) write_tuned(folder, identity, record);
  });
  return record;
}

void announce(const TrainingData &data, const TrainingSettings &settings, const Fit &fit,
              int num_not_kept, const Ranks &ranks)
{
  std::size_t num_atoms = 0;
  for (const Frame &frame : data.train) num_atoms += frame.atomic_numbers.size();
  std::string elements;
  for (const std::string &symbol : data.elements) elements += " " + symbol;
  const Schedule schedule = make_schedule(settings, static_cast<int>(data.train.size()));
  std::fprintf(stderr, "%zu training frames (%zu atoms of%s), %zu held out", data.train.size(),
               num_atoms, elements.c_str(), data.held_out.size());
  if (data.num_skipped > 0)
    std::fprintf(stderr, ", %d with isolated atoms skipped", data.num_skipped);
  std::fprintf(stderr, "; cutoff %g Angstrom, %d members, %d epochs of %d steps, %d process%s\n",
               data.cutoff, fit.model.settings.num_members, schedule.epochs,
               schedule.steps_per_epoch, ranks.size(), ranks.size() > 1 ? "es" : "");
  if (num_not_kept > 0)
    std::fprintf(stderr, "%d frames are prepared anew in every step, within %g GB of memory\n",
                 num_not_kept, settings.memory);
}

/// Gives all ranks what the first one has read from its checkpoint.
void broadcast(TrainingState &state, const Ranks &ranks)
{
  std::vector<double> numbers{static_cast<double>(state.step),
                              state.epoch_loss,
                              state.least_score,
                              static_cast<double>(state.least_epoch),
                              static_cast<double>(state.kept_epoch),
                              state.kept_parameters.empty() ? 0.0 : 1.0};
  ranks.broadcast(numbers);
  state.step = static_cast<int>(numbers[0]);
  state.epoch_loss = numbers[1];
  state.least_score = numbers[2];
  state.least_epoch = static_cast<int>(numbers[3]);
  state.kept_epoch = static_cast<int>(numbers[4]);
  state.kept_parameters.resize(numbers[5] > 0.0 ? state.parameters.size() : 0);
  ranks.broadcast(state.parameters);
  ranks.broadcast(state.kept_parameters);
  std::ostringstream out;
  if (ranks.first()) state.optimiser->save(out);
  std::string optimiser = out.str();
  ranks.broadcast(optimiser);
  std::istringstream in(optimiser);
  if (!ranks.first()) state.optimiser->load(in);
}

/// Runs a fit to its end, from its checkpoint if there is one.
/// @return  false if it ran out of time
bool continue_fit(Fit &fit, TrainingState &state, const PreparedFrames &train,
                  const PreparedFrames &held_out, const TrainingSettings &settings,
                  const std::string &identity, const Ranks &ranks)
{
  const std::string &folder = settings.checkpoint;
  ranks.agree([&] {
    if (!ranks.first() || folder.empty()) return;
    if (read_checkpoint(folder, identity, state))
      std::fprintf(stderr, "continued from %s after %d steps\n", folder.c_str(), state.step);
    write_checkpoint(folder, identity, state);    // a folder that cannot be written to shows now
  });
  broadcast(state, ranks);
  Progress progress;
  Trainer::Hooks hooks;
  hooks.epoch = [&](const EpochReport &report) { progress.show(report); };
  if (!folder.empty())
    hooks.checkpoint = [&](const TrainingState &now) { write_checkpoint(folder, identity, now); };
  return Trainer(*fit.loss, fit.model, settings, ranks).run(state, train, held_out, hooks);
}

}    // namespace

void fit_potential(const TrainingSettings &given, const Ranks &ranks)
{
  Input input;
  ranks.agree([&] { read(input, given); });
  const std::string tuning = search_settings(input.settings, input, ranks);
  TrainingSettings settings = input.settings;
  if (!tuning.empty()) settings = settings_of_record(input.settings, tuning, input.data);
  if (!input.start && settings.cutoff) input.data.cutoff = *settings.cutoff;
  std::optional<Fit> fit;
  ranks.agree([&] { fit.emplace(settings, input.data, input.start_or_null(), ranks); });
  fit->begin(settings, input.start_or_null(), ranks);
  const std::string identity = identity_of(settings, input);
  std::vector<double> num_not_kept{static_cast<double>(fit->num_not_kept())};
  ranks.sum(num_not_kept);
  ranks.agree([&] {
    if (ranks.first())
      announce(input.data, settings, *fit, static_cast<int>(num_not_kept[0]), ranks);
  });
  const auto begin = std::chrono::steady_clock::now();
  const bool in_time =
      continue_fit(*fit, fit->state, fit->train, fit->held_out, settings, identity, ranks);

  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  TrainingSettings last = for_all_frames(settings, fit->train.size());
  if (settings.max_seconds > 0.0)
    last.max_seconds = std::max(settings.max_seconds - time.count(), 1e-3);
  if (!settings.checkpoint.empty())    // beside that of the fit, which is needed once more
    last.checkpoint = (std::filesystem::path(settings.checkpoint) / "all_frames").string();
  TrainingState all_frames;
  bool learned_all = false;
  if (in_time && has_last_passes(settings, input.data)) {
    if (ranks.first()) std::fprintf(stderr, "%d more epochs on all frames\n", *last.epochs);
    all_frames = for_last_passes(fit->state);
    fit->train = PreparedFrames(fit->train, fit->held_out);
    fit->train.replicate(ranks);
    learned_all = continue_fit(*fit, all_frames, fit->train, {}, last, identity, ranks);
  }
  fit->release();
  finish_potential(fit->model, input.data, settings, fit->state,
                   learned_all ? &all_frames : nullptr, tuning, ranks);
}

}    // namespace almlip::train
