// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "almlip/frame.h"

namespace almlip {

/// The atoms of a frame with all periodic images within reach, and the full neighbour list of the
/// atoms themselves.
///
/// Entries 0 .. num_atoms-1 are the atoms of the frame, the rest are images ("ghosts") of `owner`.
struct Surroundings {
  int num_atoms = 0;
  std::vector<double> positions;    ///< shape [num_all][3], Angstrom
  std::vector<int> owner;           ///< shape [num_all], index of the atom that this is an image of
  std::vector<std::array<int, 3>>
      image;    ///< of every ghost, shape [num_all - num_atoms]: it is at owner + image . cell
  std::vector<int> first;        ///< shape [num_atoms + 1], into `neighbors`
  std::vector<int> neighbors;    ///< indices below num_all; every j != i with |x_j - x_i| < cutoff;
                                 ///< sorted by (owner, image)

  int num_all() const { return static_cast<int>(owner.size()); }
};

/// Finds all neighbours within the cutoff, through any number of periodic images and in cells of
/// any shape; cells smaller than the cutoff are fine, an atom can be its own neighbour through an
/// image. Cost linear in the number of atoms for large cells.
/// @param cutoff  Angstrom
/// @throws Error  if a periodic cell has no volume or two atoms are closer than 1e-3 Angstrom
/// (names the atoms and the frame)
Surroundings find_surroundings(const Frame &frame, double cutoff);

/// Moves atoms and ghosts to where another frame with the same atoms has them; neighbours stay.
void move_to(const Frame &frame, Surroundings &surroundings);

/// Calls visit(i, j, distance) for every atom i and every neighbour within the cutoff, which is
/// atom j or an image of it; atoms in order, their neighbours in any. Faster than
/// `find_surroundings`.
/// @param cutoff  Angstrom
/// @throws Error  as `find_surroundings`
void for_each_pair(const Frame &frame, double cutoff,
                   const std::function<void(int, int, double)> &visit);

/// Least distance between two atoms (images included) that is below `reach`, else `reach`;
/// Angstrom.
double least_distance(const Frame &frame, double reach);

}    // namespace almlip
