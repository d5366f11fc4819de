// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "almlip/text.h"

namespace almlip::train {

Progress::Progress()
    : terminal_(isatty(STDERR_FILENO) != 0), start_(std::chrono::steady_clock::now())
{
}

void Progress::show(const EpochReport &report)
{
  if (first_epoch_ < 0) first_epoch_ = report.epoch - 1;
  if (terminal_) {
    std::fprintf(stderr, "\r%s\033[K%s", line(report).c_str(), report.last ? "\n" : "");
    std::fflush(stderr);
    return;
  }
  const int tenth = report.epoch * 10 / report.num_epochs;
  if (tenth == last_shown_ && !report.last && report.epoch != first_epoch_ + 1) return;
  last_shown_ = tenth;
  std::fprintf(stderr, "%s\n", line(report).c_str());
}

std::string Progress::line(const EpochReport &report) const
{
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double left = seconds / (report.epoch - first_epoch_) * (report.num_epochs - report.epoch);
  std::string text =
      format("epoch %d/%d  loss %.5f", report.epoch, report.num_epochs, report.train_loss);
  if (report.has_held_out)
    text += format("  held out: F %.4f eV/A  E %.2f meV/atom", report.held_out.force_mae,
                   1000.0 * report.held_out.energy_mae);
  return text + (report.last ? "  took " + duration(seconds) : "  " + duration(left) + " left");
}

}    // namespace almlip::train
