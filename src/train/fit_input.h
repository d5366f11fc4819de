// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "almlip/potential.h"
#include "parallel/ranks.h"
#include "train/judgement.h"
#include "train/training_data.h"
#include "train/training_settings.h"

namespace almlip::train {

/// What the settings name, read and checked.
struct FitInput {
  TrainingSettings settings;      ///< as given, and what `start` adds
  bool own_checkpoint = false;    ///< its folder was not asked for: removed at the end
  TrainingData data;
  std::optional<Potential> start;
  std::string
      moved_zero;         ///< how the start's energies were moved, for people; empty: they were not
  Judgement judgement;    ///< of new frames, by the start
  bool keeps_calibration = false;    ///< that of the start, corrected by the judgement

  const Potential *start_or_null() const { return start ? &*start : nullptr; }
};

/// Before any work, by the rank that writes. A potential may be replaced by its refit.
/// @throws Error if the potential or its checkpoints cannot be written, or would replace frames
void check_output(const TrainingSettings &given);

/// Reads frames and start, and makes the start fit the frames: their zero of energy, and elements
/// that it has not.
/// @throws Error that names the setting, or file and frame
FitInput read_input(const TrainingSettings &given);

/// Judges the start of a refit by the frames that it has not learned, and decides what it is good
/// for. For all ranks to call together.
void judge_start(FitInput &input, const Ranks &ranks);

/// Of the start, only the shape stays.
void forget_start(FitInput &input);

/// Once it is known which frames are learned.
void choose_weight_decay(FitInput &input);

/// The settings with everything that they leave open put in as it is used.
TrainingSettings resolved(TrainingSettings settings, const ModelSettings &model,
                          const TrainingData &data);

}    // namespace almlip::train
