// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/kernels/short_range_pair.h"
#include "almlip/potential.h"

namespace almlip {

/// What happens to pairs that are closer than any in the training set, `outer` of potential.h's
/// Zbl.
///
/// From outer to inner the repulsion of the nuclei is switched on, with two continuous derivatives.
/// At the same time the distance that the network's radial functions see stops to shrink: what the
/// network makes up of distances that it was never shown would outweigh any wall.
class ShortRange {
 public:
  explicit ShortRange(const Potential &potential);

  /// Largest outer, Angstrom; 0 if there is no repulsion.
  double reach() const { return reach_; }

  /// Energy of a pair, eV; zero from outer on. Its slope is that of zbl_energy times the switch, so
  /// that the force rises all the way inwards; below inner the energy is zbl_energy less a
  /// constant.
  ValueSlope repulsion(int element_a, int element_b, double r) const;

  /// Distance that the network sees, Angstrom, and its derivative; r itself from outer on, (inner +
  /// outer)/2 below inner.
  ValueSlope network_distance(int element_a, int element_b, double r) const;

  /// All pairs of elements, shape [num_elements][num_elements]; empty if there is no repulsion.
  const std::vector<ShortRangePair> &pairs() const { return pairs_; }

 private:
  std::size_t num_elements_;
  std::vector<ShortRangePair> pairs_;    ///< shape [num_elements][num_elements], or empty
  double reach_ = 0.0;
};

}    // namespace almlip
