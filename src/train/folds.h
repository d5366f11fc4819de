// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/frame.h"

namespace almlip::train {

/// Moves a part of the frames into a second list. Every config_type gives its share, but keeps at
/// least one frame; those of one frame are one together if they are more than a tenth. And every
/// element stays in one; the order of frames is kept.
/// @param fraction  0 to 1; the same frames for the same seed
/// @return          the held-out frames
std::vector<Frame> split_off(std::vector<Frame> &frames, double fraction, int seed);

/// Fold of every frame; within a config_type the folds differ by at most one frame.
std::vector<int> folds_of(const std::vector<Frame> &frames, int num_folds, int seed);

/// The same, but -1 for frames that a fit cannot do without: the only one of its kind, or one whose
/// fold holds all atoms of an element. Folds that are empty then are left out.
std::vector<int> judging_folds(const std::vector<Frame> &frames, int num_folds, int seed);

/// How many of the folds hold enough frames to judge errors and sigma by, 20; all if none do.
/// @param fold  of every frame, or -1
int num_folds_to_judge(const std::vector<int> &fold);

}    // namespace almlip::train
