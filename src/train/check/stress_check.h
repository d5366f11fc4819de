// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "train/check/close_frames.h"
#include "train/check/finding.h"
#include "train/check/unit_mistake.h"

namespace almlip::train {

/// Another order of the shear components than xy, xz, yz.
struct ShearOrder {
  std::array<int, 3> components;    ///< that xy, xz, yz are to be taken from
  const char *text;
};
constexpr ShearOrder shear_orders[] = {{{3, 5, 4}, "yz and xz"},
                                       {{4, 3, 5}, "xy and xz"},
                                       {{5, 4, 3}, "xy and yz"},
                                       {{4, 5, 3}, "xy, xz and yz in turn"},
                                       {{5, 3, 4}, "xy, yz and xz in turn"}};
Finding exchanged_shear(const ShearOrder &order);

/// The part of a stress that an offset of the pressure leaves alone.
Tensor6 deviator(const Tensor6 &stress);

/// Mistakes of the stress, by the factor that makes it right.
extern const std::vector<UnitMistake> stress_mistakes;

/// Frames whose stress no solid has: more than 10 eV/Angstrom^3 (1602 GPa).
std::optional<Finding> check_stress_size(const std::vector<Frame> &frames);

/// Exchanged shear components, or a wrong unit or sign of the stress: energy differences of
/// strained cells against its work.
/// @param share  of the work that must agree on it
std::optional<Finding> check_stress(const std::vector<ClosePair> &pairs, double share);

/// Whether the work of the stress explains the energy differences of strained cells as it is.
bool stress_agrees(const std::vector<ClosePair> &pairs);

/// A pressure that differs from that of the energies (Pulay stress), at small strains.
std::optional<Finding> check_pressure(const std::vector<ClosePair> &pairs);

}    // namespace almlip::train
