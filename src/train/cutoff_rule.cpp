// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/cutoff_rule.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "almlip/surroundings.h"

namespace almlip::train {

namespace {

constexpr double num_neighbors = 30.0;
constexpr double min_cutoff = 3.0, max_cutoff = 6.0, step = 0.01;    // Angstrom
constexpr int num_steps = 600;                                       // max_cutoff / step
constexpr std::size_t max_frames = 200;

/// Number of pairs by distance, in bins of `step`.
using Histogram = std::array<long, num_steps>;

void count_pairs(const Frame &frame, Histogram &histogram)
{
  for_each_pair(frame, max_cutoff, [&](int, int, double r) {
    ++histogram[std::min(static_cast<std::size_t>(r / step), histogram.size() - 1)];
  });
}

}    // namespace

double cutoff_for(const std::vector<Frame> &frames)
{
  const std::size_t stride = 1 + (frames.size() - 1) / max_frames;
  Histogram histogram{};
  double num_atoms = 0.0;
  for (std::size_t f = 0; f < frames.size(); f += stride) {
    count_pairs(frames[f], histogram);
    num_atoms += frames[f].num_atoms();
  }
  std::size_t bin = 0;
  for (double pairs = 0.0; bin < histogram.size() && pairs < num_neighbors * num_atoms; ++bin)
    pairs += static_cast<double>(histogram[bin]);
  return std::clamp(static_cast<double>(bin) * step, min_cutoff, max_cutoff);
}

LoneliestAtom loneliest_atom(const std::vector<Frame> &frames)
{
  LoneliestAtom loneliest;
  std::vector<double> nearest;
  for (const Frame &frame : frames) {
    nearest.assign(frame.atomic_numbers.size(), max_cutoff);
    for_each_pair(frame, max_cutoff, [&](int i, int, double r) {
      double &least = nearest[static_cast<std::size_t>(i)];
      least = std::min(least, r);
    });
    for (std::size_t i = 0; i < nearest.size(); ++i)
      if (nearest[i] > loneliest.distance && nearest[i] < max_cutoff)
        loneliest = {nearest[i], frame.source + ": atom " + std::to_string(i + 1)};
  }
  return loneliest;
}

double cutoff_that_reaches(const LoneliestAtom &atom)
{
  constexpr double margin = 1.3;
  return std::min(std::ceil(margin * atom.distance / step) * step, max_cutoff);
}

}    // namespace almlip::train
