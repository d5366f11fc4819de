// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/calculator.h"
#include "almlip/frame.h"
#include "parallel/ranks.h"
#include "train/calibration.h"
#include "train/error_report.h"
#include "train/stress_offset.h"

namespace almlip::train {

/// What fits tell of frames that they have not learned; on the first rank only.
///
/// How far the members of a committee differ depends on the fit as well as on the frames: on its
/// end, and on chance, from fit to fit by factors of up to seven with few frames. Frames that two
/// fits have both learned show the ratio, and by it the spread of one becomes that of the other.
struct Judgement {
  std::vector<Frame> frames;
  std::vector<FramePrediction> predictions;    ///< of the frames, without descriptors
  std::vector<double> novelty;                 ///< largest of the atoms of each frame, or empty

  bool empty() const { return frames.empty(); }

  /// Adds what a fit says of the frames that were held out from it, their novelty too if it knows
  /// that. For all ranks to call together.
  /// @param train    training frames of the fit to be judged, the same in every call
  /// @param learned  those of them that this fit has learned too, as indices
  void add(const Potential &potential, const std::vector<Frame> &train,
           const std::vector<std::size_t> &learned, const std::vector<Frame> &held_out,
           const Ranks &ranks);

  /// Adds the novelty of the frames, relative to those that the potential has learned. For all
  /// ranks to call together.
  void add_novelty(Potential potential, const std::vector<Frame> &learned,
                   const std::vector<Frame> &held_out, const Ranks &ranks);

  /// Divides the spreads of every fit by the factor by which they exceed those of the fit to be
  /// judged, the median over frames that both have learned. For all ranks to call together.
  void match_spread(const Potential &final, const std::vector<Frame> &train, const Ranks &ranks);

  /// Makes the predicted virials those of the labels.
  void add_stress_offsets(const StressOffsets &offsets);

  /// Number of the fit, from 0, that has predicted a frame.
  int fit_of(std::size_t frame) const;

  /// Errors by a calibrated potential; the record of the largest sigma, novelty and number of atoms
  /// of each frame goes to the potential. Frames whose forces all vanish by symmetry are left out
  /// of the record: their sigma is rounding, which says nothing of what is usual.
  ErrorReport report(Potential &potential);

 private:
  struct Fit {
    std::size_t end = 0;                 ///< of its predictions
    std::vector<std::size_t> learned;    ///< some of them
    std::vector<double> levels;          ///< mean logarithm of the spread in each
  };
  void record(std::size_t frame, TrainingRecord &record) const;

  std::vector<Fit> fits_;
};

/// Force error and spread of every atom with a reference.
/// @param predictions  of the frames, or none
std::vector<AtomError> atom_errors(const std::vector<Frame> &frames,
                                   const std::vector<FramePrediction> &predictions,
                                   const ModelSettings &settings);

}    // namespace almlip::train
