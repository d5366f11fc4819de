// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <vector>

#include "train/check/close_frames.h"
#include "train/check/finding.h"

namespace almlip::train {

/// Adds what was found of frames to the findings: of all that do not speak against it or, where it
/// is true of a part only, of those whose energies agree better with their close ones once they are
/// repaired. Frames that have none near enough to tell are then named by a finding of their own.
void add_finding(const Finding &finding, const std::vector<ClosePair> &pairs,
                 const std::vector<std::size_t> &frames, Collector &findings);

/// The same for each kind (`config_type`): others of a file may be from another calculation. A kind
/// of which no frame tells is named by a finding without a repair.
/// @param kinds  indices of their frames
void add_finding_by_kind(const Finding &finding, const std::vector<ClosePair> &pairs,
                         const std::vector<Frame> &frames,
                         const std::vector<std::vector<std::size_t>> &kinds, Collector &findings);

}    // namespace almlip::train
