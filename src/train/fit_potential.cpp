#include "train/fit_potential.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "almlip/error.h"
#include "train/checkpoint.h"
#include "train/finish_potential.h"
#include "train/initial_model.h"
#include "train/progress.h"
#include "train/trainer.h"
#include "train/training_data.h"

namespace almlip {

namespace {

/// Everything that is made from settings and frames before the first step.
struct Preparation {
  TrainingSettings settings;    ///< as given, and what `start` adds
  TrainingData data;
  std::optional<Potential> start;
  TrainingModel model;
  std::unique_ptr<CommitteeLoss> loss;
  PreparedFrames train, held_out;
  std::string identity;    ///< of the fit, for its checkpoints
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

void prepare(Preparation &p, const TrainingSettings &given)
{
  check_output(given.output);
  if (!given.start.empty()) p.start = read_potential(given.start);
  p.settings = p.start ? continued(given, p.start->settings) : given;
  const TrainingSettings &settings = p.settings;
  p.data = read_training_data(settings);
  p.model = p.start ? make_training_model(settings, p.data, *p.start)
                    : make_training_model(settings, p.data);
  p.loss = CommitteeLoss::create(p.model, settings.precision);
  p.train = PreparedFrames(*p.loss, p.data.train);
  p.held_out = PreparedFrames(*p.loss, p.data.held_out);
  p.identity =
      content_hash(to_json(settings, true) + p.data.hash + (p.start ? to_json(*p.start) : ""));
}

void announce(const Preparation &p, const Ranks &ranks)
{
  std::size_t num_atoms = 0;
  for (const Frame &frame : p.data.train) num_atoms += frame.atomic_numbers.size();
  std::string elements;
  for (const std::string &symbol : p.data.elements) elements += " " + symbol;
  const Schedule schedule = make_schedule(p.settings, p.train.size());
  std::fprintf(stderr, "%zu training frames (%zu atoms of%s), %zu held out", p.data.train.size(),
               num_atoms, elements.c_str(), p.data.held_out.size());
  if (p.data.num_skipped > 0)
    std::fprintf(stderr, ", %d with isolated atoms skipped", p.data.num_skipped);
  std::fprintf(stderr, "; cutoff %g Angstrom, %d members, %d epochs of %d steps, %d process%s\n",
               p.data.cutoff, p.model.settings.num_members, schedule.epochs,
               schedule.steps_per_epoch, ranks.size(), ranks.size() > 1 ? "es" : "");
}

TrainingState start_state(Preparation &p, const Ranks &ranks)
{
  const TrainingSettings &settings = p.settings;
  TrainingState state;
  state.parameters =
      p.start ? from_potential(p.model, *p.start) : initial_parameters(p.model, settings.seed);
  p.loss->set_parameters(state.parameters);
  if (!p.start) standardise(p.model, *p.loss, p.train, ranks);
  state.optimiser =
      Soap::create(Trainer::optimiser_blocks(p.model.settings, settings), {}, settings.precision);
  return state;
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
}

}    // namespace

void fit_potential(const TrainingSettings &given, const Ranks &ranks)
{
  Preparation p;
  ranks.agree([&] { prepare(p, given); });
  const TrainingSettings &settings = p.settings;
  TrainingState state = start_state(p, ranks);
  ranks.agree([&] {
    if (!ranks.first()) return;
    announce(p, ranks);
    if (settings.checkpoint.empty()) return;
    if (read_checkpoint(settings.checkpoint, p.identity, state))
      std::fprintf(stderr, "continued from %s after %d steps\n", settings.checkpoint.c_str(),
                   state.step);
    write_checkpoint(settings.checkpoint, p.identity,
                     state);    // a folder that cannot be written to shows now
  });
  broadcast(state, ranks);

  Progress progress;
  Trainer::Hooks hooks;
  hooks.epoch = [&](const EpochReport &report) { progress.show(report); };
  if (!settings.checkpoint.empty())
    hooks.checkpoint = [&](const TrainingState &now) {
      write_checkpoint(settings.checkpoint, p.identity, now);
    };
  Trainer(*p.loss, p.model, settings, ranks).run(state, p.train, p.held_out, hooks);
  ranks.agree([&] {
    if (ranks.first()) finish_potential(p.model, p.data, settings, state);
  });
}

}    // namespace almlip
