// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>

namespace almlip::pool {

/// Progress of a study on stderr: one line that is rewritten on a terminal, a plain line at every
/// twentieth of the runs in a log.
class PoolProgress {
 public:
  /// @param num_missing  runs to do
  /// @param num_all      with those that were finished before
  /// @param visible      false: says nothing (all ranks but one)
  PoolProgress(int num_missing, int num_all, bool visible);

  /// One more run is finished.
  void step(const std::string &what);

 private:
  int num_missing_, done_ = 0;
  bool visible_, terminal_;
  std::chrono::steady_clock::time_point start_;
};

}    // namespace almlip::pool
