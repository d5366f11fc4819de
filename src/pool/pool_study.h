// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pool/pool_filter.h"

namespace almlip::pool {

/// How one series of a study learns: one row of its tables.
struct PoolProtocol {
  std::string name;       ///< in tables and figures
  std::string variant;    ///< group of series with a baseline of its own
  std::string strategy =
      "random";    ///< random, uncertainty, diversity, hybrid, adaptive, alc, lcmd, badge or power
  std::string descriptor = "leakfree17";
  std::string initial_set = "random";    ///< or medoids: of k-means on the descriptors
  std::string reference =
      "pool";    ///< points at which alc lowers the error: the pool, or the name of a target
  std::string criterion = "deviation";    ///< of alc: deviation or variance
  std::string covariance =
      "gradient";    ///< key "kernel", of alc and lcmd: gradient of the committee, or descriptor
  int initial = 30, rounds = 6, batch = 15;
  int clusters = 15;    ///< k of k-means
  int members = 5, hidden = 128, steps = 120;
  double learning_rate = 1e-3;
  double alpha = 0.6;        ///< weight of uncertainty in hybrid
  double noise = 0.02;       ///< of alc, fraction of the mean of the covariance's diagonal
  int exact_up_to = 4000;    ///< entries of a pool beyond which alc works with random features in
                             ///< place of the covariance
  double clip = 5.0;         ///< standardised descriptors end at +- so many deviations; 0: no end
  bool one_per_formula =
      false;    ///< of each formula only one entry, so that no polymorph is in pool and test

  int last_labels() const { return initial + rounds * batch; }
};

/// A file of labelled entries.
struct PoolSource {
  std::string file;
  int take = 500;    ///< random entries of every system for pool and test
};

/// Another database that what was learned is tested on.
struct PoolTarget {
  std::string name, file;
  int references = 400;    ///< unlabelled entries that alc may aim at, at most half
};

/// Everything that a study's settings file says.
struct PoolStudy {
  std::string title = "Pool study";
  std::vector<PoolSource> sources;
  std::vector<PoolTarget> targets;
  PoolFilter filter;
  std::vector<std::string> systems = {"C", "Si", "Fe", "Ti-O"};
  std::vector<std::string> metrics = {
      "large"};            ///< test sets that tables show; the first one counts. See `metric_names`
  std::string baseline;    ///< name of a series; empty: the random one of the same variant
  int seeds = 20, first_seed = 1;
  double test_fraction = 0.2;
  int larger_test =
      500;    ///< left-over entries that are added to the test set for the metric "large"
  double interval = 0.9;    ///< share of bootstrap samples within an interval
  int bootstrap = 2000;
  std::vector<PoolProtocol> series;

  /// Test sets: "test" (the share of the split), "large" (with left-over entries), and for every
  /// target its name, and its name + " shifted" (the median error is subtracted first).
  std::vector<std::string> metric_names() const;
  /// Index of the series that another one is compared with.
  int baseline_of(int series) const;
};

/// Reads a settings file (JSON, comments allowed). File names may hold ${NAME} of the environment
/// and are relative to the settings file.
/// @throws Error that names the file, the key, what was found and what is allowed
PoolStudy read_pool_study(const std::string &path);

/// What decides the numbers of a series, as text; equal texts give equal numbers.
std::string shaping_text(const PoolStudy &study, const PoolProtocol &protocol);

}    // namespace almlip::pool
