// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_progress.h"

#include <unistd.h>

#include <cstdio>

#include "almlip/text.h"

namespace almlip::pool {

PoolProgress::PoolProgress(int num_missing, int num_all, bool visible)
    : num_missing_(num_missing),
      visible_(visible),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now())
{
  if (visible_ && num_missing < num_all)
    std::fprintf(stderr, "%d of %d runs were finished before\n", num_all - num_missing, num_all);
}

void PoolProgress::step(const std::string &what)
{
  constexpr int num_lines = 20;
  ++done_;
  if (!visible_) return;
  const bool last = done_ == num_missing_;
  if (!terminal_ && !last && done_ != 1 &&
      done_ * num_lines / num_missing_ == (done_ - 1) * num_lines / num_missing_)
    return;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const std::string time = last ? "took " + duration(seconds)
                                : duration(seconds / done_ * (num_missing_ - done_)) + " left";
  std::fprintf(stderr, terminal_ ? "\r\033[Krun %d/%d  %s  (%s)%s" : "run %d/%d  %s  (%s)%s", done_,
               num_missing_, time.c_str(), what.c_str(), terminal_ && !last ? "" : "\n");
  std::fflush(stderr);
}

}    // namespace almlip::pool
