// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "almlip/frame.h"

namespace almlip::train {

/// Cutoff within which an atom has 30 neighbours, on average over the atoms of the frames; from 3
/// to 6 Angstrom, rounded to 0.01. At most 200 frames are looked at, evenly spaced.
///
/// More neighbours cost time, fewer cost accuracy; between 25 and 38 the errors of five elements in
/// four structures hardly changed, while no single distance suits all of them.
/// @throws Error as `find_surroundings`
/// Source: ours; benchmarks/RESULTS.md
double cutoff_for(const std::vector<Frame> &frames);

/// The atom that is farthest from its nearest neighbour, among those that have one within 6
/// Angstrom.
struct LoneliestAtom {
  double distance = 0.0;    ///< Angstrom
  std::string where;        ///< frame and atom, from 1
};
/// @throws Error as `find_surroundings`
LoneliestAtom loneliest_atom(const std::vector<Frame> &frames);

/// Least cutoff for a set with this atom, so that its radial functions are not near zero: 1.3 times
/// its distance, at most 6 Angstrom.
double cutoff_that_reaches(const LoneliestAtom &atom);

}    // namespace almlip::train
