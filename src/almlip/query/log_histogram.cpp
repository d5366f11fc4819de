// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/log_histogram.h"

#include <algorithm>
#include <cmath>

namespace almlip {

void LogHistogram::add(double value)
{
  const double place = per_decade * std::log10(std::max(value, smallest) / smallest);
  ++bins_[std::min(static_cast<int>(place), num_bins - 1)];
  ++count_;
  largest_ = std::max(largest_, value);
}

double LogHistogram::quantile(double share) const
{
  if (count_ == 0) return 0.0;
  std::int64_t below = 0;
  int bin = 0;
  while (bin < num_bins - 1 && below + bins_[bin] <= share * static_cast<double>(count_ - 1))
    below += bins_[bin++];
  const double center = smallest * std::pow(10.0, (bin + 0.5) / per_decade);
  return bin == 0 ? 0.0 : std::min(center, largest_);
}

}    // namespace almlip
