// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>

namespace almlip {

/// Quantiles of any number of positive numbers in little memory, to about 5 %.
class LogHistogram {
 public:
  void add(double value);
  /// @param share  of the numbers that are smaller, 0 to 1; 0 if there are no numbers
  double quantile(double share) const;
  double largest() const { return largest_; }
  std::int64_t count() const { return count_; }

 private:
  static constexpr int per_decade = 24, decades = 14, num_bins = per_decade * decades;
  static constexpr double smallest = 1e-8;

  std::array<std::int64_t, num_bins> bins_{};
  std::int64_t count_ = 0;
  double largest_ = 0.0;
};

}    // namespace almlip
