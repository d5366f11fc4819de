// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "almlip/potential.h"

namespace almlip {

/// Atoms of a configuration that count in a choice by atoms, unless memory allows fewer only.
constexpr int atoms_per_frame = 64;

/// Atoms of one configuration, as points of the linear models of their elements.
struct AtomPoints {
  std::vector<int> element;          ///< shape [num_atoms]
  std::vector<float> descriptors;    ///< standardised, shape [num_atoms][num_descriptors]

  int num_atoms() const { return static_cast<int>(element.size()); }
  /// Leaves at most so many, of more every k-th.
  void thin(int max_atoms);
};

/// The atoms of a configuration in the order of falling sigma, then of descriptors; of more than
/// `max_atoms` every k-th, so that a large cell counts for no more than one of so many atoms and
/// the most uncertain atom is there. Does not depend on the order that the atoms come in.
/// @param descriptors  standardised, shape [num_atoms][num_descriptors]
/// @param element      shape [num_atoms]
/// @param sigma        shape [num_atoms], eV/Angstrom
AtomPoints atom_points(const double *descriptors, const int *element, const double *sigma,
                       int num_atoms, int num_descriptors, int max_atoms = atoms_per_frame);

/// What labelled atoms tell of the linear models: for every element the sum over its atoms of
/// z z^T, z = (x / sqrt(D), 1), x the D standardised descriptors.
struct LabelledAtoms {
  int num_descriptors = 0;
  std::vector<std::vector<double>> gram;    ///< shape [num_elements][D + 1][D + 1]

  void add(const AtomPoints &atoms);
};

/// The atoms that a potential was trained on: from their number, center and covariance if the file
/// has them (TrainingRecord, Novelty), else from the fingerprints of the training frames.
LabelledAtoms training_atoms(const Potential &potential);

/// What `select_by_atoms` chooses from.
struct AtomTask {
  std::vector<const AtomPoints *> candidates;
  std::vector<int> kind;        ///< of every candidate, from 0, such as its run or config_type
  std::vector<int> labelled;    ///< by kind: configurations that have a label
  std::vector<const AtomPoints *>
      references;    ///< where the error counts; empty: the candidates, each kind alike
  int batch = 15;
  int quota = 5;    ///< every so-manieth choice is of the kinds with the fewest labels; 0: none
  std::uint64_t seed = 12345;
};

/// A choice, and the part of the variance at the references that it takes away.
struct AtomChoice {
  int index = -1;
  double gain = 0.0;
};

/// Chooses one configuration after the other such that linear models of the atoms' descriptors, of
/// which the labelled atoms are known, become most certain at the atoms of the references: the
/// posterior variance falls most, each reference atom counted relative to its variance before. All
/// atoms of a chosen configuration are labelled together. The quota keeps the energies of a kind
/// from suffering that has hardly anything new to tell.
///
/// The error counts at 500 random reference atoms, of candidates as many of each kind. A gain that
/// was found before others were chosen is taken for an upper bound. Deterministic for a seed and
/// for an order of candidates and atoms.
///
/// Cost: candidates x atoms x (D^2 + 500 D). Memory: the candidates' points.
/// @throws Error for lengths that do not fit, batch < 1
/// Source: Cohn, Ghahramani, Jordan, J. Artif. Intell. Res. 4, 129 (1996) for the criterion; atoms
/// as points and the quota: ours (docs/notebook)
std::vector<AtomChoice> select_by_atoms(const LabelledAtoms &labelled, const AtomTask &task);

}    // namespace almlip
