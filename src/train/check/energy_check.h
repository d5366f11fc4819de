// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <set>
#include <vector>

#include "train/check/close_frames.h"
#include "train/check/finding.h"

namespace almlip::train {

/// Frames twice, with the same or another energy.
void check_repeats(const std::vector<Frame> &frames, Collector &findings);

/// Energies per atom of a composition in two heaps: different units or zeros in one set.
/// @return  frames whose energies are in another unit than the rest
std::set<std::size_t> check_heaps(const std::vector<Frame> &frames, Collector &findings);

/// Frames whose energy differs from those of all their close ones by more than any work.
/// @return  their indices
std::vector<std::size_t> energy_jumps(const std::vector<ClosePair> &pairs);

}    // namespace almlip::train
