// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>

namespace almlip {

/// One process at a time, or one part of it: a lock on a file (flock), which is created if need be
/// and stays. The lock ends with the object or the process.
class FileLock {
 public:
  /// Waits for others that hold it.
  /// @param patience  seconds after which it waits no longer
  /// @param waits     told once if it takes longer than a moment
  FileLock(const std::string &path, double patience, const std::function<void()> &waits);
  FileLock(const FileLock &) = delete;
  FileLock &operator=(const FileLock &) = delete;
  ~FileLock();

  /// Why it is not held; empty if it is.
  const std::string &problem() const { return problem_; }

 private:
  int descriptor_ = -1;
  std::string problem_;
};

}    // namespace almlip
