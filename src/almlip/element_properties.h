// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace almlip {

/// Tabulated properties of an element that descriptors are made of.
struct ElementProperties {
  double mass = 0.0;                 ///< amu
  double electronegativity = 0.0;    ///< Pauling scale; 0 where there is none
  double covalent_radius = 0.0;      ///< Angstrom
  double valence =
      0.0;    ///< electrons beyond the last noble gas, filled f and d shells left out; f elements 3
  double period = 0.0;    ///< row of the periodic table
};

constexpr int last_element_with_properties = 96;    ///< Cm

/// Properties of an element.
/// @throws Error unless 1 <= atomic_number <= last_element_with_properties
/// Source: masses IUPAC (2021); electronegativities Pauling and Allred (1961); radii Cordero et
/// al., Dalton Trans. 2832 (2008)
ElementProperties element_properties(int atomic_number);

/// Covalent radius of an element by its symbol, Angstrom; beyond Cm that of Cm.
double covalent_radius(const std::string &symbol);

}    // namespace almlip
