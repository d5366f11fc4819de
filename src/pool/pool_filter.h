// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pool/pool_entry.h"

namespace almlip::pool {

/// Which entries of a pool are used.
struct PoolFilter {
  int min_atoms = 2, max_atoms = 50;    ///< per cell, or per formula unit without a structure
  std::vector<std::string>
      elements;    ///< allowed chemical symbols; empty: all with tabulated properties
  double lowest_energy = -10.0, highest_energy = 10.0;    ///< formation energy, eV/atom
  bool suspects = false;          ///< also those that their source marks as suspect
  bool structures = false;        ///< only those with a structure
  bool drop_duplicates = true;    ///< same formula and same structure: the lowest energy stays
};

/// Removes what the filter does not allow and adds to the pool's counts why. The order of what
/// stays is kept. Two structures are the same if formula and volume per atom (1e-3 relative) agree,
/// and the sorted lists of each atom's four shortest distances (0.01 Angstrom).
/// @throws Error if nothing is left, with the counts
void apply(const PoolFilter &filter, Pool &pool, const std::string &name);

/// Entries that contain every element of a system such as "Ti-O".
/// @throws Error if a part is not a chemical symbol
std::vector<int> entries_of_system(const std::vector<PoolEntry> &entries,
                                   const std::string &system);

}    // namespace almlip::pool
