// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/potential.h"
#include "almlip/query/rule.h"

namespace almlip {

/// Largest sigma of a frame that the potential was not trained on.
struct HeldOutFrame {
  double max_sigma = 0.0;    ///< eV/Angstrom
  int num_atoms = 0;
};

/// What a potential tells of its training, as far as windows follow from it.
struct WindowBasis {
  std::vector<HeldOutFrame> held_out;    ///< empty: unknown
  double rms_force = 0.0;                ///< of the training set, eV/Angstrom; 0: unknown
  double force_error =
      0.0;    ///< mean |error of a component| on held-out frames, eV/Angstrom; 0: unknown
};

WindowBasis window_basis(const Potential &potential);

/// Factor by which the largest sigma of a frame grows with its number of atoms.
///
/// The largest of N like numbers is near their 1 - 1/N quantile. For the lengths of normal vectors,
/// such as spreads are, that quantile is close to sqrt(2 ln N + const): from 64 atoms on 1.3 for
/// 8 times as many. docs/choosing-thresholds.md compares it with simulations.
double growth_of_largest(int num_atoms, int num_atoms_before);

/// The window of `threshold auto`: lo is what the largest sigma of a tenth of the held-out frames
/// is below, for the number of atoms at hand; hi is the largest of all those times 3, and at least
/// twice the rms force of the training set: a potential that errs by more says nothing of the
/// forces. Without held-out frames lo is the force error and hi 30 times it, at least 1 eV/Angstrom
/// if the rms force is not known either: what those frames would give for potentials that were
/// measured (docs/choosing-thresholds.md).
/// @throws Error if the basis has neither
Window automatic_window(const WindowBasis &basis, int num_atoms);

/// Median over the held-out frames of the largest sigma, for the number of atoms at hand; without
/// such frames 5 times the force error. eV/Angstrom
/// @throws Error as automatic_window
double typical_largest_sigma(const WindowBasis &basis, int num_atoms);

/// lo that follows the run, such that a given share of the looks is at or above it.
/// Source: H. Robbins and S. Monro, Ann. Math. Stat. 22, 400 (1951), on a logarithmic scale with a
/// constant gain
class AdaptiveThreshold {
 public:
  AdaptiveThreshold() = default;
  AdaptiveThreshold(double lo, double share) : lo_(lo), share_(share) {}

  double lo() const { return lo_; }
  bool moves() const { return share_ > 0.0; }
  void restore(double lo) { lo_ = lo; }
  /// A run begins: lo goes on from where it was, or begins at `lo` if it did not move before.
  void begin(double lo, double share)
  {
    share_ = share;
    if (!moves()) lo_ = 0.0;
    if (moves() && lo_ <= 0.0) lo_ = lo;
  }
  /// After each look.
  void follow(double value);

 private:
  double lo_ = 0.0, share_ = 0.0;    ///< share 0: lo stays
};

}    // namespace almlip
