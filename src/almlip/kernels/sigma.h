// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cmath>

#include "almlip/kernels/pack.h"

namespace almlip {

/// See `force_spread` of committee.h.
ALMLIP_FUNCTION inline double spread_of_members(const double *member_forces, int num_members)
{
  if (num_members < 2) return 0.0;
  double sum_of_squares = 0.0;
  for (int d = 0; d < 3; ++d) {
    double mean = 0.0;
    for (int k = 0; k < num_members; ++k) mean += member_forces[3 * k + d] / num_members;
    for (int k = 0; k < num_members; ++k) {
      const double deviation = member_forces[3 * k + d] - mean;
      sum_of_squares += deviation * deviation;
    }
  }
  return std::sqrt(sum_of_squares / (num_members - 1));
}

/// See `calibrated_sigma` of potential.h.
ALMLIP_FUNCTION inline double sigma_of_spread(double factor, double exponent, double spread)
{
  if (!(spread > 0.0)) return spread;
  const double sigma = factor * std::pow(spread, exponent);
  return sigma > spread ? sigma : spread;
}

}    // namespace almlip
