// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/potential.h"
#include "train/training_data.h"

namespace almlip::train {

/// Where the repulsion of the nuclei is switched on. From d, the least distance of each pair of
/// elements in training and held-out frames, but at most the sum of the covalent radii (pairs that
/// never come close) and the mean of the two like pairs: `outer` is 0.93 d, so that no label and no
/// somewhat hotter simulation has a share of it; `inner` is 0.68 d.
/// @param cutoff  Angstrom
Zbl zbl_range(const TrainingData &data, double cutoff);

}    // namespace almlip::train
