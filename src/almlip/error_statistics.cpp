// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/error_statistics.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numeric>
#include <set>

namespace almlip {

namespace {

/// Indices from the smallest to the largest value; ties by index.
std::vector<std::size_t> ascending_order(const std::vector<double> &values)
{
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  return order;
}

/// Ranks from 0; equal values share the mean of their ranks.
std::vector<double> average_ranks(const std::vector<double> &values)
{
  const std::vector<std::size_t> order = ascending_order(values);
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0, last; first < order.size(); first = last + 1) {
    last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (std::size_t i = first; i <= last; ++i) ranks[order[i]] = 0.5 * double(first + last);
  }
  return ranks;
}

/// Indices of the `count` largest values; ties by index.
std::vector<std::size_t> largest(const std::vector<double> &values, std::size_t count)
{
  std::vector<double> negated(values);
  for (double &value : negated) value = -value;
  std::vector<std::size_t> order = ascending_order(negated);
  order.resize(count);
  return order;
}

std::size_t share_of(std::size_t count, double share)
{
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * double(count))));
}

}    // namespace

std::vector<double> ForceErrors::magnitudes() const
{
  std::vector<double> result;
  for (std::size_t i = 0; i < sigma.size(); ++i)
    result.push_back(std::hypot(components[3 * i], components[3 * i + 1], components[3 * i + 2]));
  return result;
}

ForceErrors ForceErrors::with_spread(double least) const
{
  ForceErrors kept;
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    if (spread[i] < least) continue;
    kept.sigma.push_back(sigma[i]);
    kept.spread.push_back(spread[i]);
    kept.components.insert(kept.components.end(), &components[3 * i], &components[3 * i] + 3);
  }
  return kept;
}

std::optional<double> rank_correlation(const std::vector<double> &a, const std::vector<double> &b)
{
  const std::vector<double> rank_a = average_ranks(a), rank_b = average_ranks(b);
  const double mean = 0.5 * (double(a.size()) - 1.0);
  double aa = 0.0, bb = 0.0, ab = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (rank_a[i] - mean) * (rank_a[i] - mean);
    bb += (rank_b[i] - mean) * (rank_b[i] - mean);
    ab += (rank_a[i] - mean) * (rank_b[i] - mean);
  }
  if (aa == 0.0 || bb == 0.0) return {};
  return ab / std::sqrt(aa * bb);
}

double expected_calibration_error(const ForceErrors &errors)
{
  constexpr int num_levels = 19;
  const double num_components = static_cast<double>(errors.components.size());
  double sum = 0.0;
  for (int level = 1; level <= num_levels; ++level) {
    const double p = 0.05 * level;
    const double width = normal_quantile(0.5 * (1.0 + p)) / std::sqrt(3.0);
    std::size_t inside = 0;
    for (std::size_t c = 0; c < errors.components.size(); ++c)
      inside += std::abs(errors.components[c]) <= width * errors.sigma[c / 3];
    sum += std::abs(double(inside) / num_components - p);
  }
  return sum / num_levels;
}

double coverage(const ForceErrors &errors, double factor)
{
  const std::vector<double> magnitude = errors.magnitudes();
  std::size_t inside = 0;
  for (std::size_t i = 0; i < magnitude.size(); ++i)
    inside += magnitude[i] <= factor * errors.sigma[i];
  return double(inside) / double(magnitude.size());
}

double worst_found(const ForceErrors &errors)
{
  const std::size_t num_atoms = errors.sigma.size();
  const std::vector<std::size_t> worst = largest(errors.magnitudes(), share_of(num_atoms, 0.05));
  const std::vector<std::size_t> top = largest(errors.sigma, share_of(num_atoms, 0.10));
  const std::set<std::size_t> suspects(top.begin(), top.end());
  std::size_t found = 0;
  for (const std::size_t i : worst) found += suspects.count(i);
  return double(found) / double(worst.size());
}

double normal_quantile(double probability)
{
  return boost::math::quantile(boost::math::normal(), probability);
}

}    // namespace almlip
