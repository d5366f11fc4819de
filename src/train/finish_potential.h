// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "parallel/ranks.h"
#include "train/judgement.h"
#include "train/loss/committee_loss.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/training_settings.h"

namespace almlip::train {

/// Makes the potential file of a fit: calibrates sigma on frames that were not learned, adds
/// fingerprints, novelty and provenance, writes it atomically, and prints the errors on training
/// and held-out frames to stdout. The ranks share the predictions; the first one does the rest.
/// @param state      fit of the training frames: what sigma and the held-out errors are taken from
/// @param all_frames its continuation on all frames, which becomes the potential; or null: none
/// @param judgement  of frames by fits without them, or by the potential of a refit; those held out
///                   by this fit are added
/// @param start      potential whose calibration a refit takes over and corrects by the judgement,
///                   or null
/// @param tuning     JSON object that tells how the settings were found, or empty
void finish_potential(const TrainingModel &model, const TrainingData &data,
                      const TrainingSettings &settings, const TrainingState &state,
                      const TrainingState *all_frames, Judgement judgement, const Potential *start,
                      const std::string &tuning, const Ranks &ranks);

}    // namespace almlip::train
