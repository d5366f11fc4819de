// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/frame_neighborhood.h"

#include <numeric>

namespace almlip {

FrameNeighborhood::FrameNeighborhood(const Surroundings &surroundings,
                                     const std::vector<int> &atom_element)
    : centers_(surroundings.num_atoms), num_neighbors_(surroundings.num_atoms)
{
  std::iota(centers_.begin(), centers_.end(), 0);
  for (const int owner : surroundings.owner) element_.push_back(atom_element[owner]);
  for (int i = 0; i < surroundings.num_atoms; ++i) {
    num_neighbors_[i] = surroundings.first[i + 1] - surroundings.first[i];
    neighbors_.push_back(surroundings.neighbors.data() + surroundings.first[i]);
  }
  view_.num_all = surroundings.num_all();
  view_.positions = surroundings.positions.data();
  view_.element = element_.data();
  view_.num_centers = surroundings.num_atoms;
  view_.centers = centers_.data();
  view_.num_neighbors = num_neighbors_.data();
  view_.neighbors = neighbors_.data();
}

}    // namespace almlip
