// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_trace.h"

#include "almlip/error.h"

#include <cerrno>
#include <cstring>

using namespace LAMMPS_NS;
using almlip::require;

void ALQueryTrace::open(const std::string &name)
{
  path = name;
  file.reset(fopen(path.c_str(), "w"));
  require(file != nullptr, "trace ", path, " cannot be written: ", strerror(errno));
  fputs(
      "# step looks max_sigma(eV/A) mean_sigma(eV/A) max_novelty lo hi nearness flagged untrusted "
      "candidates buffered selected batches\n",
      file.get());
}

void ALQueryTrace::write(const almlip::Observation &seen, double mean_sigma,
                         const almlip::QueryRule &rule, const almlip::QueryState &state)
{
  const auto &total = state.total;
  const auto number = [](std::int64_t n) { return static_cast<long long>(n); };
  fprintf(file.get(), "%lld %lld %.6g %.6g %.6g %.6g %.6g %.6g %lld %lld %lld %d %lld %lld\n",
          number(seen.step), number(total.looks), seen.sigma.value, mean_sigma, seen.novelty.value,
          rule.force.lo, rule.force.hi, seen.nearness.value, number(total.flagged),
          number(total.untrusted), number(total.candidates), state.buffer.size(),
          number(total.selected), number(total.batches));
  require(fflush(file.get()) == 0, "trace ", path, " cannot be written: ", strerror(errno));
}
