// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>

#include "almlip/frame.h"
#include "pool/pool_composition.h"

namespace almlip::pool {

/// Numbers that the structure gives without any energy. Scaled distances are in units of the sum of
/// the two covalent radii; a bond is a pair of atoms with a scaled distance below 1.25.
struct GeometryStatistics {
  static constexpr int num_bins = 11;
  double volume_per_atom = 0.0;      ///< Angstrom^3
  double density = 0.0;              ///< g/cm^3
  double packing = 0.0;              ///< volume of the covalent spheres over that of the cell
  MeanDeviation nearest;             ///< scaled distance of the nearest neighbour
  MeanDeviation coordination;        ///< bonds of an atom
  double bond_ionicity = 0.0;        ///< mean |electronegativity difference| over bonds
  double homonuclear_bonds = 0.0;    ///< share of bonds between equal elements
  double nearest_distance = 0.0;     ///< mean over atoms, Angstrom
  /// Sum over pairs of exp(-(x - center)^2 / (2 0.1^2)) / x^2 per atom, x the scaled distance,
  /// centers 0.75, 0.9 .. 2.25.
  std::array<double, num_bins> radial{};
  std::array<double, num_bins>
      radial_ionic{};    ///< the same, weighted with |electronegativity difference|
};

/// Neighbours count up to a scaled distance of 2.55, at most 8 Angstrom; an atom without any counts
/// as if it had one there.
/// @param frame   periodic, with a structure; elements with tabulated properties
/// @param radial  false leaves the radial distributions zero, which is faster
GeometryStatistics geometry_statistics(const Frame &frame, bool radial);

}    // namespace almlip::pool
