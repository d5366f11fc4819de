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
  if (first_epoch_ < 0) {
    first_epoch_ = report.epoch;
    first_shown_ = std::chrono::steady_clock::now();
  }
  if (terminal_) {
    std::fprintf(stderr, "\r%s\033[K%s", line(report).c_str(), report.last ? "\n" : "");
    std::fflush(stderr);
    return;
  }
  const int tenth = report.epoch * 10 / report.num_epochs;
  if (tenth == last_shown_ && !report.last && report.epoch != first_epoch_) return;
  last_shown_ = tenth;
  std::fprintf(stderr, "%s\n", line(report).c_str());
}

std::string Progress::line(const EpochReport &report) const
{
  using Seconds = std::chrono::duration<double>;
  const auto now = std::chrono::steady_clock::now();
  std::string text =
      format("epoch %d/%d  loss %.5f", report.epoch, report.num_epochs, report.train_loss);
  if (report.has_held_out)
    text += format("  held out: F %.4f eV/A  E %.2f meV/atom", report.held_out.force_mae,
                   1000.0 * report.held_out.energy_mae);
  if (report.last) return text + "  took " + duration(Seconds(now - start_).count());
  const int done = report.epoch - first_epoch_;    // the first ones hold the preparation, too
  if (done == 0) return text;
  const double left =
      Seconds(now - first_shown_).count() / done * (report.num_epochs - report.epoch);
  return text + "  " + duration(left) + " left";
}

}    // namespace almlip::train
