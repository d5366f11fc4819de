#pragma once

#include "train/committee_loss.h"
#include "train/trainer.h"
#include "train/training_data.h"
#include "train/training_settings.h"

namespace almlip {

/// Makes the potential file of a fit: calibrates sigma on the held-out frames, adds fingerprints,
/// novelty and provenance, writes it atomically, and prints the errors on training and held-out
/// frames to stdout.
/// @param tuning  JSON object that tells how the settings were found, or empty
void finish_potential(const TrainingModel &model, const TrainingData &data,
                      const TrainingSettings &settings, const TrainingState &state,
                      const std::string &tuning);

}    // namespace almlip
