// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "almlip/files/label_keys.h"
#include "almlip/frame.h"
#include "train/training_settings.h"

namespace almlip::train {

/// Checked frames, split, with what is known about them before any fit.
struct TrainingData {
  std::vector<std::string> elements;        ///< chemical symbols; their order is the element index
  std::vector<std::string> new_elements;    ///< those that the potential of `start` has not
  std::vector<Frame> train, held_out;
  int num_folds = 0;        ///< fits that judge the training frames; 0: frames are held out instead
  std::vector<int> fold;    ///< of every training frame: the fit that judges it; -1 or from
                            ///< num_folds on: none
  double cutoff = 0.0;    ///< what the settings say, else what suits the training frames, Angstrom
  std::string cutoff_reason;    ///< why it is longer than for 30 neighbours; empty: it is not
  int num_skipped = 0;          ///< frames left out because of isolated atoms
  ReadReport report;            ///< what the files held
  std::map<std::string, double> atom_energies;    ///< of isolated atoms, by symbol, eV
  std::string
      hash;    ///< of all numbers of all frames, in their order; does not depend on the split
  double least_distance = 0.0;    ///< over the training frames, Angstrom; at most the cutoff
  double largest_force = 0.0;     ///< on an atom of the training frames, eV/Angstrom
  double violent_force = 0.0;     ///< labels of larger forces count less, eV/Angstrom; 0: none
};

/// Reads the files that the settings name, checks every frame, and holds frames out, but not those
/// of a refit (`start`).
/// A frame without forces teaches its energy only. A frame of one atom without neighbours gives the
/// energy of the isolated atom and is not learned. With `start`, elements of the training frames
/// that the settings do not list are added to them.
/// @throws Error that names file, frame and atoms: missing energy, numbers that are not finite, an
/// element that the settings do not list,
///         a cell without volume, atoms closer than `least_distance` or without neighbours, fewer
/// than four training frames with forces
TrainingData read_training_data(const TrainingSettings &settings);

/// Holds out a part of the training frames, or deals them to folds, as the settings ask for.
/// @throws Error if fewer than four training frames with forces are left
void hold_out(TrainingData &data, const TrainingSettings &settings);

/// Data of the fit that judges a fold: its frames held out, all others to learn.
TrainingData without_fold(const TrainingData &data, int fold);

}    // namespace almlip::train
