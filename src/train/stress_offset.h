// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/frame.h"
#include "almlip/potential.h"

namespace almlip::train {

/// Isotropic difference between the stress labels of a source and the slope of its energies, such
/// as a plane-wave basis of fixed cutoff leaves it (Pulay stress):
///
///   W_label = -dE/dstrain + num_atoms virial (1 1 1 0 0 0)
///
/// It goes with the number of atoms, not with the volume: P = (2/3) (cutoff / V) dE/dcutoff, and
/// the energy that the basis is short of is one of the atoms. Slabs with vacuum tell the
/// difference. Source: G. P. Francis, M. C. Payne, J. Phys.: Condens. Matter 2, 4395 (1990); that
/// one constant serves all frames of a source is ours.
struct StressOffset {
  double virial = 0.0;    ///< that the fit takes off the labels, eV per atom; 0: labels as they are
  double found = 0.0;     ///< median over the frames, labels minus potential, eV per atom
  double spread = 0.0;    ///< robust standard deviation of the frames, eV per atom
  double volume = 0.0;    ///< median, Angstrom^3 per atom
  int num_frames = 0;     ///< frames with a stress
};
using StressOffsets = std::map<std::string, StressOffset>;    ///< by source of labels

/// Whether labels and potential differ, by 0.5 GPa or more, without an offset that could be told
/// from errors of the fit. Below the frames' spread it is such errors.
bool is_in_doubt(const StressOffset &offset);

/// Source of a frame's labels: its key `label_source`; "unnamed" without one.
std::string label_source(const Frame &frame);

/// Whether energies tell the pressure, and with it the offset of the stress: eight frames or more
/// whose volume per atom is off the median of their composition, by more than 1 % but, for slabs,
/// not by more than 30 %.
bool energies_tell_pressure(const std::vector<const Frame *> &frames);

/// Finds the offsets of the sources of some frames from how labels and potential differ.
class StressOffsetFit {
 public:
  StressOffsetFit() = default;
  /// @param mode    "off", "on", or "auto": taken off where it is significant
  /// @param frames  must outlive this
  StressOffsetFit(const std::string &mode, const std::vector<const Frame *> &frames);

  /// What is taken off the labels of a frame, eV per atom.
  double virial(int frame, const StressOffsets &offsets) const;
  /// Whether the labels of a frame may have an offset that is not known: they are not to pull at
  /// the pressure.
  bool is_in_doubt(int frame, const StressOffsets &offsets) const;

  /// Finds the offsets of all sources anew. Neither their order nor the ranks
  /// that have worked on them matter.
  /// @param errors  a third of the trace of labelled minus predicted virial, shape [num_frames], eV
  ///                per atom
  void update(const std::vector<double> &errors, StressOffsets &offsets) const;

 private:
  bool takes_off(const StressOffset &offset) const;

  std::string mode_ = "off";
  bool energies_tell_pressure_ = false;
  std::vector<std::string> source_;                       ///< of every frame
  std::map<std::string, std::vector<std::size_t>> of_;    ///< frames with a stress, by source
  std::map<std::string, double> volume_;                  ///< median, Angstrom^3 per atom
};

/// Makes the prediction of a frame's virial one of its label.
void add_stress_offset(const StressOffsets &offsets, const Frame &frame,
                       FramePrediction &prediction);

/// A line for each source.
std::string text_of(const StressOffsets &offsets);

/// Those that are taken off the stress of one of the frames.
StressOffsets used_offsets(const StressOffsets &offsets, const std::vector<Frame> &frames);

/// JSON object of the sources, exact; pressures in GPa besides.
std::string to_json(const StressOffsets &offsets);
/// @throws Error if it is none
StressOffsets stress_offsets_of_json(const std::string &text);

/// Those of the fit that has made a potential; none in files of earlier versions.
StressOffsets stress_offsets_of(const Potential &potential);

}    // namespace almlip::train
