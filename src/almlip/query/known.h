// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <vector>

#include "almlip/rows.h"

namespace almlip {

/// Fingerprints of configurations that must not be chosen again. To ask and to add cost the same
/// however many there are, as long as few of them are alike.
class KnownConfigurations {
 public:
  /// Forgets all.
  /// @param num_features  of every fingerprint from now on
  void reset(int num_features);
  /// @param rows  shape [count][num_features]
  void add(const std::vector<double> &rows);

  /// Whether one of them differs by no more than `duplicate` (root mean square).
  bool contains(const std::vector<double> &fingerprint, double duplicate) const;
  /// What a choice keeps away from: all, or of many the latest `most`.
  std::vector<double> latest(int most) const;

  int count() const { return rows_.count(); }
  int num_features() const { return rows_.num_features; }
  const std::vector<double> &values() const { return rows_.values; }

 private:
  double projection(const double *row) const;

  Rows rows_;
  std::multimap<double, int> by_projection_;    ///< rows that are alike have like projections
};

}    // namespace almlip
