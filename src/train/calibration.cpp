// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/calibration.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <map>

#include "almlip/query/novelty.h"

namespace almlip::train {

namespace {

constexpr std::size_t min_atoms =
    30;    // of one element, for parameters of its own: 13 % statistical error
constexpr double novelty_quantile = 0.995;

/// sigma = factor s^exponent.
struct PowerLaw {
  double factor = 1.0, exponent = 1.0;
};

/// The most likely factor for an exponent.
double likely_factor(const std::vector<AtomError> &atoms, double exponent)
{
  double sum = 0.0;
  for (const AtomError &atom : atoms) {
    const double ratio = atom.error / std::pow(atom.spread, exponent);
    sum += ratio * ratio;
  }
  return std::sqrt(sum / static_cast<double>(atoms.size()));
}

PowerLaw fit_power_law(const std::vector<AtomError> &atoms)
{
  double mean_log = 0.0;
  for (const AtomError &atom : atoms)
    mean_log += std::log(atom.spread) / static_cast<double>(atoms.size());
  const auto misfit = [&](double exponent) {
    return std::log(likely_factor(atoms, exponent)) + exponent * mean_log;
  };
  double low = 0.0, high = 1.0;    // thirds of a convex function
  for (int step = 0; step < 40; ++step) {
    const double left = (2.0 * low + high) / 3.0, right = (low + 2.0 * high) / 3.0;
    (misfit(left) < misfit(right) ? high : low) = misfit(left) < misfit(right) ? right : left;
  }
  const double exponent = 0.5 * (low + high);
  return {likely_factor(atoms, exponent), exponent};
}

bool has_error(const std::vector<AtomError> &atoms)
{
  return std::any_of(atoms.begin(), atoms.end(),
                     [](const AtomError &atom) { return atom.error > 0.0; });
}

/// The value of a rank from 1, the largest one beyond.
double value_of_rank(std::vector<double> values, double rank)
{
  std::sort(values.begin(), values.end());
  return values[std::min(static_cast<std::size_t>(std::ceil(rank)), values.size()) - 1];
}

/// The value that a further one of the same kind exceeds with probability 1 - fraction at most; the
/// largest one if there are too few.
double conformal_quantile(const std::vector<double> &values, double fraction)
{
  return value_of_rank(values, fraction * (static_cast<double>(values.size()) + 1.0));
}

/// The value that at least `fraction` of further ones do not exceed, with a confidence of one
/// standard error of that share; the largest one if there are too few.
/// @param num_independent  of the values
double tolerance_limit(const std::vector<double> &values, double num_independent, double fraction)
{
  const double level = fraction + std::sqrt(fraction * (1.0 - fraction) / num_independent);
  return value_of_rank(values, level * static_cast<double>(values.size()));
}

/// As how many independent atoms those of the frames count for the share of them beyond a value:
/// its variance if they were independent over that by whole frames.
double num_independent(const std::vector<AtomError> &atoms, const std::vector<double> &scaled,
                       double fraction)
{
  const double limit = conformal_quantile(scaled, fraction);
  const auto size = static_cast<double>(scaled.size());
  double share = 0.0;
  for (const double value : scaled) share += (value > limit ? 1.0 : 0.0) / size;
  std::map<int, double> excess;    // by frame
  for (std::size_t i = 0; i < atoms.size(); ++i)
    excess[atoms[i].frame] += (scaled[i] > limit ? 1.0 : 0.0) - share;
  if (excess.size() < 2) return 1.0;
  double variance = 0.0;
  for (const auto &[frame, sum] : excess) variance += sum * sum / (size * size);
  return variance > 0.0 ? std::clamp(share * (1.0 - share) / variance, 1.0, size) : size;
}

}    // namespace

Calibration calibrate(const std::vector<AtomError> &atoms, int num_elements)
{
  Calibration calibration = no_calibration(num_elements);
  std::vector<AtomError> all;
  std::vector<std::vector<AtomError>> of_element(static_cast<std::size_t>(num_elements));
  for (const AtomError &atom : atoms) {
    if (atom.spread < symmetry_spread) continue;
    all.push_back(atom);
    of_element[static_cast<std::size_t>(atom.element)].push_back(atom);
  }
  if (!has_error(all)) return calibration;

  const PowerLaw pooled = fit_power_law(all);
  for (std::size_t e = 0; e < of_element.size(); ++e) {
    const bool own = of_element[e].size() >= min_atoms && has_error(of_element[e]);
    const PowerLaw law = own ? fit_power_law(of_element[e]) : pooled;
    calibration.factor[e] = law.factor;
    calibration.exponent[e] = law.exponent;
  }
  std::vector<double> scaled;    // error/sigma
  for (const AtomError &atom : all)
    scaled.push_back(atom.error / calibrated_sigma(calibration, atom.element, atom.spread));
  calibration.num_atoms = static_cast<int>(scaled.size());
  calibration.quantile90 = tolerance_limit(scaled, num_independent(all, scaled, 0.9), 0.9);
  return calibration;
}

Calibration corrected(const Calibration &before, const std::vector<AtomError> &atoms)
{
  constexpr double max_memory = 2.0;    // of the new atoms
  Calibration calibration = before;
  const std::size_t num_elements = before.factor.size();
  std::vector<double> count(num_elements, 0.0), squares(num_elements, 0.0);
  for (const AtomError &atom : atoms) {
    if (atom.spread < symmetry_spread) continue;
    const double ratio = atom.error / calibrated_sigma(before, atom.element, atom.spread);
    count[static_cast<std::size_t>(atom.element)] += 1.0;
    squares[static_cast<std::size_t>(atom.element)] += ratio * ratio;
  }
  for (std::size_t e = 0; e < num_elements; ++e) {
    const double known = std::min(max_memory * count[e], static_cast<double>(before.num_atoms));
    if (count[e] > 0.0 && before.num_atoms > 0)
      calibration.factor[e] *= std::sqrt((known + squares[e]) / (known + count[e]));
  }
  return calibration;
}

Calibration covering(const Calibration &before, const std::vector<AtomError> &learned)
{
  Calibration calibration = before;
  if (before.num_atoms == 0) return calibration;
  std::vector<std::vector<double>> of_element(before.factor.size());    // error/sigma
  std::vector<double> all;
  for (const AtomError &atom : learned) {
    if (atom.spread < symmetry_spread) continue;
    all.push_back(atom.error / calibrated_sigma(before, atom.element, atom.spread));
    of_element[static_cast<std::size_t>(atom.element)].push_back(all.back());
  }
  if (all.empty()) return calibration;
  for (std::size_t e = 0; e < of_element.size(); ++e) {
    const std::vector<double> &scaled = of_element[e].size() >= min_atoms ? of_element[e] : all;
    calibration.factor[e] *= std::max(1.0, conformal_quantile(scaled, 0.9) / before.quantile90);
  }
  return calibration;
}

double rounded(double number)
{
  if (number == 0.0) return 0.0;
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(number))) - 5.0);
  const double digits = std::round(number / unit);
  return unit < 1.0 ? digits / std::round(1.0 / unit) : digits * unit;
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
  covariance *= 1.0 - novelty_shrinkage;
  covariance.diagonal() = diagonal.array().max(floor);

  // C = K K^T, so that |K^-1 d|^2 = d^T C^-1 d, and K^-1 is lower triangular.
  const Eigen::MatrixXd factor = covariance.llt().matrixL();
  Rows whitening = factor.triangularView<Eigen::Lower>().solve(
      Eigen::MatrixXd::Identity(num_descriptors, num_descriptors));
  whitening = whitening.unaryExpr([](double v) { return rounded(v); });
  const Eigen::VectorXd distance = (deviation * whitening.transpose()).rowwise().norm();
  Novelty novelty;
  novelty.whitening.assign(whitening.data(), whitening.data() + whitening.size());
  novelty.center.assign(center.data(), center.data() + center.size());
  novelty.threshold =
      conformal_quantile({distance.data(), distance.data() + distance.size()}, novelty_quantile);
  if (novelty.threshold <= 0.0) novelty.threshold = 1.0;    // all environments are the same
  return novelty;
}

}    // namespace almlip::train
