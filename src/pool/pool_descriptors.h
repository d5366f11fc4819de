// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "almlip/rows.h"
#include "pool/pool_entry.h"

namespace almlip::pool {

/// Descriptors of entries by name. A name is one or several parts joined by "+":
///   paper17        8 numbers of the composition and 9 of database properties, as in
///   arXiv:2601.06916. Leaks: the energy above the hull is, at fixed
///                  formula, linear in the target, and gap, Fermi energy and magnetisation need the
///                  calculation that one wants to save
///   leakfree17     8 numbers of the composition and 9 of the geometry
///   composition17  17 numbers of the composition only
///   valence        7 more simple ones: valence electrons and period (mean, deviation),
///   electronegativity range, shortest distance, atoms rdf            radial distribution in units
///   of the bond length, plain and weighted with electronegativity difference, 22 numbers fractions
///   share of each element, 96 numbers density        density projection on radial functions and
///   harmonics, its invariants averaged over the atoms, 34 numbers
class PoolDescriptor {
 public:
  /// @throws Error for an unknown part; lists the names
  explicit PoolDescriptor(const std::string &name);

  const std::string &name() const { return name_; }
  int num_features() const { return static_cast<int>(feature_names_.size()); }
  const std::vector<std::string> &feature_names() const { return feature_names_; }
  bool needs_structure() const;
  bool leaks() const;    ///< uses results of the calculation that gives the target

  /// Shape [entries][num_features].
  /// @throws Error for an entry without a structure if one is needed
  Rows operator()(const std::vector<PoolEntry> &entries) const;

 private:
  std::string name_;
  std::vector<std::string> parts_, feature_names_;
};

}    // namespace almlip::pool
