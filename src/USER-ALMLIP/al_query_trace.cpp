// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_trace.h"

#include "almlip/error.h"
#include "almlip/text.h"

#include <cstring>
#include <utility>

using namespace LAMMPS_NS;
using almlip::require;

void ALQueryTrace::open(const std::string &path)
{
  file = almlip::AppendFile::overwrite(path);
  require(file.has_value(), "trace is ", path,
          ", to which another fix or process writes; give each a file of its own");
  const int problem = file->append(
      "# step looks max_sigma(eV/A) mean_sigma(eV/A) max_novelty lo hi nearness flagged untrusted "
      "candidates buffered selected batches\n");
  require(problem == 0, "trace ", path, " cannot be written: ", strerror(problem));
}

std::string ALQueryTrace::write(const almlip::Observation &seen, double mean_sigma,
                                const almlip::QueryRule &rule, const almlip::QueryState &state)
{
  const auto &total = state.total;
  const auto number = [](std::int64_t n) { return static_cast<long long>(n); };
  const int problem = file->append(
      almlip::format("%lld %lld %.6g %.6g %.6g %.6g %.6g %.6g %lld %lld %lld %d %lld %lld\n",
                     number(seen.step), number(total.looks), seen.sigma.value, mean_sigma,
                     seen.novelty.value, rule.force.lo, rule.force.hi, seen.nearness.value,
                     number(total.flagged), number(total.untrusted), number(total.candidates),
                     state.buffer.size(), number(total.selected), number(total.batches)));
  if (problem == 0 || std::exchange(told, true)) return {};
  return "trace " + file->path() + " cannot be written: " + strerror(problem) +
         "; lines are missing from step " + std::to_string(seen.step) + " on";
}
