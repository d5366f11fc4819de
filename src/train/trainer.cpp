// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <sstream>

#include "almlip/error.h"
#include "almlip/random.h"
#include "parallel/interruption.h"

namespace almlip::train {

namespace {

constexpr double score_tolerance =
    2.0;    // of the least held-out score, for parameters that are kept

/// Of an epoch in the mean virial errors: within one epoch those of all frames are off together.
constexpr double newest_share = 0.25;

class Stopwatch {
 public:
  double seconds() const
  {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

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
    for (std::size_t i = 0; 3 * i < frame.forces.size(); ++i)
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

int work_of(const Frame &frame)
{
  constexpr int lanes = 16;    // of the widest packs, on every machine alike
  std::map<int, int> count;    // by atomic number
  for (const int number : frame.atomic_numbers) ++count[number];
  int work = 0;
  for (const auto &[number, atoms] : count) work += (atoms + lanes - 1) / lanes * lanes;
  return work;
}

}    // namespace

PreparedFrames::PreparedFrames(CommitteeLoss &loss, const std::vector<Frame> &frames,
                               const Ranks &ranks, double bytes)
    : loss_(&loss), kept_(frames.size()), max_bytes_(bytes)
{
  for (const Frame &frame : frames) {
    frames_.push_back(&frame);
    num_labelled_atoms_.push_back(static_cast<int>(frame.forces.size() / 3));
    work_.push_back(work_of(frame));
  }
  owner_ = deal(work_, ranks.size());
  for (int f = 0; f < size(); ++f) {
    if (owner_[static_cast<std::size_t>(f)] != ranks.rank()) continue;
    own_.push_back(f);
    if (bytes_ >= bytes) continue;
    std::shared_ptr<const PreparedFrame> made = loss.prepare(frame(f));
    const double size = static_cast<double>(made->bytes());
    if (bytes_ + size > bytes) continue;
    bytes_ += size;
    ++num_kept_;
    kept_[static_cast<std::size_t>(f)] = std::move(made);
  }
}

PreparedFrames::PreparedFrames(const PreparedFrames &first, const PreparedFrames &second)
    : PreparedFrames(first)
{
  const auto append = [](auto &to, const auto &from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(frames_, second.frames_);
  append(num_labelled_atoms_, second.num_labelled_atoms_);
  append(owner_, second.owner_);
  append(kept_, second.kept_);
  for (const int f : second.own_) own_.push_back(first.size() + f);
  bytes_ += second.bytes_;
  max_bytes_ += second.bytes_;
  num_kept_ += second.num_kept_;
  replicated_ = false;
  work_.clear();    // of a list that was replicated it is in bytes
  for (const Frame *frame : frames_) work_.push_back(work_of(*frame));
}

void PreparedFrames::replicate(const Ranks &ranks)
{
  std::vector<double> sums{bytes_, static_cast<double>(num_kept_)};
  ranks.sum(sums);
  std::vector<double> num_able{sums[0] <= max_bytes_ ? 1.0 : 0.0};
  ranks.sum(num_able);
  replicated_ =
      static_cast<int>(sums[1]) == size() && static_cast<int>(num_able[0]) == ranks.size();
  if (!replicated_) return;
  std::vector<double> bytes(frames_.size(), 0.0);    // by frame: packs and their neighbours
  for (const int f : own_)
    bytes[static_cast<std::size_t>(f)] =
        static_cast<double>(kept_[static_cast<std::size_t>(f)]->bytes());
  ranks.sum(bytes);
  work_.assign(bytes.begin(), bytes.end());
}

std::shared_ptr<const PreparedFrame> PreparedFrames::prepared(int f) const
{
  const auto &kept = kept_[static_cast<std::size_t>(f)];
  if (kept) return kept;
  std::shared_ptr<const PreparedFrame> made = loss_->prepare(frame(f));
  if (replicated_) kept_[static_cast<std::size_t>(f)] = made;
  return made;
}

void keep_latest(TrainingState &state, int num_epochs)
{
  state.kept_parameters = state.parameters;
  state.kept_stress_offsets = state.stress_offsets;
  state.kept_epoch = num_epochs;
}

TrainingState for_last_passes(TrainingState &state)
{
  TrainingState last;
  last.parameters = state.kept_parameters;
  last.stress_offsets = state.kept_stress_offsets;
  last.optimiser = std::move(state.optimiser);
  last.optimiser->restart();
  return last;
}

std::vector<int> epoch_order(int num_frames, int seed, int epoch)
{
  std::vector<int> order(static_cast<std::size_t>(num_frames));
  std::iota(order.begin(), order.end(), 0);
  Random random((static_cast<std::uint64_t>(seed) << 32) + static_cast<std::uint64_t>(epoch) + 1);
  for (std::size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[random.below(n)]);
  return order;
}

std::vector<int> deal(const std::vector<int> &work, int num_ranks)
{
  std::vector<int> largest_first(work.size()), owner(work.size(), 0);
  std::iota(largest_first.begin(), largest_first.end(), 0);
  const auto work_of = [&](int frame) { return work[static_cast<std::size_t>(frame)]; };
  std::stable_sort(largest_first.begin(), largest_first.end(),
                   [&](int a, int b) { return work_of(a) > work_of(b); });
  std::vector<long> load(static_cast<std::size_t>(num_ranks), 0);
  for (const int frame : largest_first) {
    const auto lightest = std::min_element(load.begin(), load.end());
    *lightest += work_of(frame);
    owner[static_cast<std::size_t>(frame)] = static_cast<int>(lightest - load.begin());
  }
  return owner;
}

std::vector<int> deal_batch(const std::vector<int> &frames, const std::vector<int> &work,
                            const std::vector<int> &owners, double price, int rank, int num_ranks)
{
  if (num_ranks == 1) return frames;
  const auto work_of = [&](int frame) { return work[static_cast<std::size_t>(frame)]; };
  std::vector<std::vector<int>> dealt(static_cast<std::size_t>(num_ranks));
  std::vector<double> load(dealt.size(), 0.0);
  for (const int frame : frames) {
    const std::size_t owner = static_cast<std::size_t>(owners[static_cast<std::size_t>(frame)]);
    dealt[owner].push_back(frame);
    load[owner] += work_of(frame);
  }
  for (std::size_t moves = 0; moves < frames.size(); ++moves) {
    const std::size_t from = static_cast<std::size_t>(std::max_element(load.begin(), load.end()) -
                                                      load.begin()),
                      to = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) -
                                                    load.begin());
    double least = load[from];
    std::size_t best = dealt[from].size();
    for (std::size_t n = 0; n < dealt[from].size(); ++n) {
      const double size = work_of(dealt[from][n]),
                   larger = std::max(load[from] - size, load[to] + price * size);
      if (larger < least) least = larger, best = n;
    }
    if (best == dealt[from].size()) break;
    const int frame = dealt[from][best];
    dealt[from].erase(dealt[from].begin() + static_cast<std::ptrdiff_t>(best));
    dealt[to].push_back(frame);
    load[from] -= work_of(frame);
    load[to] += price * work_of(frame);
  }
  return dealt[static_cast<std::size_t>(rank)];
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

/// Deals blocks of the optimiser, and with them parameters, to the ranks.
void Trainer::share_work(const TrainingState &state)
{
  const std::vector<SoapBlock> &blocks = state.optimiser->blocks();
  first_block_ = share_blocks(blocks, ranks_.size());
  begin_.clear();
  for (const int block : first_block_)
    begin_.push_back(static_cast<int>(static_cast<std::size_t>(block) < blocks.size()
                                          ? blocks[static_cast<std::size_t>(block)].offset
                                          : state.parameters.size()));
}

/// Brings the blocks of all ranks to the first one.
void Trainer::collect(TrainingState &state) const
{
  std::ostringstream out;
  state.optimiser->save(out, first_block_[ranks_.rank()], first_block_[ranks_.rank() + 1]);
  const std::vector<std::string> texts = ranks_.gather(out.str());
  for (std::size_t r = 1; r < texts.size(); ++r) {
    std::istringstream in(texts[r]);
    state.optimiser->load(in, first_block_[r], first_block_[r + 1]);
  }
}

std::vector<SoapBlock> Trainer::optimiser_blocks(const ModelSettings &model,
                                                 const TrainingSettings &settings)
{
  std::vector<SoapBlock> blocks;
  for (const ParameterBlock &block : CommitteeLoss::layout(model)) {
    if (block.kind != ParameterBlock::Kind::radial && block.other > 0) {
      ++blocks.back().copies;    // one more member of the same
      continue;
    }
    SoapBlock entry{block.offset, block.rows, block.cols};
    if (block.kind == ParameterBlock::Kind::radial) entry.rate = settings.radial_rate;
    if (block.kind == ParameterBlock::Kind::hidden || block.kind == ParameterBlock::Kind::output)
      entry.weight_decay = settings.weight_decay.value_or(max_weight_decay);
    blocks.push_back(entry);
  }
  return blocks;
}

Trainer::End Trainer::run(TrainingState &state, const PreparedFrames &train,
                          const PreparedFrames &held_out, const Hooks &hooks)
{
  const Schedule schedule = make_schedule(settings_, train.size());
  share_work(state);
  stress_offset_fit_ = StressOffsetFit(
      settings_.stress_weight > 0.0 ? settings_.stress_offset : "off", train.frames());
  state.virial_errors.resize(static_cast<std::size_t>(train.size()));
  const Stopwatch total;
  Stopwatch since_checkpoint;
  int ordered_epoch = -1;
  std::vector<int> order;
  bool in_time = true, interrupted = false;
  while (in_time && !interrupted && state.step < schedule.num_steps() &&
         !out_of_patience(state, schedule)) {
    const int epoch = state.step / schedule.steps_per_epoch;
    if (epoch != ordered_epoch)
      order = epoch_order(train.size(), settings_.seed, ordered_epoch = epoch);
    interrupted = do_step(state, train, schedule, order);
    if (state.step % schedule.steps_per_epoch == 0) {
      find_stress_offsets(state, schedule);
      end_epoch(state, held_out, schedule, hooks);
    }
    std::vector<double> due{
        settings_.max_seconds > 0.0 && total.seconds() > settings_.max_seconds ? 1.0 : 0.0,
        since_checkpoint.seconds() >= settings_.checkpoint_seconds ? 1.0 : 0.0};
    ranks_.broadcast(due);    // the first rank's clock decides
    if (hooks.checkpoint && due[1] > 0.0) {
      collect(state);
      if (ranks_.first()) hooks.checkpoint(state);
      since_checkpoint = {};
    }
    in_time = due[0] == 0.0;
  }
  if (state.kept_parameters.empty()) keep_latest(state, 0);    // stopped within the first epoch
  collect(state);
  if (ranks_.first() && hooks.checkpoint) hooks.checkpoint(state);
  if (interrupted) return End::interrupted;
  return in_time || state.step == schedule.num_steps() ? End::finished : End::out_of_time;
}

/// Returns whether any rank was asked to end.
bool Trainer::do_step(TrainingState &state, const PreparedFrames &train, const Schedule &schedule,
                      const std::vector<int> &order)
{
  const int begin = state.step % schedule.steps_per_epoch * schedule.batch,
            end = std::min(begin + schedule.batch, train.size());
  const std::vector<int> batch(order.begin() + begin, order.begin() + end),
      &counts = train.num_labelled_atoms();
  double num_atoms = 0.0;
  for (const int frame : batch) num_atoms += counts[static_cast<std::size_t>(frame)];
  BatchWeights weights;
  weights.per_component = 1.0 / std::max(3.0 * num_atoms, 1.0);
  weights.per_frame = 1.0 / static_cast<double>(batch.size());
  weights.energy = settings_.energy_weight * schedule.energy_factor(state.step);
  weights.huber = settings_.huber;
  weights.stress_huber = settings_.stress_huber;
  weights.energy_huber = settings_.energy_huber;

  loss_.set_parameters(state.parameters);
  loss_.clear_gradient();
  std::vector<double> gradient, sum{0.0, Interruption::signal() != 0 ? 1.0 : 0.0},
      virial_errors(batch.size());
  for (const int frame : deal_batch(batch, train.work(), train.owners(), train.price(),
                                    ranks_.rank(), ranks_.size())) {
    weights.stress =
        schedule.stress_weight(state.step, settings_.stress_weight,
                               stress_offset_fit_.is_in_doubt(frame, state.stress_offsets));
    const FrameLoss share = loss_.add(*train.prepared(frame), weights,
                                      stress_offset_fit_.virial(frame, state.stress_offsets),
                                      settings_.radial_rate > 0.0);
    sum[0] += share.loss;
    virial_errors[static_cast<std::size_t>(std::find(batch.begin(), batch.end(), frame) -
                                           batch.begin())] = share.virial_error;
  }
  sum.insert(sum.end(), virial_errors.begin(), virial_errors.end());
  loss_.gradient(gradient);
  ranks_.sum_segments(gradient, begin_);
  ranks_.sum(sum);
  require(std::isfinite(sum[0]), "the loss is not finite after ", state.step,
          " steps; lower \"learning_rate\" (it is ", schedule.learning_rate,
          ") or look for wrong labels in the training frames");
  tie_.add_gradient(state.parameters, gradient);
  state.optimiser->step(state.parameters, gradient, schedule.rate(state.step),
                        first_block_[ranks_.rank()], first_block_[ranks_.rank() + 1]);
  ranks_.share_segments(state.parameters, begin_);
  const double share = state.step < schedule.steps_per_epoch ? 1.0 : newest_share;
  for (std::size_t n = 0; n < batch.size(); ++n) {
    double &error = state.virial_errors[static_cast<std::size_t>(batch[n])];
    error += share * (sum[2 + n] - error);
  }
  state.epoch_loss += sum[0] * model_.scale * model_.scale / model_.settings.num_members;
  ++state.step;
  return sum[1] > 0.0;
}

/// After an epoch, from the errors of its steps. The first half of the fit takes labels as they
/// are: its errors have other reasons than offsets, and where energies say nothing of the pressure,
/// it is to come from the labels.
void Trainer::find_stress_offsets(TrainingState &state, const Schedule &schedule) const
{
  if (state.step < Schedule::offsets_from * schedule.num_steps()) return;
  stress_offset_fit_.update(state.virial_errors, state.stress_offsets);
}

/// True between two epochs if the held-out error has not fallen for too long.
bool Trainer::out_of_patience(const TrainingState &state, const Schedule &schedule) const
{
  if (schedule.patience == 0 || state.step % schedule.steps_per_epoch != 0) return false;
  return state.step / schedule.steps_per_epoch - state.best_epoch >= schedule.patience;
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
  if (!report.has_held_out || report.held_out.score < state.best_score) {
    state.best_score = report.held_out.score;
    state.best_epoch = report.epoch;
  }
  if (report.held_out.score <= score_tolerance * state.best_score) keep_latest(state, report.epoch);
  report.last = report.epoch == schedule.epochs || out_of_patience(state, schedule);
  if (ranks_.first() && hooks.epoch) hooks.epoch(report);
}

MeanErrors Trainer::errors(const std::vector<double> &parameters, const PreparedFrames &frames)
{
  loss_.set_parameters(parameters);
  ErrorSums sums;
  for (const int f : frames.own())
    sums.add(loss_.predict(*frames.prepared(f)), frames.frame(f), settings_.huber);
  std::vector<double> all{sums.force,  sums.force_square,  sums.components,
                          sums.energy, sums.energy_square, sums.frames};
  ranks_.sum(all);
  MeanErrors errors;
  errors.force_mae = all[0] / std::max(all[2], 1.0);
  errors.energy_mae = all[3] / all[5];
  errors.score = all[1] / std::max(all[2], 1.0) + settings_.energy_weight * all[4] / all[5];
  return errors;
}

}    // namespace almlip::train
