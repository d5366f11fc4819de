// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/robust_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace almlip::train {

double median(std::vector<double> values)
{
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
}

double robust_spread(const std::vector<double> &values)
{
  constexpr double normal = 1.4826;
  const double center = median(values);
  std::vector<double> deviations;
  for (const double value : values) deviations.push_back(std::abs(value - center));
  return normal * median(deviations);
}

double weighted_median(const std::vector<double> &values, const std::vector<double> &weights)
{
  std::vector<std::pair<double, double>> weighted;
  double total = 0.0, sum = 0.0;
  for (std::size_t n = 0; n < values.size(); ++n)
    if (weights[n] > 0.0) weighted.emplace_back(values[n], weights[n]), total += weights[n];
  std::sort(weighted.begin(), weighted.end());
  for (const auto &[value, weight] : weighted)
    if ((sum += weight) >= 0.5 * total) return value;
  return 0.0;
}

double median_slope(const std::vector<double> &x, const std::vector<double> &y)
{
  std::vector<double> slopes, weights;
  for (std::size_t n = 0; n < x.size(); ++n) {
    slopes.push_back(x[n] != 0.0 ? y[n] / x[n] : 0.0);
    weights.push_back(std::abs(x[n]));
  }
  return weighted_median(slopes, weights);
}

double share_near(const std::vector<double> &x, const std::vector<double> &y, double slope)
{
  double near = 0.0, total = 0.0;
  for (std::size_t n = 0; n < x.size(); ++n) {
    total += std::abs(x[n]);
    if (std::abs(y[n] - slope * x[n]) < std::abs(slope * x[n]) / 3.0) near += std::abs(x[n]);
  }
  return total > 0.0 ? near / total : 0.0;
}

TwoSlopes fit_two_slopes(const std::vector<double> &u, const std::vector<double> &v,
                         const std::vector<double> &y)
{
  constexpr int iterations = 20;
  constexpr double tiny = 1e-30;
  TwoSlopes fit;
  std::vector<double> weight(y.size(), 1.0), residuals(y.size());
  for (int iteration = 0; iteration < iterations && !y.empty(); ++iteration) {
    double uu = tiny, uv = 0.0, vv = tiny, uy = 0.0, vy = 0.0;
    for (std::size_t n = 0; n < y.size(); ++n) {
      const double wu = weight[n] * u[n], wv = weight[n] * v[n];
      uu += wu * u[n], uv += wu * v[n], vv += wv * v[n], uy += wu * y[n], vy += wv * y[n];
    }
    const double determinant = uu * vv - uv * uv;
    const bool both = determinant > 1e-6 * uu * vv;
    fit.first = both ? (uy * vv - vy * uv) / determinant : uy / uu;
    fit.second = both ? (vy * uu - uy * uv) / determinant : 0.0;
    fit.misfit = 0.0;
    for (std::size_t n = 0; n < y.size(); ++n) {
      residuals[n] = y[n] - fit.first * u[n] - fit.second * v[n];
      fit.misfit += std::abs(residuals[n]) / static_cast<double>(y.size());
    }
    const double scale = robust_spread(residuals) + tiny;
    for (std::size_t n = 0; n < y.size(); ++n)
      weight[n] = 1.0 / std::max(1.0, std::abs(residuals[n]) / (2.0 * scale));
    fit.first_error = scale * std::sqrt(both ? vv / determinant : 1.0 / uu);
    fit.second_error = both ? scale * std::sqrt(uu / determinant) : 0.0;
  }
  return fit;
}

}    // namespace almlip::train
