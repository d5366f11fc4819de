// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "almlip/frame.h"

namespace almlip::train {

/// How labels can be repaired without a new calculation.
struct Repair {
  enum class Kind { none, remove, scale_energy, scale_forces, scale_virial, exchange_shear };
  Kind kind = Kind::none;
  double factor = 1.0;
  std::array<int, 3> shear{3, 4, 5};    ///< components of the virial that xy, xz, yz are taken from
};

/// The virial after a repair.
Tensor6 repaired_virial(const Tensor6 &virial, const Repair &repair);

/// Something about the labels of frames that looks wrong.
struct Finding {
  std::string what;                   ///< with numbers
  std::string remedy;                 ///< what to do
  std::vector<std::size_t> frames;    ///< indices of the frames
  Repair repair = {};
  bool is_open = false;    ///< whether a potential might decide it
};

/// Findings of one kind, from several sources, as one.
class Collector {
 public:
  explicit Collector(std::vector<Finding> &findings) : findings_(findings) {}
  void add(const Finding &finding, const std::vector<std::size_t> &frames);

 private:
  std::vector<Finding> &findings_;
};

/// The file that a frame is from.
std::string file_of(const Frame &frame);

/// Repairs what can be repaired; frames that are only repetitions are removed.
/// @return  number of frames that were changed or removed
std::size_t repair(std::vector<Frame> &frames, const std::vector<Finding> &findings);

/// "  12 of 664 frames: <what> (a.extxyz, frame 3, ...); <remedy>", a line for each finding.
std::string text_of(const std::vector<Finding> &findings, const std::vector<Frame> &frames);

}    // namespace almlip::train
