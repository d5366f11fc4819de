// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "almlip/frame.h"

namespace almlip::pool {

/// One material of a database pool.
struct PoolEntry {
  std::string id;
  std::string formula;    ///< reduced, elements in alphabetical order, such as "O2Ti"
  Frame
      frame;    ///< atoms of the cell; without a structure those of the formula unit, no positions
  double formation_energy = 0.0;              ///< eV/atom
  double band_gap = 0.0;                      ///< eV
  std::optional<double> energy_above_hull;    ///< eV/atom
  std::optional<double> fermi_energy;         ///< eV
  std::optional<double> magnetization;        ///< of the cell, Bohr magnetons
  bool suspect = false;                       ///< marked so at its source

  bool has_structure() const { return !frame.positions.empty(); }
  bool contains(int atomic_number) const;
};

/// Entries of one or several files, and how many were left out for which reason.
struct Pool {
  std::vector<PoolEntry> entries;
  std::map<std::string, int> dropped;    ///< reason -> rows

  /// "12 without a band gap, 3 marked as suspect", or "none".
  std::string dropped_text() const;
};

/// Atomic numbers of the atoms of a formula such as "TiO2", "Ca(OH)2" or "Ti1 O2"; empty if it is
/// not understood, has an unknown element or a number of atoms that is not whole.
std::vector<int> parse_formula(const std::string &formula);

/// Reduced formula, elements in alphabetical order, of a list of atoms.
std::string reduced_formula(const std::vector<int> &atomic_numbers);

}    // namespace almlip::pool
