#include "train/calibration.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace almlip {

namespace {

constexpr std::size_t least_atoms =
    30;    // of one element, for a factor of its own: 13 % statistical error
constexpr double least_of_rms = 0.1;
constexpr double diagonal_weight = 0.05;    // of the shrunk covariance
constexpr double novelty_quantile = 0.995;

/// error/spread of the atoms of one element that have spread enough.
std::vector<double> ratios_of(const std::vector<AtomError> &atoms, int element)
{
  double squares = 0.0, count = 0.0;
  for (const AtomError &atom : atoms)
    if (atom.element == element) squares += atom.spread * atom.spread, count += 1.0;
  std::vector<double> ratios;
  for (const AtomError &atom : atoms)
    if (atom.element == element && atom.spread > least_of_rms * std::sqrt(squares / count))
      ratios.push_back(atom.error / atom.spread);
  return ratios;
}

double root_mean_square(const std::vector<double> &values)
{
  double sum = 0.0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// The value that a further one of the same kind exceeds with probability 1 - fraction at most; the
/// largest one if there are too few.
double conformal_quantile(std::vector<double> values, double fraction)
{
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(fraction * (static_cast<double>(values.size()) + 1.0));
  return values[std::min(static_cast<std::size_t>(rank), values.size()) - 1];
}

}    // namespace

Calibration calibrate(const std::vector<AtomError> &atoms, int num_elements)
{
  Calibration calibration;
  calibration.factor.assign(static_cast<std::size_t>(num_elements), 1.0);
  std::vector<std::vector<double>> ratios;
  std::vector<double> all;
  for (int e = 0; e < num_elements; ++e) {
    ratios.push_back(ratios_of(atoms, e));
    all.insert(all.end(), ratios.back().begin(), ratios.back().end());
  }
  if (all.empty() || root_mean_square(all) == 0.0) return calibration;
  std::vector<double> scaled;    // error/sigma
  for (std::size_t e = 0; e < ratios.size(); ++e) {
    const double own = ratios[e].size() >= least_atoms ? root_mean_square(ratios[e]) : 0.0;
    calibration.factor[e] = own > 0.0 ? own : root_mean_square(all);
    for (const double ratio : ratios[e]) scaled.push_back(ratio / calibration.factor[e]);
  }
  calibration.num_atoms = static_cast<int>(scaled.size());
  calibration.quantile90 = conformal_quantile(std::move(scaled), 0.9);
  return calibration;
}

Novelty fit_novelty(const std::vector<double> &descriptors, int num_descriptors)
{
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const int num_atoms = static_cast<int>(descriptors.size()) / num_descriptors;
  const Eigen::Map<const Rows> x(descriptors.data(), num_atoms, num_descriptors);
  const Eigen::RowVectorXd center = x.colwise().mean();
  const Eigen::MatrixXd deviation = x.rowwise() - center;
  Eigen::MatrixXd covariance = deviation.transpose() * deviation / num_atoms;
  const Eigen::VectorXd diagonal = covariance.diagonal();
  const double floor =
      1e-6 * std::max(diagonal.maxCoeff(), 1e-12);    // descriptors that never change
  covariance *= 1.0 - diagonal_weight;
  covariance.diagonal() = diagonal.array().max(floor);

  // C = K K^T, so that |K^-1 d|^2 = d^T C^-1 d, and K^-1 is lower triangular.
  const Eigen::MatrixXd factor = covariance.llt().matrixL();
  const Rows whitening = factor.triangularView<Eigen::Lower>().solve(
      Eigen::MatrixXd::Identity(num_descriptors, num_descriptors));
  const Eigen::VectorXd distance = (deviation * whitening.transpose()).rowwise().norm();
  Novelty novelty;
  novelty.whitening.assign(whitening.data(), whitening.data() + whitening.size());
  novelty.center.assign(center.data(), center.data() + center.size());
  novelty.threshold =
      conformal_quantile({distance.data(), distance.data() + distance.size()}, novelty_quantile);
  if (novelty.threshold <= 0.0) novelty.threshold = 1.0;    // all environments are the same
  return novelty;
}

}    // namespace almlip
