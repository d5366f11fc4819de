// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "parallel/ranks.h"
#include "train/training_settings.h"

namespace almlip::train {

/// Fits a committee potential as the settings ask for and writes it; progress goes to stderr, the
/// final table of errors to stdout.
/// @throws Error for bad input before any long work, on every rank (see Ranks::agree)
void fit_potential(const TrainingSettings &settings, const Ranks &ranks);

/// The settings with what they leave open as a fit would use it; reads the frames.
/// @throws Error as a fit would before it begins
TrainingSettings resolved_settings(const TrainingSettings &given);

}    // namespace almlip::train
