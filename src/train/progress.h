// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>

#include "train/trainer.h"

namespace almlip::train {

/// Progress of a fit on stderr: one line that is rewritten on a terminal, a plain line about every
/// tenth of the epochs in a log. The time that is left is told from the second report on.
class Progress {
 public:
  Progress();
  void show(const EpochReport &report);

 private:
  bool terminal_;
  int first_epoch_ = -1, last_shown_ = 0;
  std::chrono::steady_clock::time_point start_, first_shown_;

  std::string line(const EpochReport &report) const;
};

}    // namespace almlip::train
