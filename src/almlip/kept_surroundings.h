#pragma once

#include "almlip/frame.h"
#include "almlip/surroundings.h"

namespace almlip {

/// Surroundings kept from frame to frame of a trajectory.
///
/// A frame that goes on from the last search is searched with the cutoff and a skin, and these
/// lists serve until a pair beyond them could have come within the cutoff. Any other frame is
/// searched with the cutoff alone: frames that have nothing to do with each other cost no more.
///
/// How near a pair can have come: let F turn the old cell into the new one, and d be the largest
/// |x_new - F x_old|. Then a distance r has changed by at most 2 d + |F - 1| r.
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
  double largest_change(const Frame &frame) const;
  void search(const Frame &frame, double margin);

  double cutoff_, skin_;
  bool found_ = false;     ///< the last search did not fail
  double margin_ = 0.0;    ///< beyond the cutoff, of the last search
  Frame searched_;         ///< frame of the last search; only where its atoms are
  Surroundings kept_;
  int num_searches_ = 0;
};

}    // namespace almlip
