// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/frame.h"

namespace almlip::train {

/// Cutoff within which an atom has 30 neighbours, on average over the atoms of the frames; from 3
/// to 6 Angstrom, rounded to 0.01. At most 200 frames are looked at, evenly spaced.
///
/// More neighbours cost time, fewer cost accuracy; between 25 and 38 the errors of five elements in
/// four structures hardly changed, while no single distance suits all of them.
/// @throws Error as `find_surroundings`
/// Source: ours; benchmarks/RESULTS.md
double cutoff_for(const std::vector<Frame> &frames);

}    // namespace almlip::train
