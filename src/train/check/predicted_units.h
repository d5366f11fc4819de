// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "train/check/data_check.h"

namespace almlip::train {

/// Adds forces and stresses whose unit or sign is not that of a potential, for each file. Where
/// only a part of a file is wrong, that part is named.
/// @param compared  shape [num_frames]
void check_predicted_units(const std::vector<Frame> &frames, const std::vector<Compared> &compared,
                           std::vector<Finding> &findings);

}    // namespace almlip::train
