#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "almlip/error.h"
#include "almlip/random.h"

namespace almlip {

namespace {

constexpr double score_tolerance =
    2.0;    // of the least held-out score, for parameters that are kept

class Stopwatch {
 public:
  double seconds() const
  {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::vector<int> atom_counts(const PreparedFrames &frames)
{
  std::vector<int> counts;
  for (const auto &frame : frames.prepared) counts.push_back(frame->num_atoms);
  return counts;
}

std::vector<int> all_of(const PreparedFrames &frames)
{
  std::vector<int> indices(static_cast<std::size_t>(frames.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

double huber_square(double residual, double huber)
{
  if (huber <= 0.0) return residual * residual;
  const double ratio = residual / huber;
  return 2.0 * huber * huber * (std::sqrt(1.0 + ratio * ratio) - 1.0);
}

/// Sums over one frame: |dF|, huberised dF^2, components; |dE/n|, (dE/n)^2, frames.
struct ErrorSums {
  double force = 0.0, force_square = 0.0, components = 0.0, energy = 0.0, energy_square = 0.0,
         frames = 0.0;

  void add(const MemberPrediction &prediction, const Frame &frame, double huber)
  {
    const std::size_t num_members = prediction.energy.size();
    for (std::size_t i = 0; i < frame.atomic_numbers.size(); ++i)
      for (std::size_t d = 0; d < 3; ++d) {
        double mean = 0.0;
        for (std::size_t k = 0; k < num_members; ++k)
          mean +=
              prediction.forces[3 * num_members * i + 3 * k + d] / static_cast<double>(num_members);
        const double residual = mean - frame.forces[3 * i + d];
        force += std::fabs(residual);
        force_square += huber_square(residual, huber);
      }
    const double mean = std::accumulate(prediction.energy.begin(), prediction.energy.end(), 0.0) /
                        static_cast<double>(num_members);
    const double residual = (mean - *frame.energy) / frame.num_atoms();
    components += static_cast<double>(frame.forces.size());
    energy += std::fabs(residual);
    energy_square += residual * residual;
    frames += 1.0;
  }
};

}    // namespace

PreparedFrames::PreparedFrames(CommitteeLoss &loss, const std::vector<Frame> &all) : frames(&all)
{
  for (const Frame &frame : all) prepared.push_back(loss.prepare(frame));
}

std::vector<int> epoch_order(int num_frames, int seed, int epoch)
{
  std::vector<int> order(static_cast<std::size_t>(num_frames));
  std::iota(order.begin(), order.end(), 0);
  Random random((static_cast<std::uint64_t>(seed) << 32) + static_cast<std::uint64_t>(epoch) + 1);
  for (std::size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[random.below(n)]);
  return order;
}

std::vector<int> deal(const std::vector<int> &frames, const std::vector<int> &num_atoms, int rank,
                      int num_ranks)
{
  if (num_ranks == 1) return frames;
  const auto atoms = [&](int frame) { return num_atoms[static_cast<std::size_t>(frame)]; };
  std::vector<int> largest_first = frames, mine;
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [&](int a, int b) { return atoms(a) > atoms(b); });
  std::vector<long> load(static_cast<std::size_t>(num_ranks), 0);
  for (const int frame : largest_first) {
    const auto lightest = std::min_element(load.begin(), load.end());
    *lightest += atoms(frame);
    if (lightest - load.begin() == rank) mine.push_back(frame);
  }
  return mine;
}

Trainer::Trainer(CommitteeLoss &loss, const TrainingModel &model, const TrainingSettings &settings,
                 const Ranks &ranks)
    : loss_(loss),
      model_(model),
      settings_(settings),
      ranks_(ranks),
      tie_(model, settings.radial_tie)
{
}

std::vector<SoapBlock> Trainer::optimiser_blocks(const ModelSettings &model,
                                                 const TrainingSettings &settings)
{
  std::vector<SoapBlock> blocks;
  for (const ParameterBlock &block : CommitteeLoss::layout(model)) {
    SoapBlock entry{block.offset, block.rows, block.cols};
    if (block.kind == ParameterBlock::Kind::radial) entry.rate = settings.radial_rate;
    if (block.kind == ParameterBlock::Kind::hidden || block.kind == ParameterBlock::Kind::output)
      entry.weight_decay = settings.weight_decay;
    blocks.push_back(entry);
  }
  return blocks;
}

bool Trainer::run(TrainingState &state, const PreparedFrames &train, const PreparedFrames &held_out,
                  const Hooks &hooks)
{
  const Schedule schedule = make_schedule(settings_, train.size());
  const Stopwatch total;
  Stopwatch since_checkpoint;
  int ordered_epoch = -1;
  std::vector<int> order;
  bool in_time = true;
  while (in_time && state.step < schedule.num_steps() && !out_of_patience(state, schedule)) {
    const int epoch = state.step / schedule.steps_per_epoch;
    if (epoch != ordered_epoch)
      order = epoch_order(train.size(), settings_.seed, ordered_epoch = epoch);
    do_step(state, train, schedule, order);
    if (state.step % schedule.steps_per_epoch == 0) end_epoch(state, held_out, schedule, hooks);
    if (ranks_.first() && hooks.checkpoint &&
        since_checkpoint.seconds() >= settings_.checkpoint_seconds) {
      hooks.checkpoint(state);
      since_checkpoint = {};
    }
    std::vector<double> stop{
        settings_.max_seconds > 0.0 && total.seconds() > settings_.max_seconds ? 1.0 : 0.0};
    ranks_.broadcast(stop);    // the first rank's clock decides
    in_time = stop[0] == 0.0;
  }
  if (state.kept_parameters.empty())
    state.kept_parameters = state.parameters;    // stopped within the first epoch
  if (ranks_.first() && hooks.checkpoint) hooks.checkpoint(state);
  return in_time || state.step == schedule.num_steps();
}

void Trainer::do_step(TrainingState &state, const PreparedFrames &train, const Schedule &schedule,
                      const std::vector<int> &order)
{
  const int begin = state.step % schedule.steps_per_epoch * settings_.batch,
            end = std::min(begin + settings_.batch, train.size());
  const std::vector<int> batch(order.begin() + begin, order.begin() + end),
      counts = atom_counts(train);
  double num_atoms = 0.0;
  for (const int frame : batch) num_atoms += counts[static_cast<std::size_t>(frame)];
  BatchWeights weights;
  weights.per_component = 1.0 / (3.0 * num_atoms);
  weights.per_frame = 1.0 / static_cast<double>(batch.size());
  weights.energy = settings_.energy_weight * schedule.energy_factor(state.step);
  weights.stress = settings_.stress_weight;
  weights.huber = settings_.huber;

  loss_.set_parameters(state.parameters);
  loss_.clear_gradient();
  double loss = 0.0;
  for (const int frame : deal(batch, counts, ranks_.rank(), ranks_.size()))
    loss += loss_.add(*train.prepared[static_cast<std::size_t>(frame)], weights,
                      settings_.radial_rate > 0.0);
  std::vector<double> gradient, sum{loss};
  loss_.gradient(gradient);
  ranks_.sum_on_first(gradient);
  ranks_.sum(sum);
  require(std::isfinite(sum[0]), "the loss is not finite after ", state.step,
          " steps; lower \"learning_rate\" (it is ", schedule.learning_rate,
          ") or look for wrong labels in the training frames");
  if (ranks_.first()) {
    tie_.add_gradient(state.parameters, gradient);
    state.optimiser->step(state.parameters, gradient, schedule.rate(state.step));
  }
  ranks_.broadcast(state.parameters);
  state.epoch_loss += sum[0] * model_.scale * model_.scale / model_.settings.num_members;
  ++state.step;
}

/// True between two epochs if the held-out error has not fallen for too long.
bool Trainer::out_of_patience(const TrainingState &state, const Schedule &schedule) const
{
  if (schedule.patience == 0 || state.step % schedule.steps_per_epoch != 0) return false;
  return state.step / schedule.steps_per_epoch - state.least_epoch >= schedule.patience;
}

void Trainer::end_epoch(TrainingState &state, const PreparedFrames &held_out,
                        const Schedule &schedule, const Hooks &hooks)
{
  EpochReport report;
  report.epoch = state.step / schedule.steps_per_epoch;
  report.num_epochs = schedule.epochs;
  report.train_loss = state.epoch_loss / schedule.steps_per_epoch;
  report.has_held_out = held_out.size() > 0;
  state.epoch_loss = 0.0;
  if (!schedule.judges(report.epoch)) return;
  if (report.has_held_out) report.held_out = errors(state.parameters, held_out);
  if (!report.has_held_out || report.held_out.score < state.least_score) {
    state.least_score = report.held_out.score;
    state.least_epoch = report.epoch;
  }
  if (report.held_out.score <= score_tolerance * state.least_score) {
    state.kept_parameters = state.parameters;
    state.kept_epoch = report.epoch;
  }
  report.last = report.epoch == schedule.epochs || out_of_patience(state, schedule);
  if (ranks_.first() && hooks.epoch) hooks.epoch(report);
}

MeanErrors Trainer::errors(const std::vector<double> &parameters, const PreparedFrames &frames)
{
  loss_.set_parameters(parameters);
  ErrorSums sums;
  for (const int frame : deal(all_of(frames), atom_counts(frames), ranks_.rank(), ranks_.size())) {
    const std::size_t f = static_cast<std::size_t>(frame);
    sums.add(loss_.predict(*frames.prepared[f]), (*frames.frames)[f], settings_.huber);
  }
  std::vector<double> all{sums.force,  sums.force_square,  sums.components,
                          sums.energy, sums.energy_square, sums.frames};
  ranks_.sum(all);
  MeanErrors errors;
  errors.force_mae = all[0] / all[2];
  errors.energy_mae = all[3] / all[5];
  errors.score = all[1] / all[2] + settings_.energy_weight * all[4] / all[5];
  return errors;
}

}    // namespace almlip
