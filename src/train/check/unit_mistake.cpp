// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/unit_mistake.h"

#include <cmath>

namespace almlip::train {

std::optional<UnitMistake> mistake_of(double slope, const std::vector<UnitMistake> &mistakes,
                                      double share)
{
  std::optional<UnitMistake> nearest;
  for (const UnitMistake &mistake : mistakes)
    if (std::abs(slope / mistake.slope - 1.0) <
        (nearest ? std::abs(slope / nearest->slope - 1.0) : share))
      nearest = mistake;
  return nearest;
}

bool is_near(double slope, double expected) { return std::abs(slope - expected) < 0.3; }

bool is_near_one(double factor) { return std::abs(factor) > 1.0 / 3.0 && std::abs(factor) < 3.0; }

}    // namespace almlip::train
