// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/committee.h"
#include "almlip/surroundings.h"

namespace almlip {

/// The surroundings of a frame's atoms as a committee wants them; owns what the Neighborhood points
/// at, but for the surroundings.
class FrameNeighborhood {
 public:
  /// @param surroundings  must outlive this
  /// @param atom_element  element index of every atom of the frame, shape [num_atoms]
  FrameNeighborhood(const Surroundings &surroundings, const std::vector<int> &atom_element);
  FrameNeighborhood(const FrameNeighborhood &) = delete;
  FrameNeighborhood &operator=(const FrameNeighborhood &) = delete;

  const Neighborhood &view() const { return view_; }

 private:
  std::vector<int> element_, centers_, num_neighbors_;
  std::vector<const int *> neighbors_;
  Neighborhood view_;
};

}    // namespace almlip
