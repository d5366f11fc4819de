// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_strategy.h"

#include <algorithm>
#include <numeric>

#include "almlip/error.h"
#include "almlip/query/covariance_selection.h"
#include "almlip/query/row_selection.h"
#include "almlip/selection.h"

namespace almlip::pool {

namespace {

Rows rows_of(const Eigen::MatrixXf &matrix, const std::vector<int> &indices)
{
  Rows rows{static_cast<int>(matrix.cols()), {}};
  rows.values.reserve(indices.size() * matrix.cols());
  for (int i : indices)
    for (Eigen::Index f = 0; f < matrix.cols(); ++f) rows.values.push_back(matrix(i, f));
  return rows;
}

std::vector<double> at(const std::vector<double> &values, const std::vector<int> &indices)
{
  std::vector<double> result;
  for (int i : indices) result.push_back(values[i]);
  return result;
}

std::vector<int> iota(int count)
{
  std::vector<int> result(count);
  std::iota(result.begin(), result.end(), 0);
  return result;
}

/// The strategies that `almlip select` and `fix al_query` share; indices into `unlabelled`.
std::vector<int> choose_by_fingerprint(const PoolProtocol &protocol, const PoolState &state)
{
  SelectionSettings settings;
  settings.strategy =
      parse_strategy(protocol.strategy == "adaptive" ? "hybrid" : protocol.strategy);
  settings.batch = protocol.batch;
  settings.clusters = protocol.clusters;
  settings.alpha =
      protocol.strategy == "adaptive" ? std::clamp(state.trust, 0.0, 1.0) : protocol.alpha;
  settings.duplicate = 0.0;
  settings.seed = state.seed;
  const Rows rows = rows_of(state.points, state.unlabelled);
  const Candidates candidates{rows.num_features, rows.values, at(state.spread, state.unlabelled),
                              rows_of(state.points, state.labelled).values};
  std::vector<int> chosen;
  for (const Choice &choice : select(candidates, settings)) chosen.push_back(choice.index);
  return chosen;
}

/// The rows of the pool, then the outside references.
Eigen::MatrixXf all_points(const PoolState &state)
{
  Eigen::MatrixXf all(state.points.rows() + state.references.rows(), state.points.cols());
  all << state.points, state.references;
  return all;
}

/// Covariance over all points.
Covariance make_covariance(const PoolProtocol &protocol, const PoolState &state)
{
  const Eigen::MatrixXf all = all_points(state);
  if (protocol.covariance == "gradient") return state.committee.gradient_covariance(all);
  return gaussian_covariance(rows_of(all, iota(static_cast<int>(all.rows()))));
}

CovarianceTask make_task(const PoolProtocol &protocol, const PoolState &state)
{
  const int num_points = static_cast<int>(state.points.rows());
  CovarianceTask task{state.unlabelled, state.labelled, iota(num_points), protocol.batch,
                      protocol.noise};
  if (state.references.rows() > 0) {
    task.references = iota(static_cast<int>(state.references.rows()));
    for (int &i : task.references) i += num_points;
  }
  return task;
}

/// alc on a pool that is too large for a covariance matrix.
std::vector<int> choose_from_large_pool(const PoolProtocol &protocol, const PoolState &state)
{
  constexpr int num_projections = 512;
  require(protocol.strategy == "alc" && protocol.covariance == "gradient",
          "pool: ", protocol.strategy, " with the kernel \"", protocol.covariance,
          "\" needs a matrix of all pairs, but ", state.points.rows(),
          " entries are more than \"exact_up_to\", ", protocol.exact_up_to,
          "; use alc with the kernel \"gradient\"");
  LargePoolSettings settings;
  settings.seed = state.seed;
  const FeaturePoints features =
      state.committee.gradient_features(all_points(state), num_projections, state.seed);
  return select_alc(features, make_task(protocol, state), parse_alc_criterion(protocol.criterion),
                    settings);
}

std::vector<int> choose_by_covariance(const PoolProtocol &protocol, const PoolState &state)
{
  if (state.points.rows() > protocol.exact_up_to) return choose_from_large_pool(protocol, state);
  const Covariance covariance = make_covariance(protocol, state);
  const CovarianceTask task = make_task(protocol, state);
  return protocol.strategy == "alc"
             ? select_alc(covariance, task, parse_alc_criterion(protocol.criterion))
             : select_lcmd(covariance, task);
}

std::vector<int> choose_by_embedding(const PoolProtocol &protocol, const PoolState &state)
{
  Rows embeddings = rows_of(state.committee.last_hidden(state.points), state.unlabelled);
  for (int i = 0; i < embeddings.count(); ++i)
    for (int f = 0; f < embeddings.num_features; ++f)
      embeddings.values[static_cast<std::size_t>(i) * embeddings.num_features + f] *=
          state.spread[state.unlabelled[i]];
  return select_badge(embeddings, protocol.batch, state.seed);
}

/// Strategies that leave out copies may end early: fills the batch with the most uncertain rest.
void fill(std::vector<int> &chosen, const PoolProtocol &protocol, const PoolState &state)
{
  std::vector<int> order = state.unlabelled;
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return state.spread[a] > state.spread[b]; });
  for (int i : order) {
    if (static_cast<int>(chosen.size()) >= protocol.batch) return;
    if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) chosen.push_back(i);
  }
}

}    // namespace

const std::vector<std::string> &pool_strategies()
{
  static const std::vector<std::string> names = {
      "random", "uncertainty", "diversity", "hybrid", "adaptive", "alc", "lcmd", "badge", "power"};
  return names;
}

std::vector<int> choose_batch(const PoolProtocol &protocol, const PoolState &state)
{
  require(static_cast<int>(state.unlabelled.size()) >= protocol.batch,
          "pool: ", state.unlabelled.size(), " entries are left without a label, but a batch is ",
          protocol.batch, "; use fewer rounds or smaller batches");
  std::vector<int> chosen;
  if (protocol.strategy == "alc" || protocol.strategy == "lcmd") {
    chosen = choose_by_covariance(protocol, state);
  } else {
    if (protocol.strategy == "badge")
      chosen = choose_by_embedding(protocol, state);
    else if (protocol.strategy == "power")
      chosen = select_power(at(state.spread, state.unlabelled), protocol.batch, state.seed);
    else
      chosen = choose_by_fingerprint(protocol, state);
    for (int &i : chosen) i = state.unlabelled[i];
  }
  fill(chosen, protocol, state);
  return chosen;
}

}    // namespace almlip::pool
