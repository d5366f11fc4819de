// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/frame.h"
#include "parallel/ranks.h"

namespace almlip::train {

/// Energy, virial, forces, spread, sigma and descriptors of every frame; what belongs to single
/// members is left out. The ranks share the work; call it on all of them, with the same potential
/// but for its calibration, for which that of the first rank counts.
/// @param take  called on the first rank, in the order of the frames
/// @throws Error as `predict`
void predict_frames(
    const Potential &potential, const std::vector<Frame> &frames, const Ranks &ranks,
    const std::function<void(const Frame &frame, FramePrediction prediction)> &take);

}    // namespace almlip::train
