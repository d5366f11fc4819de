// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/known.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace almlip {
namespace {

/// Whether the squared distance is no more than `most`. Of rows that are far apart only the first
/// features are looked at.
bool is_near(const double *a, const double *b, int num_features, double most)
{
  constexpr int part = 32;
  double sum = 0.0;
  for (int f = 0; f < num_features && sum <= most; f += part)
    sum += squared_distance(a + f, b + f, std::min(part, num_features - f));
  return sum <= most;
}

}    // namespace

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
  const double most = duplicate * duplicate * rows_.num_features;
  return std::any_of(by_projection_.lower_bound(center - reach),
                     by_projection_.upper_bound(center + reach), [&](const auto &entry) {
                       return is_near(rows_[entry.second], fingerprint.data(), rows_.num_features,
                                      most);
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
