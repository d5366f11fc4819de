// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/calculator.h"
#include "almlip/frame.h"
#include "almlip/potential.h"
#include "almlip/query/rule.h"

namespace almlip {

/// What a frame of a file shows before anything is predicted: numbers that are none, least
/// distance, nearness and density. Atoms count from 1. Atoms at the same place have distance 0.
/// @param reach  distances are looked for up to there, and up to the least one of the training set,
///               Angstrom
Observation observe(const Frame &frame, const Potential &potential, double reach);

/// Adds what was predicted for the frame.
/// @param novelty  shape [num_atoms]; empty if the potential does not tell it
/// @param watched  atoms whose sigma and novelty count, shape [num_atoms]; empty: all
void observe(const FramePrediction &prediction, const std::vector<double> &novelty,
             const std::vector<bool> &watched, Observation &seen);

}    // namespace almlip
