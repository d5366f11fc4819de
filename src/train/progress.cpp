#include "train/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace almlip {

std::string duration(double seconds)
{
  char text[32];
  const long s = std::lround(seconds);
  if (s < 60)
    std::snprintf(text, sizeof text, "%ld s", s);
  else if (s < 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld min", s / 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld h", s / 3600, s / 60 % 60);
  return text;
}

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
  char text[256];
  int length = std::snprintf(text, sizeof text, "epoch %d/%d  loss %.5f", report.epoch,
                             report.num_epochs, report.train_loss);
  const auto rest = [&] { return sizeof text - static_cast<std::size_t>(length); };
  if (report.has_held_out)
    length += std::snprintf(text + length, rest(), "  held out: F %.4f eV/A  E %.2f meV/atom",
                            report.held_out.force_mae, 1000.0 * report.held_out.energy_mae);
  if (report.last)
    std::snprintf(text + length, rest(), "  took %s", duration(seconds).c_str());
  else
    std::snprintf(text + length, rest(), "  %s left", duration(left).c_str());
  return text;
}

}    // namespace almlip
