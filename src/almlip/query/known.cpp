// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/known.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace almlip {

void KnownConfigurations::reset(int num_features)
{
  rows_ = {num_features, {}};
  by_projection_.clear();
}

void KnownConfigurations::add(const std::vector<double> &rows)
{
  const int before = count();
  rows_.values.insert(rows_.values.end(), rows.begin(), rows.end());
  for (int i = before; i < count(); ++i) by_projection_.emplace(projection(rows_[i]), i);
}

bool KnownConfigurations::contains(const std::vector<double> &fingerprint, double duplicate) const
{
  if (count() == 0) return false;
  // The small share is for rounding: the projections differ by no more than the rows do.
  const double reach = duplicate * std::sqrt(rows_.num_features) * (1.0 + 1e-9) + 1e-12;
  const double center = projection(fingerprint.data());
  return std::any_of(by_projection_.lower_bound(center - reach),
                     by_projection_.upper_bound(center + reach), [&](const auto &entry) {
                       return is_same(rows_[entry.second], fingerprint.data(), rows_.num_features,
                                      duplicate);
                     });
}

std::vector<double> KnownConfigurations::latest(int most) const
{
  const int first = std::max(0, count() - most);
  return {rows_.values.begin() + static_cast<std::ptrdiff_t>(first) * rows_.num_features,
          rows_.values.end()};
}

/// Length along the diagonal.
double KnownConfigurations::projection(const double *row) const
{
  return std::accumulate(row, row + rows_.num_features, 0.0) / std::sqrt(rows_.num_features);
}

}    // namespace almlip
