// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/frame.h"

namespace almlip::train {

/// How labels can be repaired without a new calculation.
struct Repair {
  enum class Kind { none, remove, scale_energy, scale_forces, scale_virial, exchange_shear };
  Kind kind = Kind::none;
  double factor = 1.0;
  std::array<int, 3> shear{3, 4, 5};    ///< components of the virial that xy, xz, yz are taken from
};

/// Something about the labels of frames that looks wrong.
struct Finding {
  std::string what;                   ///< with numbers
  std::string remedy;                 ///< what to do
  std::vector<std::size_t> frames;    ///< indices of the frames
  Repair repair = {};
};

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

/// @param offset  pressure of the labels minus that of energies or predictions, GPa
Finding pressure_offset(double offset);

/// Checks labels against themselves, without a potential: frames twice, energies that jump, units,
/// signs, scales, exchanged shear components and an offset of the stress.
///
/// Units and signs come from frames of the same atoms in nearly the same places (`ClosePair`), in
/// each file and config_type that has enough of them. Frames of which nothing is close to another
/// are checked for repetitions and jumps only.
std::vector<Finding> check_labels(const std::vector<Frame> &frames);

/// What a potential predicts for a frame that has these labels.
struct Compared {
  double energy_error = 0.0;    ///< prediction minus label, eV per atom
  double force_error =
      0.0;    ///< root mean square over components, eV/Angstrom; negative: no label
  bool has_stress = false;
  Tensor6 stress{}, label_stress{};    ///< virial / volume of prediction and label, eV/Angstrom^3
};
Compared compare(const Frame &frame, const FramePrediction &prediction);

/// Frames that do not fit the rest, and stresses whose errors have a pattern.
/// @param compared  shape [num_frames]
std::vector<Finding> check_residuals(const std::vector<Frame> &frames,
                                     const std::vector<Compared> &compared);

/// Repairs what can be repaired; frames that are only repetitions are removed.
/// @return  number of frames that were changed or removed
std::size_t repair(std::vector<Frame> &frames, const std::vector<Finding> &findings);

/// "  12 of 664 frames: <what> (a.extxyz, frame 3, ...); <remedy>", a line for each finding.
std::string text_of(const std::vector<Finding> &findings, const std::vector<Frame> &frames);

}    // namespace almlip::train
