#include "train/fit_potential.h"

#include <unistd.h>

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
#include "train/tune.h"

namespace almlip {

namespace {

/// What the settings name, read and checked.
struct Input {
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

void read(Input &input, const TrainingSettings &settings)
{
  check_output(settings.output);
  require(settings.tune == 0.0 || settings.start.empty(),
          "--tune searches the shape of the model and --start keeps it; use one of them");
  if (!settings.start.empty()) input.start = read_potential(settings.start);
  TrainingSettings known = settings;    // a refit keeps the cutoff
  if (input.start && !known.cutoff) known.cutoff = input.start->settings.cutoff;
  input.data = read_training_data(known);
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

void announce(const TrainingData &data, const TrainingSettings &settings, const Ranks &ranks,
              int num_not_kept)
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
               data.cutoff, settings.members, schedule.epochs, schedule.steps_per_epoch,
               ranks.size(), ranks.size() > 1 ? "es" : "");
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

}    // namespace

void fit_potential(const TrainingSettings &user_settings, const Ranks &ranks)
{
  Input input;
  ranks.agree([&] { read(input, user_settings); });
  const std::string tuning = search_settings(user_settings, input, ranks);
  TrainingSettings settings = user_settings;
  if (!tuning.empty()) settings = settings_of_record(user_settings, tuning, input.data);
  if (!input.start && settings.cutoff) input.data.cutoff = *settings.cutoff;
  std::optional<Fit> fit;
  ranks.agree([&] { fit.emplace(settings, input.data, input.start_or_null(), ranks); });
  fit->begin(settings, input.start_or_null(), ranks);
  const std::string identity = identity_of(settings, input);
  std::vector<double> num_not_kept{static_cast<double>(fit->num_not_kept())};
  ranks.sum(num_not_kept);
  ranks.agree([&] {
    if (!ranks.first()) return;
    announce(input.data, settings, ranks, static_cast<int>(num_not_kept[0]));
    if (settings.checkpoint.empty()) return;
    if (read_checkpoint(settings.checkpoint, identity, fit->state))
      std::fprintf(stderr, "continued from %s after %d steps\n", settings.checkpoint.c_str(),
                   fit->state.step);
    write_checkpoint(settings.checkpoint, identity,
                     fit->state);    // a folder that cannot be written to shows now
  });
  broadcast(fit->state, ranks);

  Progress progress;
  Trainer::Hooks hooks;
  hooks.epoch = [&](const EpochReport &report) { progress.show(report); };
  if (!settings.checkpoint.empty())
    hooks.checkpoint = [&](const TrainingState &now) {
      write_checkpoint(settings.checkpoint, identity, now);
    };
  Trainer(*fit->loss, fit->model, settings, ranks)
      .run(fit->state, fit->train, fit->held_out, hooks);
  fit->release();
  ranks.agree([&] {
    if (ranks.first()) finish_potential(fit->model, input.data, settings, fit->state, tuning);
  });
}

}    // namespace almlip
