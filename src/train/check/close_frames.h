// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "almlip/frame.h"

namespace almlip::train {

/// Labels of one frame of a pair, per atom.
struct PairLabels {
  double energy;            ///< eV
  double force_work;        ///< half of minus its forces times the displacements, eV
  Tensor6 half_virial{};    ///< eV
};

/// Two frames of the same atoms in nearly the same places, and how their energies must differ.
struct ClosePair {
  std::size_t a, b;       ///< indices of the frames
  double distance;        ///< root mean square displacement, with the strain times 1.5, Angstrom
  double rise;            ///< energy of b minus energy of a, eV per atom
  double force_work;      ///< minus mean forces times displacements, eV per atom
  double vibration;       ///< harmonic energy of the displacements, by the forces, eV per atom
  Tensor6 strain{};       ///< from a to b; shear components are twice those of the tensor
  Tensor6 virial{};       ///< mean of both, eV per atom
  double volume = 0.0;    ///< mean of both, Angstrom^3 per atom
  bool has_virial = false;    ///< both have one
  bool is_strained = false;
  std::array<PairLabels, 2>
      labels{};    ///< of a and b; rise, force_work and virial follow from them
};

/// Fewest pairs that tell a unit or a sign.
constexpr std::size_t min_pairs = 16;

/// Work of the stress along the strain, eV per atom.
double stress_work(const ClosePair &pair);

/// For each frame with energy and forces its closest others, within 0.6 Angstrom; pairs once.
///
/// The energy of b exceeds that of a by force_work minus virial times strain, up to third order
/// in the displacements (trapezoidal rule): labels are checked against themselves by it.
std::vector<ClosePair> close_pairs(const std::vector<Frame> &frames,
                                   const std::vector<std::size_t> &selected);

/// Groups of frames that hold the same atoms at the same places (within 0.0002 Angstrom): indices
/// of two or more, in order.
std::vector<std::vector<std::size_t>> repeated_frames(const std::vector<Frame> &frames);

}    // namespace almlip::train
