// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>

#include "almlip/potential.h"
#include "parallel/ranks.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/training_settings.h"

namespace almlip::train {

/// Whether a fit ends with passes over all frames, those held out too.
bool has_last_passes(const TrainingSettings &settings, const TrainingData &data);

/// Everything that is made from settings and frames before the first step of a fit.
struct Fit {
  TrainingModel model;
  std::unique_ptr<CommitteeLoss> loss;
  PreparedFrames train, held_out;
  TrainingState state;
  std::vector<std::string> new_elements;    ///< random parameters, whatever the start has

  /// Model, loss and frames; without communication, so that errors can be agreed on.
  /// @param data   must outlive the fit
  /// @param start  potential to start from, or null
  /// @throws Error if there is no kernel for the settings, `start` has another shape, or `memory`
  ///               is less than what the process takes already
  Fit(const TrainingSettings &settings, const TrainingData &data, const Potential *start,
      const Ranks &ranks);

  /// Own frames that memory does not allow to keep prepared.
  int num_not_kept() const;
  /// Frees what only the steps need.
  void release();

  /// First parameters, standardisation and optimiser.
  void begin(const TrainingSettings &settings, const Potential *start, const Ranks &ranks);
};

}    // namespace almlip::train
