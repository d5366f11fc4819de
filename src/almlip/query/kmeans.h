// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

namespace almlip {

/// Points divided into clusters.
struct Clustering {
  std::vector<int> label;         ///< shape [num_points]
  std::vector<double> centers;    ///< shape [k][num_features]
  double inertia = 0.0;           ///< sum of squared distances to the own center
};

/// k-means with k-means++ start and Lloyd's iterations, best of `restarts`.
///
/// Ties go to the lowest index.
/// @param points  shape [num_points][num_features]
/// @param k       clusters; more than points are cut to their number
/// @throws Error  if num_features, k or restarts is below 1, or a point is not complete
/// Source: D. Arthur and S. Vassilvitskii, SODA 2007, 1027; S. Lloyd, IEEE Trans. Inf. Theory 28,
/// 129 (1982)
Clustering kmeans(const std::vector<double> &points, int num_features, int k, std::uint64_t seed,
                  int restarts = 4);

}    // namespace almlip
