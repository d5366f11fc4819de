// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/row_selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "almlip/error.h"
#include "almlip/query/kmeans.h"
#include "almlip/random.h"

namespace almlip {
namespace {

/// Index drawn with a probability proportional to its weight; -1 if all weights are zero.
int draw(const std::vector<double> &weights, Random &random)
{
  double left = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  int last = -1;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0.0) continue;
    last = static_cast<int>(i);
    left -= weights[i];
    if (left < 0.0) break;
  }
  return last;
}

}    // namespace

std::vector<int> select_badge(const Rows &embeddings, int batch, std::uint64_t seed)
{
  require(batch >= 1, "selection: batch is ", batch, ", but it must be at least 1");
  const int width = embeddings.num_features;
  Random random(seed);
  const std::vector<double> origin(width, 0.0);
  std::vector<double> weight(embeddings.count());
  for (int i = 0; i < embeddings.count(); ++i)
    weight[i] = squared_distance(embeddings[i], origin.data(), width);
  std::vector<bool> taken(embeddings.count(), false);
  std::vector<int> chosen;
  while (static_cast<int>(chosen.size()) < std::min(batch, embeddings.count())) {
    int next =
        chosen.empty()
            ? static_cast<int>(std::max_element(weight.begin(), weight.end()) - weight.begin())
            : draw(weight, random);
    if (next < 0)
      next = static_cast<int>(std::find(taken.begin(), taken.end(), false) -
                              taken.begin());    // only copies are left
    const bool first = chosen.empty();
    chosen.push_back(next);
    taken[next] = true;
    for (int i = 0; i < embeddings.count(); ++i) {
      const double distance = squared_distance(embeddings[i], embeddings[next], width);
      weight[i] = taken[i] ? 0.0 : (first ? distance : std::min(weight[i], distance));
    }
  }
  return chosen;
}

std::vector<int> select_power(const std::vector<double> &uncertainty, int batch, std::uint64_t seed)
{
  require(batch >= 1, "selection: batch is ", batch, ", but it must be at least 1");
  Random random(seed);
  std::vector<double>
      score;    // Gumbel noise turns the largest scores into a draw without replacement
  for (double u : uncertainty)
    score.push_back(2.0 * std::log(u + 1e-12) -
                    std::log(-std::log(1.0 - random.uniform() + 1e-300)));
  std::vector<int> order(score.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return score[a] > score[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(batch)));
  return order;
}

std::vector<int> select_medoids(const Rows &rows, int count, std::uint64_t seed)
{
  const Clustering clustering = kmeans(rows.values, rows.num_features, count, seed);
  const Rows centers{rows.num_features, clustering.centers};
  std::vector<bool> taken(rows.count(), false);
  std::vector<int> chosen;
  for (int c = 0; c < centers.count(); ++c) {
    int best = -1;
    double least = 0.0;
    for (int i = 0; i < rows.count(); ++i) {
      const double distance = squared_distance(rows[i], centers[c], rows.num_features);
      if (taken[i] || (best >= 0 && distance >= least)) continue;
      best = i;
      least = distance;
    }
    taken[best] = true;
    chosen.push_back(best);
  }
  return chosen;
}

}    // namespace almlip
