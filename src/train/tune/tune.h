// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "parallel/ranks.h"
#include "train/training_data.h"
#include "train/training_settings.h"
#include "train/tune/tune_search.h"

namespace almlip::train {

/// Searches settings for at most `settings.tune` seconds by cross-validation on the training frames
/// (see TuneSearch); the held-out frames are not looked at. Optional settings that the user has set
/// stay. Trials are dealt to the ranks. Progress goes to stderr.
///
/// More than 600 training frames are represented by as many of them, drawn at random, the same
/// share of every config_type.
/// @return       JSON object that tells what was tried and chosen, for the provenance
/// @throws Error if there are fewer than 20 training frames
std::string tune(const TrainingSettings &settings, const TrainingData &data, const Ranks &ranks);

/// The user's settings with the changes that a record of `tune` has chosen.
TrainingSettings settings_of_record(const TrainingSettings &settings, const std::string &record,
                                    const TrainingData &data);

/// Keeps the record of a search in a folder for checkpoints, and finds it there again.
/// @param identity  of settings and data; the record of another search is not taken
void write_tuned(const std::string &folder, const std::string &identity, const std::string &record);
std::string read_tuned(const std::string &folder, const std::string &identity);

/// All ways to leave the settings that are tried, the most promising first.
/// @param cutoff  Angstrom, of the frames
std::vector<TuneMove> tuning_moves(const TrainingSettings &settings, double cutoff);

/// Settings with changes. "epochs" may be a factor of the schedule for that many frames: "2x".
TrainingSettings with_changes(TrainingSettings settings, const SettingChanges &changes,
                              int num_frames);

}    // namespace almlip::train
