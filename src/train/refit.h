// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "almlip/frame.h"
#include "almlip/potential.h"
#include "parallel/ranks.h"
#include "train/judgement.h"

namespace almlip::train {

/// Indices of the frames that the potential has not learned; nothing if its file does not tell what
/// it has learned (files of earlier versions).
std::optional<std::vector<std::size_t>> new_frames(const Potential &start,
                                                   const std::vector<Frame> &frames);

/// What a potential says of frames that it has not learned.
struct StartReport {
  Judgement judgement;
  double force_error = 0.0;    ///< MAE over components, eV/Angstrom; 0: no frames with forces

  /// Whether a fit from the start is better than a refit: the potential errs more than twice as
  /// much on the new frames as on those that were held out from it.
  /// @return  the same on all ranks
  bool asks_for_full_fit(const Potential &start, const Ranks &ranks) const;
};

/// Judges the potential by the new ones of the frames and prints what it says to stderr. For all
/// ranks to call together.
StartReport report_start(const Potential &start, const std::vector<Frame> &frames,
                         const std::vector<std::size_t> &fresh, const Ranks &ranks);

}    // namespace almlip::train
