// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace almlip {

/// Why a configuration was not taken.
enum class Refusal {
  above_hi,    ///< prediction not trusted at all, and an earlier one of the same excursion is taken
  mindist,     ///< two atoms too close
  fmax,        ///< a force too large
  not_finite,     ///< a number that is none
  duplicate,      ///< the same as a known configuration
  spacing,        ///< too soon after the last one
  buffer_full,    ///< given up by a full buffer
  passed_over,    ///< others of its buffer were chosen
  density,        ///< outside the allowed density
  temperature,    ///< too hot
  no_element,     ///< an atom that the potential has no element for
  lost_atoms      ///< atoms that LAMMPS has lost in a periodic box
};
constexpr int num_refusals = 12;
std::string to_string(Refusal refusal);

/// How often and when configurations were not taken.
struct RefusalTally {
  struct Entry {
    std::int64_t count = 0;
    std::int64_t first_step = 0, last_step = 0;
    double least = 0.0, largest = 0.0;    ///< in the unit of the reason, see Decision; 0 without
                                          ///< such a number

    /// What is farthest beyond its limit. Density has two limits, and so no worst.
    double worst(Refusal refusal) const { return refusal == Refusal::mindist ? least : largest; }
  };
  std::array<Entry, num_refusals> entries;

  void add(Refusal refusal, std::int64_t step, double value = 0.0, std::int64_t count = 1);
  const Entry &of(Refusal refusal) const { return entries[static_cast<int>(refusal)]; }
};

}    // namespace almlip
