// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/energy_sigma.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace almlip {

std::vector<double> energy_features(const std::vector<int> &element, const double *descriptors,
                                    int num_descriptors, int num_elements)
{
  const auto d = static_cast<std::size_t>(num_descriptors);
  std::vector<double> features((d + 1) * static_cast<std::size_t>(num_elements), 0.0);
  for (std::size_t i = 0; i < element.size(); ++i) {
    if (element[i] < 0) continue;
    double *sums = &features[(d + 1) * static_cast<std::size_t>(element[i])];
    for (std::size_t q = 0; q < d; ++q) sums[q] += descriptors[i * d + q];
    sums[d] += 1.0;
  }
  return features;
}

double num_atoms_of(const std::vector<double> &features, int num_elements)
{
  const std::size_t row = features.size() / static_cast<std::size_t>(num_elements);
  double count = 0.0;
  for (std::size_t last = row; last <= features.size(); last += row) count += features[last - 1];
  return count;
}

double energy_distance2(const std::vector<double> &features,
                        const std::vector<std::vector<double>> &whitening)
{
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto row = static_cast<Eigen::Index>(features.size() / whitening.size());
  double sum = 0.0;
  for (std::size_t e = 0; e < whitening.size(); ++e) {
    const Eigen::Map<const Rows> matrix(whitening[e].data(), row, row);
    const Eigen::Map<const Eigen::VectorXd> part(
        features.data() + static_cast<Eigen::Index>(e) * row, row);
    sum += (matrix.triangularView<Eigen::Lower>() * part).squaredNorm();
  }
  return sum;
}

namespace {

/// Whether the frame holds two elements that no training frame holds both of.
bool holds_strangers(const std::vector<double> &features, const std::vector<int> &together,
                     std::size_t num_elements)
{
  const std::size_t row = features.size() / num_elements;
  const auto has = [&](std::size_t e) { return features[row * e + row - 1] > 0.0; };
  for (std::size_t a = 0; a < num_elements; ++a)
    for (std::size_t b = 0; b < num_elements; ++b)
      if (has(a) && has(b) && !together[a * num_elements + b]) return true;
  return false;
}

/// Whether a share of the composition has nothing to do with those of the training frames.
bool has_untold_composition(const std::vector<double> &features, double num_atoms,
                            const std::vector<std::vector<double>> &untold,
                            std::size_t num_elements)
{
  constexpr double tolerance = 1e-3;
  const std::size_t row = features.size() / num_elements;
  return std::any_of(untold.begin(), untold.end(), [&](const std::vector<double> &direction) {
    double share = 0.0;
    for (std::size_t e = 0; e < num_elements; ++e)
      share += direction[e] * features[row * e + row - 1] / num_atoms;
    return std::abs(share) > tolerance;
  });
}

}    // namespace

double energy_sigma(const Potential &potential, std::vector<double> features)
{
  const EnergyCalibration &calibration = potential.energy_calibration;
  const std::size_t num_elements = potential.settings.elements.size();
  const double num_atoms = num_atoms_of(features, static_cast<int>(num_elements));
  if (calibration.num_frames == 0 || num_atoms == 0.0)
    return std::numeric_limits<double>::quiet_NaN();
  if (holds_strangers(features, calibration.together, num_elements) ||
      has_untold_composition(features, num_atoms, calibration.untold, num_elements))
    return std::numeric_limits<double>::infinity();
  for (double &feature : features) feature /= num_atoms;
  return calibration.factor * std::sqrt(1.0 + energy_distance2(features, calibration.whitening));
}

}    // namespace almlip
