#pragma once

#include "almlip/potential.h"
#include "train/training_data.h"

namespace almlip {

/// Where the repulsion of the nuclei is switched on: `outer` is the least distance of each pair of
/// elements in training and held-out frames, so that none of their labels has a share of it, but at
/// most the sum of the covalent radii (pairs that never come close) and, of unlike elements, the
/// mean of the two like pairs (alloys of which only the sites of a lattice are known, at distances
/// that any vibration goes below); `inner` is 0.85 outer, the distance below which fix al_query
/// sends nothing to the reference method.
/// @param cutoff  Angstrom
Zbl zbl_range(const TrainingData &data, double cutoff);

}    // namespace almlip
