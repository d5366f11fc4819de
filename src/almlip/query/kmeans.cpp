// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "almlip/error.h"
#include "almlip/random.h"
#include "almlip/rows.h"

namespace almlip {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Center of the cluster that each point is nearest to; returns the inertia. A center that the
/// bounds show to be farther than the present one is passed over, which changes no result.
/// @param[in,out] label     shape [num_points]
/// @param[in,out] bound     each point is at least so far from each center, shape [num_points][k]
/// @param[out]    distance  squared, shape [num_points]
/// Source: C. Elkan, ICML 2003, 147
double assign(const Rows &points, const Rows &centers, std::vector<int> &label,
              std::vector<double> &bound, std::vector<double> &distance)
{
  constexpr double rounding = 1.0 + 1e-9;
  const int k = centers.count();
  double inertia = 0.0;
  for (int i = 0; i < points.count(); ++i) {
    double *bounds = &bound[static_cast<std::size_t>(i) * k];
    const auto measure = [&](int c) {
      const double squared = squared_distance(points[i], centers[c], points.num_features);
      bounds[c] = std::sqrt(squared);
      return squared;
    };
    const int before = label[i];
    const double of_before = measure(before), limit = rounding * bounds[before];
    distance[i] = infinity;
    for (int c = 0; c < k; ++c) {
      if (c != before && bounds[c] > limit) continue;
      const double candidate = c == before ? of_before : measure(c);
      if (candidate < distance[i]) {
        distance[i] = candidate;
        label[i] = c;
      }
    }
    inertia += distance[i];
  }
  return inertia;
}

/// The centers have moved.
void lower_bounds(const Rows &from, const Rows &to, std::vector<double> &bound)
{
  std::vector<double> step;
  for (int c = 0; c < to.count(); ++c)
    step.push_back(std::sqrt(squared_distance(from[c], to[c], to.num_features)));
  for (std::size_t first = 0; first + step.size() <= bound.size(); first += to.count())
    for (std::size_t c = 0; c < step.size(); ++c) bound[first + c] -= step[c];
}

/// k-means++: each further center is drawn with a probability proportional to its squared distance
/// from those before.
Rows start_centers(const Rows &points, int k, Random &random)
{
  Rows centers{points.num_features, {}};
  std::vector<double> nearest(points.count(), infinity);
  int next = static_cast<int>(random.below(points.count()));
  for (int c = 0; c < k; ++c) {
    centers.values.insert(centers.values.end(), points[next], points[next] + points.num_features);
    double sum = 0.0;
    for (int i = 0; i < points.count(); ++i) {
      nearest[i] =
          std::min(nearest[i], squared_distance(points[i], centers[c], points.num_features));
      sum += nearest[i];
    }
    double left = random.uniform() * sum;
    for (int i = 0; i < points.count(); ++i) {
      if (nearest[i] <= 0.0) continue;
      next = i;
      left -= nearest[i];
      if (left < 0.0) break;
    }
  }
  return centers;
}

/// Centers of mass of the clusters; a cluster without members moves to the point that is farthest
/// from its center.
void move_centers(const Rows &points, const std::vector<int> &label, std::vector<double> &distance,
                  Rows &centers)
{
  const int width = points.num_features;
  std::vector<int> size(centers.count(), 0);
  std::vector<double> sum(centers.values.size(), 0.0);
  for (int i = 0; i < points.count(); ++i) {
    ++size[label[i]];
    for (int f = 0; f < width; ++f)
      sum[static_cast<std::size_t>(label[i]) * width + f] += points[i][f];
  }
  for (int c = 0; c < centers.count(); ++c) {
    double *center = centers.values.data() + static_cast<std::size_t>(c) * width;
    if (size[c] > 0) {
      for (int f = 0; f < width; ++f)
        center[f] = sum[static_cast<std::size_t>(c) * width + f] / size[c];
    } else {
      const auto farthest = std::max_element(distance.begin(), distance.end());
      std::copy_n(points[static_cast<int>(farthest - distance.begin())], width, center);
      *farthest = 0.0;
    }
  }
}

Clustering lloyd(const Rows &points, Rows centers)
{
  constexpr int max_iterations = 300;
  Clustering result;
  result.label.assign(points.count(), 0);
  std::vector<double> distance(points.count()),
      bound(static_cast<std::size_t>(points.count()) * centers.count(), 0.0);
  result.inertia = assign(points, centers, result.label, bound, distance);
  for (int iteration = 0; iteration < max_iterations; ++iteration) {
    const std::vector<int> before = result.label;
    const Rows centers_before = centers;
    move_centers(points, result.label, distance, centers);
    lower_bounds(centers_before, centers, bound);
    result.inertia = assign(points, centers, result.label, bound, distance);
    if (result.label == before) break;
  }
  result.centers = centers.values;
  return result;
}

}    // namespace

Clustering kmeans(const std::vector<double> &points, int num_features, int k, std::uint64_t seed,
                  int restarts)
{
  require(num_features >= 1, "k-means: ", num_features,
          " features per point, but there must be at least 1");
  require(k >= 1, "k-means: ", k, " clusters, but there must be at least 1");
  require(restarts >= 1, "k-means: ", restarts, " restarts, but there must be at least 1");
  require(points.size() % num_features == 0, "k-means: ", points.size(),
          " numbers, but there must be ", num_features, " for each point");
  const Rows rows{num_features, points};
  if (rows.count() == 0) return {};

  Random random(seed);
  Clustering best;
  best.inertia = infinity;
  for (int restart = 0; restart < restarts; ++restart) {
    Clustering clustering = lloyd(rows, start_centers(rows, std::min(k, rows.count()), random));
    if (clustering.inertia < best.inertia) best = std::move(clustering);
  }
  return best;
}

}    // namespace almlip
