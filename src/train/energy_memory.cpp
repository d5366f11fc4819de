// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/energy_memory.h"

#include <Eigen/Dense>
#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "almlip/energy_sigma.h"
#include "almlip/error_statistics.h"
#include "almlip/query/kmeans.h"
#include "almlip/text.h"
#include "train/calibration.h"
#include "train/check/robust_statistics.h"

namespace almlip::train {

namespace {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Indices = std::vector<std::size_t>;

Rows features_of(const std::vector<EnergySample> &samples, const Indices &which)
{
  Rows rows(which.size(), samples.front().features.size());
  for (std::size_t n = 0; n < which.size(); ++n)
    rows.row(static_cast<Eigen::Index>(n)) =
        Eigen::Map<const Eigen::RowVectorXd>(samples[which[n]].features.data(), rows.cols());
  return rows;
}

Eigen::VectorXd energies_of(const std::vector<EnergySample> &samples, const Indices &which)
{
  Eigen::VectorXd energies(which.size());
  for (std::size_t n = 0; n < which.size(); ++n)
    energies[static_cast<Eigen::Index>(n)] = samples[which[n]].energy;
  return energies;
}

/// All indices below `count` but those named.
Indices others(std::size_t count, const Indices &without)
{
  std::vector<bool> out(count, false);
  for (const std::size_t n : without) out[n] = true;
  Indices rest;
  for (std::size_t n = 0; n < count; ++n)
    if (!out[n]) rest.push_back(n);
  return rest;
}

/// Cholesky factor of the sum of x x^T over the rows and the prior.
Eigen::LLT<Eigen::MatrixXd> precision_of(const Rows &rows)
{
  Eigen::MatrixXd precision = rows.transpose() * rows;
  precision.diagonal().array() += energy_prior;
  return precision.llt();
}

/// Ridge regression of energies. Of rows and columns the fewer ones make the matrix that is
/// factored: with ten elements there are thousands of columns.
class Ridge {
 public:
  explicit Ridge(const Rows &x) : x_(x), by_rows_(x.rows() < x.cols())
  {
    Eigen::MatrixXd matrix;
    if (by_rows_)
      matrix = x * x.transpose();
    else
      matrix = x.transpose() * x;
    matrix.diagonal().array() += energy_prior;
    factor_.compute(matrix);
  }

  /// f^T (x^T x + prior)^-1 f of every row f.
  Eigen::VectorXd leverages(const Rows &rows) const
  {
    if (!by_rows_) return shortened(rows.transpose());
    const Eigen::VectorXd told = shortened(x_ * rows.transpose());
    return (rows.rowwise().squaredNorm() - told) / energy_prior;
  }

  Eigen::VectorXd predict(const Eigen::VectorXd &y, const Rows &rows) const
  {
    if (!by_rows_) return rows * factor_.solve(x_.transpose() * y);
    return rows * (x_.transpose() * factor_.solve(y));
  }

 private:
  /// Squared lengths of the columns in the metric of the matrix.
  Eigen::VectorXd shortened(const Eigen::MatrixXd &columns) const
  {
    return factor_.matrixL().solve(columns).colwise().squaredNorm();
  }

  const Rows &x_;
  bool by_rows_;
  Eigen::LLT<Eigen::MatrixXd> factor_;
};

/// The part of every row that belongs to an element.
Rows block_of(const Rows &rows, int element, int num_elements)
{
  const Eigen::Index width = rows.cols() / num_elements;
  return rows.middleCols(element * width, width);
}

/// Squares of the errors of a linear model of energies, in units of the expected ones, that leaves
/// out each frame in turn.
Eigen::VectorXd ratios_without_each(const Rows &x, const Eigen::VectorXd &y, int num_elements)
{
  const Ridge ridge(x);
  const Eigen::ArrayXd left = 1.0 - ridge.leverages(x).array();
  Eigen::ArrayXd variance = Eigen::ArrayXd::Ones(x.rows());
  for (int e = 0; e < num_elements; ++e) {
    const Rows block = block_of(x, e, num_elements);
    const Eigen::ArrayXd h = Ridge(block).leverages(block).array();
    variance += h / (1.0 - h);
  }
  return ((y - ridge.predict(y, x)).array() / left).square() / variance;
}

/// The same for some frames by a model of others.
Eigen::VectorXd ratios_by_others(const Rows &x, const Eigen::VectorXd &y, const Rows &others_x,
                                 const Eigen::VectorXd &others_y, int num_elements)
{
  Eigen::ArrayXd variance = Eigen::ArrayXd::Ones(x.rows());
  for (int e = 0; e < num_elements; ++e) {
    const Rows block = block_of(others_x, e, num_elements);
    variance += Ridge(block).leverages(block_of(x, e, num_elements)).array();
  }
  return (y - Ridge(others_x).predict(others_y, x)).array().square() / variance;
}

/// The frames in three clusters of their features. Names of kinds would not do: often two of them
/// mean nearly the same, so that one without the other is learned.
std::vector<Indices> clusters_of(const std::vector<EnergySample> &samples)
{
  constexpr int num_clusters = 3;
  std::vector<double> points;
  for (const EnergySample &sample : samples)
    points.insert(points.end(), sample.features.begin(), sample.features.end());
  const Clustering clustering =
      kmeans(points, static_cast<int>(samples.front().features.size()), num_clusters, 1);
  std::vector<Indices> clusters(num_clusters);
  for (std::size_t n = 0; n < samples.size(); ++n)
    clusters[static_cast<std::size_t>(clustering.label[n])].push_back(n);
  clusters.erase(std::remove(clusters.begin(), clusters.end(), Indices{}), clusters.end());
  return clusters;
}

/// Whether all frames are of one config_type and one composition.
bool are_of_one_kind(const std::vector<EnergySample> &samples)
{
  return std::all_of(samples.begin(), samples.end(), [&](const EnergySample &sample) {
    return sample.kind == samples.front().kind && sample.composition == samples.front().composition;
  });
}

}    // namespace

double kind_factor(const std::vector<EnergySample> &learned, int num_elements)
{
  constexpr double most = 10.0;
  const double least = are_of_one_kind(learned) ? usual_kind_factor : 1.0;
  const std::vector<Indices> clusters = clusters_of(learned);
  if (clusters.size() < 2) return least;
  const Indices all = others(learned.size(), {});
  const double like =
      ratios_without_each(features_of(learned, all), energies_of(learned, all), num_elements)
          .mean();
  double unlike = 0.0;
  for (const Indices &cluster : clusters) {
    const Indices rest = others(learned.size(), cluster);
    unlike += ratios_by_others(features_of(learned, cluster), energies_of(learned, cluster),
                               features_of(learned, rest), energies_of(learned, rest), num_elements)
                  .mean() /
              static_cast<double>(clusters.size());
  }
  return like > 0.0 ? std::clamp(std::sqrt(unlike / like), least, most) : least;
}

std::vector<std::vector<double>> energy_whitening(const std::vector<EnergySample> &learned,
                                                  const std::vector<std::size_t> &without,
                                                  int num_elements)
{
  const Rows x = features_of(learned, others(learned.size(), without));
  std::vector<std::vector<double>> whitening;
  for (int e = 0; e < num_elements; ++e) {
    const Rows block = block_of(x, e, num_elements);
    const Rows inverse =
        precision_of(block).matrixL().solve(Eigen::MatrixXd::Identity(block.cols(), block.cols()));
    whitening.emplace_back();
    for (Eigen::Index q = 0; q < inverse.size(); ++q)
      whitening.back().push_back(rounded(inverse.data()[q]));
  }
  return whitening;
}

namespace {

/// For every pair of elements whether a frame holds both.
std::vector<int> pairs_together(const std::vector<EnergySample> &learned, int num_elements)
{
  const auto e = static_cast<std::size_t>(num_elements);
  const std::size_t width = learned.front().features.size() / e;
  std::vector<int> together(e * e, 0);
  for (const EnergySample &sample : learned)
    for (std::size_t pair = 0; pair < e * e; ++pair)
      if (sample.features[pair / e * width + width - 1] > 0.0 &&
          sample.features[pair % e * width + width - 1] > 0.0)
        together[pair] = 1;
  return together;
}

/// Directions of compositions of which the frames have nothing: their energies do not tell those of
/// the elements apart.
std::vector<std::vector<double>> untold_compositions(const std::vector<EnergySample> &learned,
                                                     int num_elements)
{
  constexpr double threshold = 1e-3;    // as of the energies of the elements
  const Eigen::Index width =
      static_cast<Eigen::Index>(learned.front().features.size()) / num_elements;
  Eigen::MatrixXd squares = Eigen::MatrixXd::Zero(num_elements, num_elements);
  Eigen::VectorXd shares(num_elements);
  for (const EnergySample &sample : learned) {
    for (Eigen::Index e = 0; e < num_elements; ++e)
      shares(e) = sample.features[static_cast<std::size_t>((e + 1) * width - 1)];
    squares += shares * shares.transpose();
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(squares);    // smallest first
  const double least = threshold * threshold * solver.eigenvalues()(num_elements - 1);
  std::vector<std::vector<double>> untold;
  for (Eigen::Index n = 0; n < num_elements && solver.eigenvalues()(n) < least; ++n) {
    const Eigen::VectorXd direction = solver.eigenvectors().col(n);
    untold.emplace_back(direction.data(), direction.data() + direction.size());
  }
  return untold;
}

/// The calibration of the start counts as at most twice as many errors as there are new ones.
void count_in(const EnergyCalibration &before, EnergyCalibration &calibration)
{
  const double known = std::min(2.0 * calibration.num_frames, double(before.num_frames)),
               added = calibration.num_frames;
  if (added == 0.0) {
    calibration.factor = before.factor;
    calibration.num_frames = before.num_frames;
    return;
  }
  calibration.factor = std::sqrt(
      (known * before.factor * before.factor + added * calibration.factor * calibration.factor) /
      (known + added));
  calibration.num_frames = static_cast<int>(known + added);
}

}    // namespace

EnergyCalibration calibrate_energies(const std::vector<EnergySample> &learned,
                                     const std::vector<EnergyError> &errors,
                                     const EnergyCalibration *before, int num_elements)
{
  constexpr double efficiency = 0.37;    // of the median
  std::vector<double> ratios;
  for (const EnergyError &e : errors)
    ratios.push_back(std::abs(e.error) / std::sqrt(1.0 + e.distance2));
  const double width = median(ratios) / normal_quantile(0.75);
  EnergyCalibration calibration;
  if (width > 0.0) {
    calibration.num_frames = static_cast<int>(errors.size());
    calibration.factor = kind_factor(learned, num_elements) * width;
  }
  if (before && before->num_frames > 0) count_in(*before, calibration);
  if (calibration.num_frames == 0) return {};
  calibration.whitening = energy_whitening(learned, {}, num_elements);
  calibration.together = pairs_together(learned, num_elements);
  calibration.untold = untold_compositions(learned, num_elements);
  const double freedom = std::max(1.0, efficiency * calibration.num_frames);
  calibration.quantile90 = boost::math::quantile(boost::math::students_t(freedom), 0.95);
  return calibration;
}

EnergySample EnergyMemory::sample(const Frame &frame, const FramePrediction &prediction) const
{
  const std::vector<int> elements = elements_of(frame, potential_.settings);
  EnergySample sample;
  sample.features = energy_features(elements, prediction.descriptors.data(),
                                    potential_.settings.num_descriptors(), num_elements());
  for (double &feature : sample.features) feature /= frame.num_atoms();
  sample.energy = *frame.energy / frame.num_atoms();
  const std::size_t width = sample.features.size() / potential_.committees.size();
  for (std::size_t e = 0; e < potential_.committees.size(); ++e) {
    const double share = sample.features[(e + 1) * width - 1];
    sample.energy -= share * potential_.committees[e].reference_energy;
    sample.composition += format("%.4f ", share);
  }
  sample.kind = frame.config_type;
  return sample;
}

void EnergyMemory::add_learned(const Frame &frame, const FramePrediction &prediction)
{
  learned_.push_back(sample(frame, prediction));
}

void EnergyMemory::judge(const Frame &frame, const FramePrediction &prediction, double error)
{
  judged_.push_back({sample(frame, prediction), error, 0});
}

void EnergyMemory::judge_learned(std::size_t n, double error, int fit)
{
  judged_.push_back({learned_[n], error, fit});
  without_[fit].push_back(n);
}

std::vector<EnergyError> EnergyMemory::errors() const
{
  std::vector<EnergyError> errors;
  std::vector<std::vector<double>> whitening;
  for (std::size_t f = 0; f < judged_.size(); ++f) {
    const auto &[sample, error, fit] = judged_[f];
    if (f == 0 || fit != judged_[f - 1].fit) {
      const auto without = without_.find(fit);
      whitening = energy_whitening(
          learned_, without == without_.end() ? Indices{} : without->second, num_elements());
    }
    errors.push_back({error, energy_distance2(sample.features, whitening)});
  }
  return errors;
}

void EnergyMemory::learn_judged()
{
  for (const Judged &judged : judged_) learned_.push_back(judged.sample);
}

}    // namespace almlip::train
