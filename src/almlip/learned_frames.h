// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>

#include "almlip/frame.h"
#include "almlip/potential.h"

namespace almlip {

/// Mark by which a frame with an energy is known again, of its elements, volume and energy (to 1e-5
/// eV), so that another file, with fewer digits or other columns, does not make it a new one.
std::string mark_of(const Frame &frame);

/// The frames that a potential has learned.
class LearnedFrames {
 public:
  explicit LearnedFrames(const Potential &potential);
  /// False for files of earlier versions.
  bool are_told() const { return marks_.has_value(); }
  /// False for a frame without an energy.
  bool contain(const Frame &frame) const;

 private:
  std::optional<std::set<std::string>> marks_;
};

}    // namespace almlip
