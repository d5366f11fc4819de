// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "train/check/data_check.h"

namespace almlip::train {

/// Adds frames whose shear components are nearer to a potential's in another order.
///
/// Kinds (`config_type`) are judged one by one, since large stresses of one would hide the others,
/// and an order may be wrong in some kinds only. A frame that speaks against an order is not named.
/// What cannot be decided beside an exchange is a finding of its own, without a repair.
/// @param compared  shape [num_frames]
void check_predicted_shear(const std::vector<Frame> &frames, const std::vector<Compared> &compared,
                           std::vector<Finding> &findings);

}    // namespace almlip::train
