// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_ATOMS_H
#define LMP_AL_QUERY_ATOMS_H

#include "pointers.h"

#include "almlip/query/buffer.h"
#include "almlip/query/rule.h"
#include "almlip/query/state.h"

#include <array>
#include <string>
#include <vector>

namespace LAMMPS_NS {

/// A configuration as it was when its forces were computed: this rank's part of it. eV and
/// Angstrom. What comes later in the timestep (moves of a barostat, trial moves) does not change
/// it.
struct ALQuerySnapshot {
  bigint step = -1;
  std::array<double, 3> lengths{};
  std::array<double, 3> tilts{};    // xy xz yz
  std::array<bool, 3> periodic{};
  bool energy_known = false;    // LAMMPS sums it up on some steps only
  double energy = 0.0;
  std::vector<double> member_energies;    // shape [num_members], or empty
  double temperature = 0.0;               // K, at the end of the step
  double nearness = 0.0, least_distance = 0.0;
  tagint nearest_atom = 0;
  almlip::AtomValue move;             // largest way of an atom in this timestep
  bigint num_expected = 0;            // least number of atoms; those of an open box may leave
  bool told_to_end = false;           // by a signal to this process
  bool watches_all = true;            // the group is all
  std::vector<double> atoms;          // records, see al_query_atoms.cpp
  std::vector<double> descriptors;    // shape [atoms][num_descriptors]; empty: not kept
};

/// Makes observations and candidates of the atoms of a run.
class ALQueryAtoms : protected Pointers {
 public:
  ALQueryAtoms(class LAMMPS *, class ALQuerySource &);

  /// Whether a configuration fits into one message.
  bool fits() const;

  /// This rank's part of the configuration whose forces are being computed.
  /// @param groupbit  of the atoms that are watched
  ALQuerySnapshot take(int groupbit) const;

  /// Adds the descriptors, which only a configuration that may be stored needs. To be called before
  /// the pair style computes others, or atoms move among ranks.
  void keep_descriptors(ALQuerySnapshot &) const;

  /// Collective; the same result on all ranks.
  struct Look {
    almlip::Observation seen;
    almlip::LookIdentity identity;
    double mean_sigma = 0.0;     // of the watched atoms
    bool told_to_end = false;    // by a signal to any process
  };
  Look look(const ALQuerySnapshot &) const;

  /// Collective. The result, on rank 0 only, has its atoms sorted by ID, so that it does not depend
  /// on the number of ranks.
  /// @param max_atoms  for the choice by atoms; 0: none
  almlip::QueryCandidate gather(const ALQuerySnapshot &, int max_atoms) const;

  /// Chemical symbol of the atom with an ID in that configuration; collective.
  std::string symbol_of(const ALQuerySnapshot &, tagint) const;

  /// K and g/cm^3 of the moment; collective.
  double temperature() const;
  double density(const ALQuerySnapshot &) const;

 private:
  class ALQuerySource &source;

  almlip::AtomValue largest_move() const;
  almlip::QueryCandidate unpack(const ALQuerySnapshot &, const std::vector<double> &atoms,
                                const std::vector<double> &descriptors, int max_atoms) const;
  void add_atom(almlip::QueryCandidate &, const double *) const;
};

}    // namespace LAMMPS_NS

#endif
