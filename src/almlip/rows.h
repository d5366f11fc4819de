// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace almlip {

/// Rows of equal length, one after the other.
struct Rows {
  int num_features = 0;
  std::vector<double> values;    ///< shape [count][num_features]

  int count() const
  {
    return num_features > 0 ? static_cast<int>(values.size() / num_features) : 0;
  }
  const double *operator[](int i) const
  {
    return values.data() + static_cast<std::size_t>(i) * num_features;
  }
};

inline double squared_distance(const double *a, const double *b, int num_features)
{
  constexpr int lanes = 8;    // sums that run beside each other, in one register
  double sums[lanes] = {};
  int f = 0;
  for (; f + lanes <= num_features; f += lanes)
    for (int k = 0; k < lanes; ++k) sums[k] += (a[f + k] - b[f + k]) * (a[f + k] - b[f + k]);
  for (; f < num_features; ++f) sums[0] += (a[f] - b[f]) * (a[f] - b[f]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// Whether two rows differ by no more than `duplicate`, root mean square. Of rows that are far
/// apart only the first features are looked at.
inline bool is_same(const double *a, const double *b, int num_features, double duplicate)
{
  constexpr int part = 32;
  const double most = duplicate * duplicate * num_features;
  double sum = 0.0;
  for (int f = 0; f < num_features && sum <= most; f += part)
    sum += squared_distance(a + f, b + f, std::min(part, num_features - f));
  return sum <= most;
}

}    // namespace almlip
