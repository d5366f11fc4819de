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

/// Moves a part of the frames into a second list. Every config_type gives its share, but keeps at
/// least one frame; those of one frame are one together if they are more than a tenth. And every
/// element stays in one; the order of frames is kept.
/// @param fraction  0 to 1; the same frames for the same seed
/// @return          the held-out frames
std::vector<Frame> split_off(std::vector<Frame> &frames, double fraction, int seed);

/// Fold of every frame; within a config_type the folds differ by at most one frame.
std::vector<int> folds_of(const std::vector<Frame> &frames, int num_folds, int seed);

/// The same, but -1 for frames that a fit cannot do without: the only one of its kind, or one whose
/// fold holds all atoms of an element. Folds that are empty then are left out.
std::vector<int> judging_folds(const std::vector<Frame> &frames, int num_folds, int seed);

/// How many of the folds hold enough frames to judge errors and sigma by, 20; all if none do.
/// @param fold  of every frame, or -1
int num_folds_to_judge(const std::vector<int> &fold);

/// Data of the fit that judges a fold: its frames held out, all others to learn.
TrainingData without_fold(const TrainingData &data, int fold);

/// Energy per atom of every element by least squares on total energies, relative to the mean energy
/// per atom; where the compositions cannot tell elements apart, they share the deviation (solution
/// of least norm), then relative to isolated atoms if these are known of all elements.
/// @param atom_energies  of isolated atoms, eV
/// @return  shape [num_elements], eV
std::vector<double> fit_reference_energies(const std::vector<Frame> &frames,
                                           const std::vector<std::string> &elements,
                                           const std::map<std::string, double> &atom_energies = {});

/// Orthonormalises the radial basis on the pair distances of the frames, with weight 1/r^2 and the
/// leading function first.
/// @return  shape [num_radial][num_radial], row q holds the Chebyshev coefficients of the q-th
///                function
/// Source: ours
std::vector<double> whiten_radial(const std::vector<Frame> &frames, double cutoff, int num_radial);

/// Least distance of every pair of elements, Angstrom; `reach` where no pair is closer.
/// @return  shape [num_elements][num_elements], symmetric
std::vector<double> min_pair_distances(const std::vector<Frame> &frames,
                                       const std::vector<std::string> &elements, double reach);

/// Largest force on an atom that is no outlier of the frames, eV/Angstrom: from the median of the
/// frames' largest forces upward, up to the first that is more than three times the one before.
double usual_largest_force(const std::vector<Frame> &frames);

/// Root mean square of all force components, eV/Angstrom.
/// @param violent_force  larger forces count as this one, eV/Angstrom; 0: all as they are
double rms_force(const std::vector<Frame> &frames, double violent_force);

/// Atoms with larger forces than a limit; 0 without one.
long num_violent(const std::vector<Frame> &frames, double violent_force);

/// Six times the force that nine of ten atoms off equilibrium have at most, eV/Angstrom; 0 without
/// forces. In sets of dynamics, defects and surfaces no force is larger.
double usual_violent_force(const std::vector<Frame> &frames);

}    // namespace almlip::train
