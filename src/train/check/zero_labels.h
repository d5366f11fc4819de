// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "train/check/finding.h"

namespace almlip::train {

/// Labels that are exactly 0 because nobody wrote them: forces on atoms without symmetry, energies
/// of frames with forces, and stresses. Forces that vanish by symmetry, as in perfect crystals, are
/// right.
std::vector<Finding> check_zero_labels(const std::vector<Frame> &frames);

}    // namespace almlip::train
