// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace almlip::pool {

/// Probability that |t| of Student's distribution is larger; 1 for no degrees of freedom.
double student_two_sided(double t, double degrees_of_freedom);

/// Mean of paired differences, its standard error and the two-sided p value of the t-test against
/// zero.
struct PairedTest {
  double mean = 0.0, standard_error = 0.0, p = 1.0;
};
/// @param differences  one per seed; fewer than two give p = 1
PairedTest paired_test(const std::vector<double> &differences);

/// Error against number of labels.
struct LearningCurve {
  std::vector<double> labels, error;    ///< shape [num_rounds]

  /// Mean error over the labels (trapezoids).
  double area() const;
  /// First number of labels, linearly interpolated, at which the error is down to `level`; nothing
  /// beyond the end.
  double labels_to_reach(double level, bool &reached) const;
};

/// Labels that a strategy saves: 1 - n/N, N the last number of labels of the baseline and n those
/// with which the strategy reaches the baseline's error at N. If the strategy never does, minus the
/// share of labels that the baseline saves on the way to the strategy's last error.
double label_saving(const LearningCurve &strategy, const LearningCurve &baseline);

/// Learning curves of one strategy and of the baseline on the same seeds, of one system.
struct PairedCurves {
  std::vector<double> labels;    ///< shape [num_rounds]
  std::vector<double> baseline_labels;
  std::vector<std::vector<double>> strategy;    ///< error, shape [num_seeds][num_rounds]
  std::vector<std::vector<double>> baseline;    ///< shape [num_seeds][num_baseline_rounds]
};

/// A number with an interval that holds a given share of bootstrap samples.
struct Interval {
  double value = 0.0, low = 0.0, high = 0.0;
};

/// Mean over systems of the label saving of the mean curves, with a bootstrap over seeds (the same
/// draw for strategy and baseline).
/// @param level  share of samples within the interval
/// Source: Efron, Ann. Stat. 7, 1 (1979)
Interval saving_interval(const std::vector<PairedCurves> &systems, double level, int num_samples,
                         std::uint64_t seed);

/// Mean over seeds, shape [num_rounds].
std::vector<double> mean_curve(const std::vector<std::vector<double>> &curves);
/// Standard error of the mean over seeds, shape [num_rounds]; zero for one seed.
std::vector<double> standard_error_curve(const std::vector<std::vector<double>> &curves);

}    // namespace almlip::pool
