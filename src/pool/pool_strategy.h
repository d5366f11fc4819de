// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

#include "pool/pool_study.h"
#include "pool/relu_committee.h"

namespace almlip::pool {

/// Names of the strategies, in the order of documentation.
const std::vector<std::string> &pool_strategies();

/// What a strategy sees before a batch. Points are rows of standardised descriptors.
struct PoolState {
  const Eigen::MatrixXf &points;        ///< all entries of the pool
  const Eigen::MatrixXf &references;    ///< points outside the pool at which alc lowers the error;
                                        ///< no rows: the pool itself
  const std::vector<int> &labelled, &unlabelled;    ///< rows of `points`
  const std::vector<double> &spread;    ///< sample deviation of the members, shape [points]
  const ReluCommittee &committee;
  double
      trust;    ///< rank correlation of spread and error on what was chosen before, 0 without any
  std::uint64_t seed;
};

/// Rows of the next batch, all different, from `unlabelled`.
///
/// random, uncertainty, diversity, hybrid: `almlip::select`. adaptive: hybrid whose alpha is the
/// trust, so that it explores until the spread has shown that it finds errors. alc, lcmd, badge,
/// power: covariance_selection.h; badge embeds by the last hidden layers times the spread.
/// @throws Error if there are fewer unlabelled rows than a batch
std::vector<int> choose_batch(const PoolProtocol &protocol, const PoolState &state);

}    // namespace almlip::pool
