// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/frame.h"

namespace almlip::train {

/// What the labels of a frame count in the loss beside those of usual frames, at most 1.
struct LabelWeights {
  std::vector<double> force;    ///< shape [num_atoms]; empty without forces
  double frame = 1.0;           ///< of energy and virial
};

/// Of all atoms, (eV/Angstrom)^2.
/// @return shape [num_atoms]; empty without forces
std::vector<double> squared_forces(const Frame &frame);

/// Forces beyond a limit are to be right in relation to their size only: (limit / |F|)^2. Energy
/// and virial of a frame count as its atoms do in the harmonic mean.
/// @param violent_force  the limit, eV/Angstrom; 0: all labels count 1
/// Source: ours; docs/notebook/2026-11-28-few-frames.md
LabelWeights label_weights(const Frame &frame, double violent_force);

}    // namespace almlip::train
