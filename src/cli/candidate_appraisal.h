// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/query/buffer.h"
#include "almlip/selection.h"

namespace almlip::cli {

/// Fingerprint and uncertainty of frames, by one potential.
class Appraiser {
 public:
  explicit Appraiser(const Potential &potential) : potential_(potential), committee_(potential) {}

  int num_features() const { return 2 * num_elements() * potential_.settings.num_descriptors(); }

  /// Appends the fingerprint of a frame to `features` and stores in the frame what the potential
  /// predicts, as batches of a run have it.
  FramePrediction appraise(Frame &frame, std::vector<double> &features);

 private:
  int num_elements() const { return static_cast<int>(potential_.settings.elements.size()); }

  const Potential &potential_;
  Committee committee_;
};

/// What the strategy alc_atoms needs to know of all frames.
class AtomTable {
 public:
  explicit AtomTable(const Potential &potential);

  /// Atoms of a candidate. They and those of the candidates so far share a bounded memory.
  AtomPoints points(const Frame &frame, const FramePrediction &prediction, QueryBuffer &buffer);
  void add_reference(const Frame &frame, const FramePrediction &prediction);
  void add_known(const Frame &frame, const FramePrediction &prediction);

  /// Kinds are what config_type says, or else the files; without either, clusters.
  void tell(const std::vector<QueryCandidate> &candidates, Candidates &task) const;

 private:
  AtomPoints points(const Frame &frame, const FramePrediction &prediction) const;

  const ModelSettings &settings_;
  int max_atoms_ = atoms_per_frame;    // of a frame
  LabelledAtoms labelled_;
  std::map<std::string, int> num_labelled_;    // by config_type
  std::vector<AtomPoints> references_;
};

/// Which atoms of a frame a column of its file marks: those where it is not 0, shape [num_atoms],
/// or empty for all. The frame then has the marks as the column `group`, as frames of a run.
/// @param column  empty: `group` in frames that a run has spooled, else none. If it is `group`,
///                then a spooled frame without it is of a run that has watched all atoms.
/// @throws Error if the frame has no column of that name with a number, T or F for each atom
std::vector<bool> watched_atoms(Frame &frame, const std::string &column);

}    // namespace almlip::cli
