// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/refit.h"

#include <cmath>
#include <cstdio>

#include "almlip/learned_frames.h"
#include "train/error_report.h"

namespace almlip::train {

std::optional<std::vector<std::size_t>> new_frames(const Potential &start,
                                                   const std::vector<Frame> &frames)
{
  const LearnedFrames learned(start);
  if (!learned.are_told()) return std::nullopt;
  std::vector<std::size_t> fresh;
  for (std::size_t n = 0; n < frames.size(); ++n)
    if (!learned.contain(frames[n])) fresh.push_back(n);
  return fresh;
}

bool StartReport::asks_for_full_fit(const Potential &start, const Ranks &ranks) const
{
  constexpr double max_ratio = 2.0;
  const bool far = start.force_error > 0.0 && force_error > max_ratio * start.force_error;
  std::vector<double> decision{far ? 1.0 : 0.0};
  ranks.broadcast(decision);
  return decision[0] > 0.0;
}

StartReport report_start(const Potential &start, const std::vector<Frame> &frames,
                         const std::vector<std::size_t> &fresh, const Ranks &ranks)
{
  std::vector<Frame> unknown;
  for (const std::size_t n : fresh) unknown.push_back(frames[n]);
  StartReport report;
  report.judgement.add(start, frames, {}, unknown, ranks);    // its spreads are not matched
  if (!ranks.first() || unknown.empty()) return report;
  Potential copy = start;
  const ErrorGroup errors = report.judgement.report(copy).all();
  report.force_error = errors.force_mae.value_or(0.0);
  std::fprintf(
      stderr,
      "the start errs on %zu new frames by F %.4f eV/A  E %.2f meV/atom; held out it had F "
      "%.4f eV/A\n",
      unknown.size(), report.force_error, 1000.0 * errors.energy_mae.value_or(0.0),
      start.force_error);
  return report;
}

}    // namespace almlip::train
