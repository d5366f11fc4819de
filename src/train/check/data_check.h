// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/frame.h"
#include "train/check/finding.h"

namespace almlip::train {

/// Checks labels against themselves, without a potential: labels that nobody wrote, frames twice,
/// energies that jump, units, signs, scales, exchanged shear components and an offset of the
/// stress.
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
  double predicted_force = 0.0;    ///< likewise; 0: no label
  double force_factor = 0.0;    ///< that makes the labels the predicted forces; 0: they do not tell
  double stress_factor = 0.0;    ///< likewise of the stress
  bool has_stress = false;
  Tensor6 stress{}, label_stress{};    ///< virial / volume of prediction and label, eV/Angstrom^3
};
Compared compare(const Frame &frame, const FramePrediction &prediction);

/// How far forces or stress of a frame are from the predicted ones, relative to how far they are
/// after a repair; 1 if they do not tell. An offset of the pressure does not count.
double relative_misfit(const Compared &compared, const Repair &repair);

/// An offset of the labels' pressure from the predicted one.
/// @param compared  shape [num_frames]
std::optional<Finding> check_predicted_pressure(const std::vector<Compared> &compared);

/// Frames that do not fit the rest, wrong units and signs, and exchanged components of the stress.
/// @param compared  shape [num_frames]
std::vector<Finding> check_residuals(const std::vector<Frame> &frames,
                                     const std::vector<Compared> &compared);

}    // namespace almlip::train
