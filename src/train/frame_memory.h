// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/calculator.h"
#include "almlip/potential.h"

namespace almlip::train {

/// What a potential remembers of frames: fingerprints, and environments for the novelty.
class FrameMemory {
 public:
  /// @param potential  gets what is remembered; must outlive this
  explicit FrameMemory(Potential &potential);

  /// @param prediction  of the frame, with descriptors
  void add_fingerprint(const Frame &frame, const FramePrediction &prediction);
  void add_environments(const Frame &frame, const FramePrediction &prediction);

  /// Brings fingerprints into the form that the file keeps: at most so many.
  void keep_fingerprints(int most);

  /// Fits the novelty of every element to its environments, and counts their atoms.
  void fit_novelties();

 private:
  Potential &potential_;
  std::vector<std::vector<double>> descriptors_;    ///< by element, shape [num_atoms][D]
};

/// Largest novelty of a frame's atoms.
/// @param prediction  of the frame, with descriptors
double max_novelty(const Frame &frame, const FramePrediction &prediction,
                   const Potential &potential);

}    // namespace almlip::train
