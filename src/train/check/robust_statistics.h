// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

namespace almlip::train {

/// The middle one, or the mean of the middle two; 0 without values.
double median(std::vector<double> values);

/// Median of absolute deviations from the median, times 1.4826: the standard deviation of normal
/// values.
double robust_spread(const std::vector<double> &values);

/// The value that halves the weight; 0 without weight.
/// @param weights  of the same size, not negative
double weighted_median(const std::vector<double> &values, const std::vector<double> &weights);

/// Slope through the origin that halves the weight |x| of all points.
/// @param x, y  of the same size
double median_slope(const std::vector<double> &x, const std::vector<double> &y);

/// Share of the weight |x| whose slope y/x is within a third of the given one.
double share_near(const std::vector<double> &x, const std::vector<double> &y, double slope);

/// y = first u + second v.
struct TwoSlopes {
  double first = 1.0, second = 0.0;
  double first_error = 0.0, second_error = 0.0;    ///< standard errors
  double misfit = 0.0;                             ///< mean absolute residual
};

/// Fit by least squares with little weight on outliers; `second` is 0 if v tells nothing beside u.
/// @param u, v, y  of the same size
TwoSlopes fit_two_slopes(const std::vector<double> &u, const std::vector<double> &v,
                         const std::vector<double> &y);

}    // namespace almlip::train
