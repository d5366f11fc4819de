// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace almlip::train {

/// A mistake of units that makes a slope differ from 1.
struct UnitMistake {
  double slope;
  const char *text;
};

/// The mistake that is nearest to a slope, if one is within a share of it.
std::optional<UnitMistake> mistake_of(double slope, const std::vector<UnitMistake> &mistakes,
                                      double share);

/// Whether a slope is what it should be, within what frames that are not quite close make of it.
bool is_near(double slope, double expected);

/// A factor that may come from frames that are not quite close.
bool is_near_one(double factor);

}    // namespace almlip::train
