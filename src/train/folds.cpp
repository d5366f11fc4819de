// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/folds.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "almlip/random.h"

namespace almlip::train {

namespace {

using Kinds = std::map<std::string, std::vector<std::size_t>>;

/// Frames by config_type. Frames that are the only one of theirs are one kind together if they are
/// more than a tenth of all: nothing could be held out of a set where each frame has its own name.
Kinds kinds_of(const std::vector<Frame> &frames)
{
  constexpr std::size_t share = 10;
  Kinds kinds;
  for (std::size_t n = 0; n < frames.size(); ++n) kinds[frames[n].config_type].push_back(n);
  std::vector<std::size_t> alone;
  for (const auto &[type, members] : kinds)
    if (members.size() == 1) alone.push_back(members[0]);
  if (share * alone.size() <= frames.size()) return kinds;
  for (const std::size_t n : alone) kinds.erase(frames[n].config_type);
  std::vector<std::size_t> &together = kinds[""];
  together.insert(together.end(), alone.begin(), alone.end());
  std::sort(together.begin(), together.end());
  return kinds;
}

/// Takes frames back whose elements are in no frame that is kept.
void keep_every_element(const std::vector<Frame> &frames, std::vector<bool> &held)
{
  std::set<int> kept;
  for (std::size_t n = 0; n < frames.size(); ++n)
    if (!held[n]) kept.insert(frames[n].atomic_numbers.begin(), frames[n].atomic_numbers.end());
  for (std::size_t n = 0; n < frames.size(); ++n) {
    const auto &numbers = frames[n].atomic_numbers;
    if (!held[n] || std::all_of(numbers.begin(), numbers.end(),
                                [&](int number) { return kept.count(number) > 0; }))
      continue;
    held[n] = false;
    kept.insert(numbers.begin(), numbers.end());
  }
}

}    // namespace

std::vector<Frame> split_off(std::vector<Frame> &frames, double fraction, int seed)
{
  Kinds groups = kinds_of(frames);
  Random random(static_cast<std::uint64_t>(seed));
  std::vector<bool> held(frames.size(), false);
  double seen = 0.0, taken = 0.0;    // what a small group cannot give is left to the next one
  for (auto &[type, members] : groups) {
    for (std::size_t n = members.size(); n > 1; --n)
      std::swap(members[n - 1], members[random.below(n)]);
    seen += static_cast<double>(members.size());
    const double wanted = std::max(0.0, std::floor(fraction * seen + 0.5) - taken);
    const std::size_t count = std::min(static_cast<std::size_t>(wanted), members.size() - 1);
    for (std::size_t n = 0; n < count; ++n) held[members[n]] = true;
    taken += static_cast<double>(count);
  }
  keep_every_element(frames, held);
  std::vector<Frame> kept, held_out;
  for (std::size_t n = 0; n < frames.size(); ++n)
    (held[n] ? held_out : kept).push_back(std::move(frames[n]));
  frames = std::move(kept);
  return held_out;
}

std::vector<int> folds_of(const std::vector<Frame> &frames, int num_folds, int seed)
{
  Kinds groups = kinds_of(frames);
  Random random(static_cast<std::uint64_t>(seed));
  std::vector<int> fold(frames.size());
  int turn = 0;
  for (auto &[type, members] : groups) {
    for (std::size_t n = members.size(); n > 1; --n)
      std::swap(members[n - 1], members[random.below(n)]);
    for (const std::size_t f : members) fold[f] = turn++ % num_folds;
  }
  return fold;
}

namespace {

/// The folds that frames are left in, numbered anew.
std::vector<int> without_empty(std::vector<int> fold)
{
  std::set<int> left(fold.begin(), fold.end());
  left.erase(-1);
  for (int &k : fold)
    if (k >= 0) k = static_cast<int>(std::distance(left.begin(), left.find(k)));
  return fold;
}

}    // namespace

std::vector<int> judging_folds(const std::vector<Frame> &frames, int num_folds, int seed)
{
  std::vector<int> fold = folds_of(frames, num_folds, seed);
  std::map<int, std::set<int>> folds_with;    // by atomic number
  for (std::size_t n = 0; n < frames.size(); ++n)
    for (const int number : frames[n].atomic_numbers) folds_with[number].insert(fold[n]);
  for (const auto &[type, members] : kinds_of(frames))
    if (members.size() == 1) fold[members[0]] = -1;
  for (std::size_t n = 0; n < frames.size(); ++n) {
    const auto &numbers = frames[n].atomic_numbers;
    if (std::any_of(numbers.begin(), numbers.end(),
                    [&](int number) { return folds_with[number].size() == 1; }))
      fold[n] = -1;
  }
  return without_empty(fold);
}

int num_folds_to_judge(const std::vector<int> &fold)
{
  constexpr int enough = 20;
  const int num_folds = 1 + *std::max_element(fold.begin(), fold.end());
  int num_judged = 0;
  for (int k = 0; k < num_folds; ++k) {
    num_judged += static_cast<int>(std::count(fold.begin(), fold.end(), k));
    if (num_judged >= enough) return k + 1;
  }
  return num_folds;
}

}    // namespace almlip::train
