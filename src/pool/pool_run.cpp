// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_run.h"

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <optional>

#include "almlip/error.h"
#include "almlip/error_statistics.h"
#include "almlip/query/row_selection.h"
#include "almlip/random.h"
#include "pool/pool_strategy.h"
#include "pool/relu_committee.h"

namespace almlip::pool {

namespace {

using Eigen::MatrixXf;
using Eigen::VectorXf;

enum Stream : std::uint64_t { initial_stream = 11, network_stream = 12, strategy_stream = 13 };

/// Some rows of descriptors as a matrix, shape [indices][features].
Eigen::MatrixXd gather(const Rows &rows, const std::vector<int> &indices)
{
  Eigen::MatrixXd result(indices.size(), rows.num_features);
  for (std::size_t i = 0; i < indices.size(); ++i)
    for (int f = 0; f < rows.num_features; ++f) result(i, f) = rows[indices[i]][f];
  return result;
}

VectorXf gather(const std::vector<double> &values, const std::vector<int> &indices)
{
  VectorXf result(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i)
    result[i] = static_cast<float>(values[indices[i]]);
  return result;
}

/// Shift and scale that give mean 0 and deviation 1 over some points, then an end at +- clip.
class Standardizer {
 public:
  Standardizer(const Eigen::MatrixXd &points, double clip)
      : clip_(clip), mean_(points.colwise().mean())
  {
    deviation_ = ((points.rowwise() - mean_).array().square().colwise().mean()).sqrt() + 1e-9;
  }

  MatrixXf operator()(const Eigen::MatrixXd &points) const
  {
    Eigen::ArrayXXd result = (points.rowwise() - mean_).array().rowwise() / deviation_;
    if (clip_ > 0.0) result = result.max(-clip_).min(clip_);
    return result.matrix().cast<float>();
  }

 private:
  double clip_;
  Eigen::RowVectorXd mean_;
  Eigen::Array<double, 1, Eigen::Dynamic> deviation_;
};

/// Mean and sample deviation of the members, in the unit of the targets.
struct Prediction {
  std::vector<double> mean, spread;
};

Prediction predict(const ReluCommittee &committee, const MatrixXf &points, double target_mean,
                   double target_deviation)
{
  const Eigen::MatrixXd outputs = committee.predict(points).cast<double>();
  Prediction result;
  for (Eigen::Index i = 0; i < outputs.rows(); ++i) {
    const double mean = outputs.row(i).mean();
    const double square =
        (outputs.row(i).array() - mean).square().sum() / double(outputs.cols() - 1);
    result.mean.push_back(mean * target_deviation + target_mean);
    result.spread.push_back(std::sqrt(square) * target_deviation);
  }
  return result;
}

/// Prediction minus reference.
std::vector<double> errors_of(const Prediction &prediction, const VectorXf &reference)
{
  std::vector<double> result;
  for (std::size_t i = 0; i < prediction.mean.size(); ++i)
    result.push_back(prediction.mean[i] - reference[i]);
  return result;
}

TestError summarize(std::vector<double> errors, const VectorXf &reference,
                    bool without_offset = false)
{
  if (without_offset) {
    std::vector<double> sorted = errors;
    std::nth_element(sorted.begin(), sorted.begin() + sorted.size() / 2, sorted.end());
    for (double &error : errors) error -= sorted[sorted.size() / 2];
  }
  TestError result;
  double squares = 0.0;
  for (double error : errors) {
    result.mae += std::abs(error) / double(errors.size());
    squares += error * error;
  }
  result.rmse = std::sqrt(squares / double(errors.size()));
  const double variance =
      (reference.cast<double>().array() - reference.cast<double>().mean()).square().sum();
  result.r2 = variance > 0.0 ? 1.0 - squares / variance : 0.0;
  return result;
}

constexpr int num_levels = 19;

/// Share of errors within z(level) factor spread, for the levels 0.05 .. 0.95.
std::vector<double> reliability_of(const std::vector<double> &errors,
                                   const std::vector<double> &spread, double factor)
{
  std::vector<double> result;
  for (int k = 1; k <= num_levels; ++k) {
    const double z = factor * normal_quantile(0.5 * (1.0 + 0.05 * k));
    int within = 0;
    for (std::size_t i = 0; i < errors.size(); ++i)
      within += std::abs(errors[i]) <= z * spread[i] ? 1 : 0;
    result.push_back(errors.empty() ? 0.0 : double(within) / double(errors.size()));
  }
  return result;
}

double calibration_error(const std::vector<double> &reliability)
{
  double sum = 0.0;
  for (int k = 1; k <= num_levels; ++k) sum += std::abs(reliability[k - 1] - 0.05 * k) / num_levels;
  return sum;
}

/// Factor that makes the spread the most likely deviation of normal errors.
double fitted_factor(const std::vector<double> &errors, const std::vector<double> &spread)
{
  double sum = 0.0;
  for (std::size_t i = 0; i < errors.size(); ++i)
    sum += std::pow(errors[i] / std::max(spread[i], 1e-12), 2);
  return std::sqrt(sum / double(errors.size()));
}

double now()
{
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// One run in progress.
class Learner {
 public:
  /// @param reference_target  index of the target that alc aims at, -1 for the pool
  Learner(const PoolProtocol &protocol, const PoolSplit &split, const RunData &data,
          int reference_target)
      : protocol_(protocol),
        split_(split),
        data_(data),
        reference_target_(reference_target),
        pool_(gather(data.descriptors, split.pool)),
        pool_energies_(gather(data.energies, split.pool)),
        labelled_(initial_set())
  {
  }

  PoolRun run()
  {
    for (int round = 0; round <= protocol_.rounds; ++round) {
      const double start = now();
      learn(round);
      result_.fit_seconds += now() - start;
      if (round < protocol_.rounds) choose(round);
    }
    for (int i : labelled_) result_.chosen.push_back(split_.pool[i]);
    return result_;
  }

 private:
  std::vector<int> initial_set() const
  {
    const int num_points = static_cast<int>(pool_.rows());
    if (protocol_.initial_set == "medoids") {
      const MatrixXf points = Standardizer(pool_, protocol_.clip)(pool_);
      Rows rows{static_cast<int>(points.cols()), {}};
      for (Eigen::Index i = 0; i < points.rows(); ++i)
        for (Eigen::Index f = 0; f < points.cols(); ++f) rows.values.push_back(points(i, f));
      return select_medoids(rows, protocol_.initial, mix_seed(split_.seed, initial_stream));
    }
    Random random(mix_seed(split_.seed, initial_stream));
    std::vector<int> list(num_points);
    std::iota(list.begin(), list.end(), 0);
    for (int i = 0; i < protocol_.initial; ++i)
      std::swap(list[i], list[i + random.below(num_points - i)]);
    list.resize(protocol_.initial);
    return list;
  }

  /// New committee on the labels of this round, and its errors.
  void learn(int round)
  {
    Eigen::MatrixXd labelled(labelled_.size(), pool_.cols());
    VectorXf energies(labelled_.size());
    for (std::size_t i = 0; i < labelled_.size(); ++i) {
      labelled.row(i) = pool_.row(labelled_[i]);
      energies[i] = pool_energies_[labelled_[i]];
    }
    standardizer_.emplace(labelled, protocol_.clip);
    target_mean_ = energies.cast<double>().mean();
    target_deviation_ =
        std::sqrt((energies.cast<double>().array() - target_mean_).square().mean()) + 1e-9;
    const ReluSettings settings{protocol_.members, protocol_.hidden, protocol_.steps,
                                protocol_.learning_rate};
    committee_.emplace(static_cast<int>(pool_.cols()), settings,
                       mix_seed(split_.seed, network_stream, round));
    committee_->fit((*standardizer_)(labelled),
                    ((energies.array() - float(target_mean_)) / float(target_deviation_)).matrix());
    points_ = (*standardizer_)(pool_);
    on_pool_ = predict(*committee_, points_, target_mean_, target_deviation_);
    test();
  }

  Prediction predict_rows(const Rows &descriptors, const std::vector<int> &indices) const
  {
    return predict(*committee_, (*standardizer_)(gather(descriptors, indices)), target_mean_,
                   target_deviation_);
  }

  void test()
  {
    PoolRound round;
    round.labels = static_cast<int>(labelled_.size());
    const VectorXf reference = gather(data_.energies, split_.test),
                   more_reference = gather(data_.energies, split_.larger);
    VectorXf all_reference(reference.size() + more_reference.size());
    all_reference << reference, more_reference;
    const Prediction small = predict_rows(data_.descriptors, split_.test);
    const Prediction more =
        split_.larger.empty() ? Prediction{} : predict_rows(data_.descriptors, split_.larger);
    const std::vector<double> errors = errors_of(small, reference),
                              more_errors = errors_of(more, more_reference);
    std::vector<double> all = errors, spread = small.spread, magnitude;
    all.insert(all.end(), more_errors.begin(), more_errors.end());
    spread.insert(spread.end(), more.spread.begin(), more.spread.end());
    for (double error : all) magnitude.push_back(std::abs(error));
    round.errors = {summarize(errors, reference), summarize(all, all_reference)};
    for (std::size_t t = 0; t < split_.targets.size(); ++t) {
      const VectorXf target = gather(*data_.target_energies[t], split_.targets[t].test);
      const std::vector<double> target_errors =
          errors_of(predict_rows(*data_.target_descriptors[t], split_.targets[t].test), target);
      round.errors.push_back(summarize(target_errors, target));
      round.errors.push_back(summarize(target_errors, target, true));
    }
    round.rank_correlation = rank_correlation(spread, magnitude).value_or(0.0);
    const bool left_over = !more_errors.empty();
    result_.reliability = reliability_of(left_over ? more_errors : errors,
                                         left_over ? more.spread : small.spread, 1.0);
    result_.scaled_reliability =
        reliability_of(left_over ? more_errors : errors, left_over ? more.spread : small.spread,
                       fitted_factor(errors, small.spread));
    round.calibration_error = calibration_error(result_.reliability);
    round.scaled_calibration_error = calibration_error(result_.scaled_reliability);
    result_.rounds.push_back(round);
  }

  MatrixXf outside_references() const
  {
    if (reference_target_ < 0) return MatrixXf(0, points_.cols());
    return (*standardizer_)(gather(*data_.target_descriptors[reference_target_],
                                   split_.targets[reference_target_].references));
  }

  void choose(int round)
  {
    std::vector<bool> has_label(points_.rows(), false);
    for (int i : labelled_) has_label[i] = true;
    std::vector<int> unlabelled;
    for (int i = 0; i < points_.rows(); ++i)
      if (!has_label[i]) unlabelled.push_back(i);
    const MatrixXf references = outside_references();
    const PoolState state{points_,
                          references,
                          labelled_,
                          unlabelled,
                          on_pool_.spread,
                          *committee_,
                          rank_correlation(seen_spread_, seen_error_).value_or(0.0),
                          mix_seed(split_.seed, strategy_stream, round)};
    const double start = now();
    const std::vector<int> batch = choose_batch(protocol_, state);
    result_.select_seconds += now() - start;
    for (int i : batch) {
      seen_spread_.push_back(on_pool_.spread[i]);
      seen_error_.push_back(std::abs(on_pool_.mean[i] - pool_energies_[i]));
    }
    labelled_.insert(labelled_.end(), batch.begin(), batch.end());
  }

  const PoolProtocol &protocol_;
  const PoolSplit &split_;
  const RunData &data_;
  int reference_target_;
  Eigen::MatrixXd pool_;
  VectorXf pool_energies_;
  std::vector<int> labelled_;
  std::optional<Standardizer> standardizer_;
  std::optional<ReluCommittee> committee_;
  double target_mean_ = 0.0, target_deviation_ = 1.0;    // eV/atom
  MatrixXf points_;
  Prediction on_pool_;
  std::vector<double> seen_spread_, seen_error_;    ///< of what was chosen, before it was learned
  PoolRun result_;
};

}    // namespace

PoolRun run_pool(const PoolProtocol &protocol, const PoolStudy &study, const PoolSplit &split,
                 const RunData &data)
{
  require(static_cast<int>(split.pool.size()) >= protocol.last_labels(), "series ", protocol.name,
          ": the pool has ", split.pool.size(), " entries, but ", protocol.initial,
          " at the beginning and ", protocol.rounds, " batches of ", protocol.batch, " need ",
          protocol.last_labels(),
          "; use more entries, or smaller \"initial\", \"rounds\" or \"batch\"");
  int reference_target = -1;
  for (std::size_t t = 0; t < study.targets.size(); ++t)
    if (study.targets[t].name == protocol.reference) reference_target = static_cast<int>(t);
  return Learner(protocol, split, data, reference_target).run();
}

}    // namespace almlip::pool
