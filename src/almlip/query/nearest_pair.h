// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <limits>
#include <vector>

#include "almlip/committee.h"
#include "almlip/potential.h"

namespace almlip {

/// The pairs of atoms that are nearest to each other.
struct NearestPair {
  double nearness = 0.0;    ///< largest d0/d, d0 the least distance of these elements in training
  int atom = -1;            ///< index of one of its two atoms; -1: no pair
  double least_distance = std::numeric_limits<double>::infinity();    ///< of any pair, Angstrom
};

/// Least distances of pairs of elements in the training set, shape [E][E], Angstrom: from the
/// record of the potential, or its least distance of all where there is none or the pair never met.
std::vector<double> training_distances(const Potential &potential);

/// Looks at all pairs of the neighbour lists; nearness stays 0 for a potential that does not know
/// the distances in its training set.
NearestPair nearest_pair(const Neighborhood &neighborhood, const Potential &potential);

}    // namespace almlip
