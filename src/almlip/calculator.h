#pragma once

#include <vector>

#include "almlip/committee.h"
#include "almlip/frame.h"
#include "almlip/potential.h"

namespace almlip {

/// Prediction for one frame. eV and Angstrom.
struct FramePrediction {
  double energy = 0.0;
  std::vector<double> member_energies;    ///< shape [M]
  std::vector<double> forces;             ///< shape [num_atoms][3]
  Tensor6 virial{};                       ///< -dE/dstrain, eV
  std::vector<double> member_forces;      ///< shape [num_atoms][3 M]
  std::vector<double> spread;    ///< of the members' forces, shape [num_atoms], eV/Angstrom
  std::vector<double> sigma;     ///< calibrated force uncertainty, shape [num_atoms], eV/Angstrom
  std::vector<double> descriptors;    ///< standardised, shape [num_atoms][D]
};

/// Element index of every atom of a frame, shape [num_atoms].
/// @throws Error that names the frame, an element that the model has not, and those it has
std::vector<int> elements_of(const Frame &frame, const ModelSettings &settings);

/// sigma of every atom from its spread.
void calibrate_sigma(FramePrediction &prediction, const Frame &frame, const Potential &potential);

/// Evaluates a frame of a file: images, neighbours, committee, ghosts folded home, sigma.
/// @throws Error if the frame has an element that the potential has not (names both), or the errors
/// of find_surroundings
FramePrediction predict(Committee &committee, const Potential &potential, const Frame &frame);

/// A potential that predicts frames.
class Calculator {
 public:
  /// @throws Error of `chosen_instruction_set`
  explicit Calculator(Potential potential, Precision precision = Precision::full);

  const Potential &potential() const { return potential_; }
  /// As the function `predict`.
  FramePrediction predict(const Frame &frame);

 private:
  Potential potential_;
  Committee committee_;
};

}    // namespace almlip
