// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

namespace almlip::pool {

/// Mean and standard deviation (divides by the count) over the atoms of a material.
struct MeanDeviation {
  double mean = 0.0, deviation = 0.0;
};

/// Numbers that the composition alone gives; each atom of the list counts once.
struct CompositionStatistics {
  MeanDeviation number, mass, electronegativity, radius, valence, period;
  double num_elements = 0.0;
  double electronegativity_range = 0.0;    ///< largest minus smallest of the elements
  double radius_range = 0.0;               ///< Angstrom
  double electronegativity_difference =
      0.0;    ///< mean of |difference| over all pairs of atoms, an atom with itself included
  double radius_cubed = 0.0;    ///< mean, Angstrom^3
};

/// @param atomic_numbers  1 to last_element_with_properties
CompositionStatistics composition_statistics(const std::vector<int> &atomic_numbers);

}    // namespace almlip::pool
