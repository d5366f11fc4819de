// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/frame.h"
#include "almlip/surroundings.h"

namespace almlip {

/// Surroundings kept from frame to frame of a trajectory.
///
/// A frame that goes on from the last one is searched with the cutoff and a skin, and these lists
/// serve until a pair beyond them could have come within the cutoff. It goes on if no distance can
/// have changed by more than a quarter of the skin. Any other frame is searched with the cutoff
/// alone: frames that have nothing to do with each other cost no more.
///
/// How much distances can have changed: let F turn the old cell into the new one, and d be the
/// largest |x_new - F x_old|. Then a distance r has changed by at most 2 d + |F - 1| r.
class KeptSurroundings {
 public:
  /// @param cutoff, skin  Angstrom
  KeptSurroundings(double cutoff, double skin) : cutoff_(cutoff), skin_(skin) {}

  /// Those of a frame: all neighbours within the cutoff, possibly others. Valid until the next
  /// call.
  /// @throws Error of `find_surroundings`
  const Surroundings &of(const Frame &frame);

  /// Times that neighbours were searched.
  int num_searches() const { return num_searches_; }

 private:
  double max_change(const Frame &from, const Frame &to) const;

  double cutoff_, skin_;
  double margin_ = 0.0;      ///< beyond the cutoff, of the last search
  Frame searched_, last_;    ///< frames of the last search and the last call, without names
  Surroundings kept_;
  int num_searches_ = 0;
};

}    // namespace almlip
