// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <set>

#include "almlip/error.h"
#include "almlip/random.h"
#include "pool/pool_run.h"

namespace almlip::pool {

namespace {

void shuffle(std::vector<int> &list, Random &random)
{
  for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[random.below(i)]);
}

std::vector<int> first_of_each_formula(const std::vector<int> &list,
                                       const std::vector<PoolEntry> &entries)
{
  std::set<std::string> seen;
  std::vector<int> result;
  for (int i : list)
    if (seen.insert(entries[i].formula).second) result.push_back(i);
  return result;
}

PoolSplit::Target split_target(const PoolTarget &settings, const std::vector<PoolEntry> &entries,
                               std::vector<int> members, const std::set<std::string> &known,
                               Random &random)
{
  shuffle(members, random);
  members.erase(std::remove_if(members.begin(), members.end(),
                               [&](int i) { return known.count(entries[i].formula) > 0; }),
                members.end());
  constexpr std::size_t max_test = 1000;
  const std::size_t num_references = std::min<std::size_t>(settings.references, members.size() / 2);
  const std::size_t end = std::min(members.size(), num_references + max_test);
  return {{members.begin(), members.begin() + num_references},
          {members.begin() + num_references, members.begin() + end}};
}

}    // namespace

std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t stream, std::uint64_t step)
{
  std::uint64_t value = seed;
  for (std::uint64_t more : {stream, step}) {    // SplitMix64
    value += 0x9e3779b97f4a7c15ULL + more;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    value ^= value >> 31;
  }
  return value;
}

PoolSplit split_pool(const PoolStudy &study, const std::vector<PoolEntry> &entries,
                     const std::vector<std::vector<int>> &members,
                     const std::vector<std::vector<PoolEntry>> &targets,
                     const std::vector<std::vector<int>> &target_members, bool one_per_formula,
                     int seed, const std::string &system)
{
  constexpr std::uint64_t stream = 1;
  Random random(mix_seed(static_cast<std::uint64_t>(seed), stream));
  PoolSplit split;
  split.seed = static_cast<std::uint64_t>(seed);
  std::vector<int> taken, rest;
  for (std::size_t s = 0; s < members.size(); ++s) {
    std::vector<int> list = members[s];
    shuffle(list, random);
    if (one_per_formula) list = first_of_each_formula(list, entries);
    const std::size_t take = std::min<std::size_t>(study.sources[s].take, list.size());
    taken.insert(taken.end(), list.begin(), list.begin() + take);
    rest.insert(rest.end(), list.begin() + take, list.end());
  }
  shuffle(taken, random);
  shuffle(rest, random);
  const std::size_t num_test =
      static_cast<std::size_t>(study.test_fraction * double(taken.size()) + 0.5);
  require(num_test >= 2 && taken.size() > num_test, "system ", system, ": there are ", taken.size(),
          " entries, which is too few to split them into a pool and a test set");
  split.test.assign(taken.begin(), taken.begin() + num_test);
  split.pool.assign(taken.begin() + num_test, taken.end());
  rest.resize(std::min<std::size_t>(rest.size(), study.larger_test));
  split.larger = rest;
  std::set<std::string> known;
  for (int i : split.pool) known.insert(entries[i].formula);
  for (std::size_t t = 0; t < targets.size(); ++t) {
    split.targets.push_back(
        split_target(study.targets[t], targets[t], target_members[t], known, random));
    require(split.targets.back().test.size() >= 2, "system ", system, ": target ",
            study.targets[t].name, " has only ", target_members[t].size(),
            " entries of this system, too few with formulas that are not in the pool");
  }
  return split;
}

}    // namespace almlip::pool
