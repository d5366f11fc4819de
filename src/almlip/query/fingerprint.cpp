// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/fingerprint.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace almlip {

std::vector<double> fingerprint(const double *descriptors, const int *element, const double *sigma,
                                int num_atoms, int num_descriptors, int num_elements)
{
  const auto row = [=](int i) {
    return descriptors + static_cast<std::size_t>(i) * num_descriptors;
  };
  std::vector<double> features(2 * static_cast<std::size_t>(num_elements) * num_descriptors, 0.0);
  for (int e = 0; e < num_elements; ++e) {
    double *mean = features.data() + 2 * static_cast<std::size_t>(e) * num_descriptors;
    int count = 0, worst = -1;
    for (int i = 0; i < num_atoms; ++i) {
      if (element[i] != e) continue;
      ++count;
      if (worst < 0 || sigma[i] > sigma[worst]) worst = i;
      for (int d = 0; d < num_descriptors; ++d) mean[d] += row(i)[d];
    }
    if (count == 0) continue;
    for (int d = 0; d < num_descriptors; ++d) mean[d] /= count;
    for (int d = 0; d < num_descriptors; ++d) mean[num_descriptors + d] = row(worst)[d];
  }
  return features;
}

Rows kept_fingerprints(const Rows &rows, int most)
{
  constexpr double per_unit = 1000.0;
  const int count = rows.count(), width = rows.num_features;
  std::vector<bool> kept(count, count <= most);
  std::vector<double> distance(count, std::numeric_limits<double>::infinity());
  std::vector<int> nearest(count, 0), centers;    // position in the centers of the nearest kept row
  for (int n = 0, next = 0; n < most && most < count; ++n) {
    kept[next] = true;
    std::vector<double> between;
    for (const int center : centers)
      between.push_back(squared_distance(rows[center], rows[next], width));
    centers.push_back(next);
    for (int i = 0; i < count; ++i) {
      // Twice as far from the own center as the row is, the new one cannot be nearer.
      if (n > 0 && between[nearest[i]] >= 4.0 * distance[i]) continue;
      const double to_next = squared_distance(rows[i], rows[next], width);
      if (to_next < distance[i]) distance[i] = to_next, nearest[i] = n;
    }
    next = static_cast<int>(std::max_element(distance.begin(), distance.end()) - distance.begin());
  }
  Rows result{width, {}};
  for (int i = 0; i < count; ++i)
    for (int f = 0; f < width && kept[i]; ++f)
      result.values.push_back(std::round(rows[i][f] * per_unit) / per_unit + 0.0);    // no -0
  return result;
}

}    // namespace almlip
