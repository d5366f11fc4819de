// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/short_range.h"

#include <algorithm>

#include "almlip/elements.h"

namespace almlip {

ShortRange::ShortRange(const Potential &potential)
    : num_elements_(potential.settings.elements.size())
{
  const Zbl &zbl = potential.zbl;
  for (const double outer : zbl.outer) reach_ = std::max(reach_, outer);
  for (std::size_t q = 0; q < zbl.outer.size(); ++q)
    pairs_.push_back({atomic_number(potential.settings.elements[q / num_elements_]),
                      atomic_number(potential.settings.elements[q % num_elements_]), zbl.inner[q],
                      zbl.outer[q]});
}

ValueSlope ShortRange::repulsion(int element_a, int element_b, double r) const
{
  return pairs_[element_a * num_elements_ + element_b].repulsion(r);
}

ValueSlope ShortRange::network_distance(int element_a, int element_b, double r) const
{
  return pairs_[element_a * num_elements_ + element_b].network_distance(r);
}

}    // namespace almlip
