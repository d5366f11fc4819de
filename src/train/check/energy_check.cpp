// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/energy_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "almlip/text.h"
#include "train/check/robust_statistics.h"

namespace almlip::train {

void check_repeats(const std::vector<Frame> &frames, Collector &findings)
{
  constexpr double same_energy = 1e-3;    // eV per atom
  std::vector<std::size_t> twice, contradicting;
  for (const std::vector<std::size_t> &group : repeated_frames(frames)) {
    std::vector<double> seen;    // different energies of the group, eV per atom
    for (const std::size_t f : group) {
      const double energy = frames[f].energy.value_or(0.0) / frames[f].num_atoms();
      const bool is_seen = std::any_of(seen.begin(), seen.end(), [&](double other) {
        return std::abs(energy - other) < same_energy;
      });
      if (is_seen)
        twice.push_back(f);
      else if (!seen.empty())
        contradicting.push_back(f);
      if (!is_seen) seen.push_back(energy);
    }
  }
  std::sort(twice.begin(), twice.end());
  std::sort(contradicting.begin(), contradicting.end());
  if (!twice.empty())
    findings.add({"an earlier frame has the same atoms at the same places",
                  "remove them (--fix does), lest held-out frames are learned",
                  {},
                  {Repair::Kind::remove}},
                 twice);
  if (!contradicting.empty())
    findings.add({"an earlier frame has the same atoms at the same places and another energy",
                  "keep the frames of one setting of the calculation and one magnetic state",
                  {}},
                 contradicting);
}

void check_heaps(const std::vector<Frame> &frames, Collector &findings)
{
  constexpr double least = 5.0, share = 0.02;    // eV per atom
  std::map<std::map<int, int>, std::vector<std::pair<double, std::size_t>>> compositions;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (!frames[f].energy || frames[f].num_atoms() < 2) continue;
    std::map<int, int> counts;
    for (const int z : frames[f].atomic_numbers) ++counts[z];
    int divisor = 0;
    for (const auto &[z, count] : counts) divisor = std::gcd(divisor, count);
    for (auto &[z, count] : counts) count /= divisor;
    compositions[counts].emplace_back(*frames[f].energy / frames[f].num_atoms(), f);
  }
  for (auto &[counts, energies] : compositions) {
    std::sort(energies.begin(), energies.end());
    const std::size_t most = energies.size(),
                      side = std::max<std::size_t>(2, std::size_t(share * double(most)));
    for (std::size_t n = side; n + side <= most; ++n) {
      const double gap = energies[n].first - energies[n - 1].first;
      const double below = energies[n - 1].first - energies[0].first,
                   above = energies[most - 1].first - energies[n].first;
      if (gap < least || gap < 3.0 * std::min(below, above)) continue;
      std::vector<std::size_t> fewer;
      const bool low = n < most - n;
      for (std::size_t k = low ? 0 : n; k < (low ? n : most); ++k)
        fewer.push_back(energies[k].second);
      findings.add({"energies of one composition lie in two heaps, " + format("%.3g", gap) +
                        " eV/atom apart",
                    "bring them to one unit and one zero, or remove them",
                    {}},
                   fewer);
      break;
    }
  }
}

std::vector<std::size_t> energy_jumps(const std::vector<ClosePair> &pairs)
{
  constexpr double least = 0.02;    // eV per atom
  std::map<std::size_t, std::vector<double>> misfits;
  std::vector<double> all;
  for (const ClosePair &pair : pairs) {
    if (pair.is_strained && !pair.has_virial) continue;
    const double work = pair.force_work + (pair.is_strained ? stress_work(pair) : 0.0);
    const double misfit = pair.rise - work;
    all.push_back(misfit);
    for (const std::size_t f : {pair.a, pair.b})
      misfits[f].push_back(std::max(0.0, std::abs(misfit) - 3.0 * std::abs(work)));
  }
  const double limit = std::max(least, 10.0 * robust_spread(all));
  std::vector<std::size_t> frames;
  for (const auto &[frame, values] : misfits)
    if (values.size() >= 2 && *std::min_element(values.begin(), values.end()) > limit)
      frames.push_back(frame);
  return frames;
}

}    // namespace almlip::train
