// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <limits>
#include <vector>

#include "almlip/committee.h"
#include "almlip/frame.h"
#include "almlip/kept_surroundings.h"
#include "almlip/potential.h"

namespace almlip {

/// What a prediction is to hold beside energies, forces and virial.
struct PredictionNeeds {
  bool members = true;    ///< member_forces, spread and sigma: most of the time of a prediction
  bool descriptors = true;
};

/// Prediction for one frame. eV and Angstrom; what was not asked for is empty.
struct FramePrediction {
  double energy = 0.0;
  std::vector<double> atom_energies;      ///< of the mean, shape [num_atoms], eV
  std::vector<double> member_energies;    ///< shape [M]
  std::vector<double> forces;             ///< shape [num_atoms][3]
  Tensor6 virial{};                       ///< -dE/dstrain, eV
  std::vector<double> member_forces;      ///< shape [num_atoms][3 M]
  std::vector<double> spread;    ///< of the members' forces, shape [num_atoms], eV/Angstrom
  std::vector<double> sigma;     ///< calibrated force uncertainty, shape [num_atoms], eV/Angstrom
  double energy_sigma = std::numeric_limits<double>::quiet_NaN();    ///< calibrated uncertainty of
                                                                     ///< the energy, eV/atom; not a
                                                                     ///< number without descriptors
                                                                     ///< or a calibration
  std::vector<double> descriptors;    ///< standardised, shape [num_atoms][D]
};

/// Element index of every atom of a frame, shape [num_atoms].
/// @throws Error that names the frame, an element that the model has not, and those it has
std::vector<int> elements_of(const Frame &frame, const ModelSettings &settings);

/// Whether the model has all elements of the frame.
bool has_elements(const Frame &frame, const ModelSettings &settings);

/// sigma of every atom from its spread.
void calibrate_sigma(FramePrediction &prediction, const Frame &frame, const Potential &potential);

/// Sigma of the energy.
/// @param prediction  with descriptors
void calibrate_energy(FramePrediction &prediction, const Frame &frame, const Potential &potential);

/// Evaluates a frame of a file: images, neighbours, committee, ghosts folded home, sigma.
/// @throws Error if the frame has an element that the potential has not (names both), or the errors
/// of find_surroundings
FramePrediction predict(Committee &committee, const Potential &potential, const Frame &frame);

/// Novelty of every atom of a frame, shape [num_atoms]: distance of its environment from those of
/// the training set, above 1 is novel.
/// @param prediction  of that frame, with descriptors
std::vector<double> novelties(const FramePrediction &prediction, const Frame &frame,
                              const Potential &potential);

/// A potential that predicts frames, with neighbour lists that are kept while a trajectory goes on.
class Calculator {
 public:
  /// @param skin  of the lists, Angstrom (KeptSurroundings)
  /// @throws Error of `chosen_instruction_set`
  explicit Calculator(Potential potential, Precision precision = Precision::full,
                      double skin = 0.5);

  const Potential &potential() const { return potential_; }
  /// As the function `predict`.
  /// @throws Error  as `predict`, and if the energy is not finite
  FramePrediction predict(const Frame &frame, const PredictionNeeds &needs = {});
  /// Times that neighbours were searched.
  int num_searches() const { return surroundings_.num_searches(); }

 private:
  Potential potential_;
  Committee committee_;
  KeptSurroundings surroundings_;
};

}    // namespace almlip
