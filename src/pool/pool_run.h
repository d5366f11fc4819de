// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "almlip/rows.h"
#include "pool/pool_study.h"

namespace almlip::pool {

/// Error of the committee's mean on a test set, eV/atom; r2 is the share of explained variance.
struct TestError {
  double mae = 0.0, rmse = 0.0, r2 = 0.0;
};

/// State after the labels of a round.
struct PoolRound {
  int labels = 0;
  std::vector<TestError> errors;    ///< in the order of PoolStudy::metric_names
  double rank_correlation = 0.0;    ///< of spread and |error|, Spearman, on the large test set
  double calibration_error =
      0.0;    ///< expected calibration error of the spread on the left-over test entries
  double scaled_calibration_error =
      0.0;    ///< the same after one factor fitted on the smaller test set
};

/// One strategy on one split.
struct PoolRun {
  std::vector<PoolRound> rounds;
  std::vector<int> chosen;    ///< entries in the order of their labels, the initial set first
  /// Share of left-over test entries with |error| <= z(level) spread after the last round, levels
  /// 0.05 .. 0.95; without and with the factor.
  std::vector<double> reliability, scaled_reliability;
  double fit_seconds = 0.0, select_seconds = 0.0;    ///< of all rounds
};

/// Entries of one seed, as indices into the pool's entries.
struct PoolSplit {
  std::vector<int> pool, test, larger;    ///< larger: left-over entries
  struct Target {
    std::vector<int> references, test;    ///< indices into the entries of the target
  };
  std::vector<Target> targets;
  std::uint64_t seed = 0;
};

/// Draws the split of a seed: of every source `take` entries of the system, of these a share to
/// test.
/// @param members  entries of the system by source
/// @param target_members  entries of the system of every target; those with a formula of the pool
/// are left out
/// @throws Error if there are too few entries; says how many there are
PoolSplit split_pool(const PoolStudy &study, const std::vector<PoolEntry> &entries,
                     const std::vector<std::vector<int>> &members,
                     const std::vector<std::vector<PoolEntry>> &targets,
                     const std::vector<std::vector<int>> &target_members, bool one_per_formula,
                     int seed, const std::string &system);

/// Descriptors and formation energies that a run reads.
struct RunData {
  const Rows &descriptors;                ///< of the pool's entries
  const std::vector<double> &energies;    ///< eV/atom
  std::vector<const Rows *> target_descriptors;
  std::vector<const std::vector<double> *> target_energies;
};

/// Learns on one split with one protocol. Splits and networks depend on the seed only, so that
/// series are paired.
PoolRun run_pool(const PoolProtocol &protocol, const PoolStudy &study, const PoolSplit &split,
                 const RunData &data);

/// Seed of an independent stream: a mix of the numbers.
std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t stream, std::uint64_t step = 0);

}    // namespace almlip::pool
