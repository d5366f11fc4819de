// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/nearest_pair.h"

#include <cmath>

namespace almlip {

std::vector<double> training_distances(const Potential &potential)
{
  const std::size_t count = potential.settings.elements.size();
  std::vector<double> distances = potential.record.min_distances;
  distances.resize(count * count, 0.0);
  for (double &distance : distances)
    if (distance == 0.0) distance = potential.least_distance;
  return distances;
}

NearestPair nearest_pair(const Neighborhood &neighborhood, const Potential &potential)
{
  std::vector<double> training = training_distances(potential);
  for (double &distance : training) distance *= distance;
  const int num_elements = static_cast<int>(potential.settings.elements.size());
  const auto *x = reinterpret_cast<const double(*)[3]>(neighborhood.positions);
  double nearness2 = 0.0, least2 = std::numeric_limits<double>::infinity();
  NearestPair result;
  for (int c = 0; c < neighborhood.num_centers; ++c) {
    const int i = neighborhood.centers[c];
    const double *row = &training[neighborhood.element[i] * num_elements];
    for (int n = 0; n < neighborhood.num_neighbors[i]; ++n) {
      const int j = neighborhood.neighbors[i][n] & neighborhood.neighbor_mask;
      if (neighborhood.element[j] < 0) continue;
      const double dx = x[j][0] - x[i][0], dy = x[j][1] - x[i][1], dz = x[j][2] - x[i][2];
      const double squared = dx * dx + dy * dy + dz * dz;
      least2 = squared < least2 ? squared : least2;
      const double squared_training = row[neighborhood.element[j]];
      if (squared_training <= nearness2 * squared) continue;
      nearness2 = squared_training / squared;
      result.atom = i;
    }
  }
  result.nearness = std::sqrt(nearness2);
  result.least_distance = std::sqrt(least2);
  return result;
}

}    // namespace almlip
