// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_composition.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "almlip/element_properties.h"

namespace almlip::pool {

namespace {

struct Share {
  ElementProperties properties;
  double number, weight;
};

template <class Property>
MeanDeviation mean_deviation(const std::vector<Share> &shares, Property &&property)
{
  MeanDeviation result;
  double variance = 0.0;
  for (const Share &share : shares) result.mean += share.weight * property(share);
  for (const Share &share : shares)
    variance += share.weight * std::pow(property(share) - result.mean, 2);
  result.deviation = std::sqrt(variance);
  return result;
}

template <class Property>
double range(const std::vector<Share> &shares, Property &&property)
{
  const auto less = [&](const Share &a, const Share &b) { return property(a) < property(b); };
  const auto [least, most] = std::minmax_element(shares.begin(), shares.end(), less);
  return property(*most) - property(*least);
}

}    // namespace

CompositionStatistics composition_statistics(const std::vector<int> &atomic_numbers)
{
  std::map<int, int> count;
  for (int z : atomic_numbers) ++count[z];
  std::vector<Share> shares;
  for (const auto &[z, number] : count)
    shares.push_back({element_properties(z), double(z), double(number) / atomic_numbers.size()});

  const auto electronegativity = [](const Share &s) { return s.properties.electronegativity; };
  const auto radius = [](const Share &s) { return s.properties.covalent_radius; };
  CompositionStatistics result;
  result.number = mean_deviation(shares, [](const Share &s) { return s.number; });
  result.mass = mean_deviation(shares, [](const Share &s) { return s.properties.mass; });
  result.electronegativity = mean_deviation(shares, electronegativity);
  result.radius = mean_deviation(shares, radius);
  result.valence = mean_deviation(shares, [](const Share &s) { return s.properties.valence; });
  result.period = mean_deviation(shares, [](const Share &s) { return s.properties.period; });
  result.num_elements = double(shares.size());
  result.electronegativity_range = range(shares, electronegativity);
  result.radius_range = range(shares, radius);
  for (const Share &a : shares) {
    result.radius_cubed += a.weight * std::pow(radius(a), 3);
    for (const Share &b : shares)
      result.electronegativity_difference +=
          a.weight * b.weight * std::abs(electronegativity(a) - electronegativity(b));
  }
  return result;
}

}    // namespace almlip::pool
