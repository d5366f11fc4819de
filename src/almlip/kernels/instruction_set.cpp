// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/kernels/instruction_set.h"

#include <algorithm>
#include <cstdlib>

#include "almlip/error.h"

namespace almlip {

namespace {

/// Whether this processor, and the system that it runs, has all that the kernels use.
bool is_available(const std::string &set)
{
#if defined(__x86_64__)
  if (set == "avx512")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
  if (set == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return set == "baseline" || set == "native";
}

}    // namespace

std::vector<std::string> instruction_sets()
{
  std::vector<std::string> sets;
#define ALMLIP_ADD(target) \
  if (is_available(#target)) sets.push_back(#target);
  ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_ADD)
#undef ALMLIP_ADD
  return sets;
}

std::string chosen_instruction_set()
{
  const std::vector<std::string> sets = instruction_sets();
  const char *named = std::getenv("ALMLIP_INSTRUCTION_SET");
  if (!named || !*named) {
    require(!sets.empty(),
            "this processor has none of the instruction sets that ALMLIP was built for; "
            "build it with ALMLIP_INSTRUCTION_SETS=baseline");
    return sets.front();
  }
  std::string list;
  for (const std::string &set : sets) list += (list.empty() ? "" : ", ") + set;
  require(std::count(sets.begin(), sets.end(), named) > 0, "ALMLIP_INSTRUCTION_SET is ", named,
          ", but this build has for this processor: ", list);
  return named;
}

}    // namespace almlip
