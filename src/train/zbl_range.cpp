// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/zbl_range.h"

#include <algorithm>

#include "almlip/element_properties.h"
#include "train/frame_statistics.h"

namespace almlip::train {

namespace {

// Of the shortest distance. Pairs that are a little closer than any in training are the daily bread
// of a hot simulation: there the networks are good, and the wall would be an error of eV/Angstrom.
constexpr double outer_share = 0.93, inner_share = 0.68;

/// Unlike pairs may appear at the sites of a lattice only, where like ones were seen colliding:
/// they get a wall no farther out than the like pairs have on average.
void bound_by_like_pairs(std::size_t num_elements, std::vector<double> &distance)
{
  for (std::size_t a = 0; a < num_elements; ++a)
    for (std::size_t b = 0; b < num_elements; ++b) {
      double &d = distance[a * num_elements + b];
      d = std::min(d, 0.5 * (distance[a * (num_elements + 1)] + distance[b * (num_elements + 1)]));
    }
}

}    // namespace

Zbl zbl_range(const TrainingData &data, double cutoff)
{
  Zbl zbl;
  for (const std::string &a : data.elements)
    for (const std::string &b : data.elements)
      zbl.outer.push_back(std::min(covalent_radius(a) + covalent_radius(b), cutoff));
  const double reach = *std::max_element(zbl.outer.begin(), zbl.outer.end());
  for (const std::vector<Frame> *frames : {&data.train, &data.held_out}) {
    const std::vector<double> met = min_pair_distances(*frames, data.elements, reach);
    for (std::size_t pair = 0; pair < met.size(); ++pair)
      zbl.outer[pair] = std::min(zbl.outer[pair], met[pair]);
  }
  bound_by_like_pairs(data.elements.size(), zbl.outer);
  for (double &distance : zbl.outer) {
    zbl.inner.push_back(inner_share * distance);
    distance *= outer_share;
  }
  return zbl;
}

}    // namespace almlip::train
