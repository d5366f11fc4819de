// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "train/check/close_frames.h"
#include "train/check/finding.h"

namespace almlip::train {

/// Frames without forces that have a column of another name for them; all frames, if none has
/// forces.
std::optional<Finding> check_missing_forces(const std::vector<Frame> &frames);

/// A wrong sign or unit of energies or forces: energy differences of close frames against the work
/// of their forces. In strained cells the work of the stress belongs to it, in whatever unit.
/// @param share  of the work that must agree on it
std::optional<Finding> check_forces(const std::vector<ClosePair> &pairs, double share);

}    // namespace almlip::train
