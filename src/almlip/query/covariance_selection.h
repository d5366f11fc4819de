// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "almlip/rows.h"

namespace almlip {

/// Covariance between points: candidates, labelled and reference points under one numbering.
/// Symmetric, positive semidefinite.
struct Covariance {
  int num_points = 0;
  std::vector<float> values;    ///< shape [num_points][num_points]

  const float *row(int i) const { return values.data() + static_cast<std::size_t>(i) * num_points; }
};

/// What a covariance strategy chooses from. All lists hold indices of points.
struct CovarianceTask {
  std::vector<int> candidates;    ///< may be chosen; none of them in `known`
  std::vector<int> known;         ///< labelled already
  std::vector<int> references;    ///< points at which the error counts (alc only); may be anywhere
  int batch = 15;
  double noise = 0.02;    ///< variance of the noise of a label, as a fraction of the mean of the
                          ///< covariance's diagonal
};

/// What `select_alc` makes small at the reference points.
enum class AlcCriterion { deviation, variance };

/// @throws Error that lists the names "deviation" and "variance"
AlcCriterion parse_alc_criterion(const std::string &name);

/// Average reduction ("active learning Cohn"): chooses one point after the other such that the mean
/// posterior standard deviation (or variance) of a Gaussian process with this covariance over the
/// reference points falls most. Up to `batch` indices in the order of choice.
///
/// Cost: (labels + batch) x references x candidates.
/// @throws Error for indices outside the covariance, batch < 1, noise <= 0, no references
/// Source: Cohn, Ghahramani, Jordan, J. Artif. Intell. Res. 4, 129 (1996) for the variance; greedy
/// batches and the standard deviation: ours
std::vector<int> select_alc(const Covariance &covariance, const CovarianceTask &task,
                            AlcCriterion criterion = AlcCriterion::deviation);

/// Points by features whose scalar products are their covariance, for pools that are too large for
/// a covariance matrix.
struct FeaturePoints {
  int num_features = 0;
  std::vector<float> values;    ///< shape [num_points][num_features]

  int num_points() const
  {
    return num_features > 0 ? static_cast<int>(values.size() / num_features) : 0;
  }
};

/// How `select_alc` keeps the cost of a large pool linear.
struct LargePoolSettings {
  int max_references = 2000;    ///< random references that stand for all
  int max_candidates =
      4000;    ///< among which the batch is composed: half gain most by themselves, half are random
  std::uint64_t seed = 1;
};

/// `select_alc` on features. Exact if there are no more references and candidates than the settings
/// allow; otherwise the error over all references is estimated on a random part of them, and the
/// batch is composed of fewer candidates.
///
/// Cost: candidates x features x (features + references); memory: one more copy of the features.
/// @throws Error as for a covariance
std::vector<int> select_alc(const FeaturePoints &points, const CovarianceTask &task,
                            AlcCriterion criterion, const LargePoolSettings &settings);

/// Largest cluster, maximal distance: known and chosen points are centers, every candidate belongs
/// to the nearest; from the cluster with the largest sum of squared distances the farthest
/// candidate is taken. Without known points the candidate with the largest variance comes first.
/// @throws Error for indices outside the covariance, batch < 1
/// Source: Holzmueller, Zaverkin, Kaestner, Steinwart, J. Mach. Learn. Res. 24, 164 (2023)
std::vector<int> select_lcmd(const Covariance &covariance, const CovarianceTask &task);

/// The same on features. Cost: (labels + batch) x candidates x features.
std::vector<int> select_lcmd(const FeaturePoints &points, const CovarianceTask &task);

/// exp(-d^2 / (2 m)), d the distance of two rows and m the median of all d^2 between different
/// rows.
Covariance gaussian_covariance(const Rows &rows);

}    // namespace almlip
