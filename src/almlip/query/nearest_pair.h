#pragma once

#include <limits>

#include "almlip/committee.h"
#include "almlip/potential.h"

namespace almlip {

/// The pairs of atoms that are nearest to each other.
struct NearestPair {
  double nearness = 0.0;    ///< largest d0/d, d0 the least distance of these elements in training
  int atom = -1;            ///< index of one of its two atoms; -1: no pair
  double least_distance = std::numeric_limits<double>::infinity();    ///< of any pair, Angstrom
};

/// Looks at all pairs of the neighbour lists; nearness stays 0 for a potential that does not know
/// the distances in its training set.
NearestPair nearest_pair(const Neighborhood &neighborhood, const Potential &potential);

}    // namespace almlip
