// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/calculator.h"
#include "almlip/frame.h"
#include "parallel/ranks.h"
#include "train/error_report.h"

namespace almlip::train {

/// What fits tell of frames that they have not learned; on the first rank only.
struct Judgement {
  std::vector<Frame> frames;
  std::vector<FramePrediction> predictions;    ///< of the frames, without descriptors
  std::vector<double> novelty;                 ///< largest of the atoms of each frame, or empty

  bool empty() const { return frames.empty(); }

  /// Adds what the potential says of the frames. For all ranks to call together.
  void add(const Potential &potential, const std::vector<Frame> &held_out, const Ranks &ranks);

  /// Adds the novelty of the frames, relative to those that the potential has learned. For all
  /// ranks to call together.
  void add_novelty(Potential potential, const std::vector<Frame> &learned,
                   const std::vector<Frame> &held_out, const Ranks &ranks);

  /// Fits sigma to the errors.
  Calibration calibration(const ModelSettings &settings) const;

  /// Errors by a calibrated potential; the record of the largest sigma, novelty and number of atoms
  /// of each frame goes to the potential.
  ErrorReport report(Potential &potential);
};

}    // namespace almlip::train
