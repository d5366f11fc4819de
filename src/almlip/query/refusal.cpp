// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/refusal.h"

#include <algorithm>

namespace almlip {

std::string to_string(Refusal refusal)
{
  static const std::array<const char *, num_refusals> names{
      "above_hi",    "mindist",     "fmax",    "not_finite",  "duplicate",  "spacing",
      "buffer_full", "passed_over", "density", "temperature", "no_element", "lost_atoms"};
  return names.at(static_cast<int>(refusal));
}

void RefusalTally::add(Refusal refusal, std::int64_t step, double value, std::int64_t count)
{
  if (count == 0) return;
  Entry &entry = entries[static_cast<int>(refusal)];
  if (entry.count == 0) {
    entry.first_step = entry.last_step = step;
    entry.least = entry.largest = value;
  }
  entry.least = std::min(entry.least, value);
  entry.largest = std::max(entry.largest, value);
  entry.first_step = std::min(entry.first_step, step);    // looks before one come later
  entry.last_step = std::max(entry.last_step, step);
  entry.count += count;
}

}    // namespace almlip
