// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cmath>
#include <numeric>
#include <random>

#include "almlip/committee.h"
#include "almlip/elements.h"
#include "almlip/surroundings.h"

namespace almlip::benchmarks {

/// Diamond cubic cells, lattice constant 5.431 Angstrom, displacements of 0.1 Angstrom; every atom
/// of a random one of the elements.
inline Frame bulk(int cells, const std::vector<std::string> &elements = {"Si"})
{
  const double a = 5.431, basis[8][3] = {{0, 0, 0}, {0, 2, 2}, {2, 0, 2}, {2, 2, 0},
                                         {1, 1, 1}, {1, 3, 3}, {3, 1, 3}, {3, 3, 1}};
  std::mt19937_64 random(1);
  std::normal_distribution<double> displacement(0.0, 0.1);
  Frame f;
  f.cell = {a * cells, 0, 0, 0, a * cells, 0, 0, 0, a * cells};
  for (int x = 0; x < cells; ++x)
    for (int y = 0; y < cells; ++y)
      for (int z = 0; z < cells; ++z)
        for (const auto &b : basis) {
          f.atomic_numbers.push_back(atomic_number(elements[random() % elements.size()]));
          const double corner[3] = {a * x, a * y, a * z};
          for (int d = 0; d < 3; ++d)
            f.positions.push_back(corner[d] + a * b[d] / 4 + displacement(random));
        }
  return f;
}

/// Neighbour lists with a skin, as LAMMPS has them.
struct NeighborLists {
  Surroundings s;
  std::vector<int> element, centers, counts;
  std::vector<const int *> rows;
  Neighborhood view;

  NeighborLists(const Frame &frame, double cutoff, const std::vector<std::string> &elements)
      : s(find_surroundings(frame, cutoff)), centers(s.num_atoms)
  {
    for (int owner : s.owner)
      for (std::size_t e = 0; e < elements.size(); ++e)
        if (atomic_number(elements[e]) == frame.atomic_numbers[owner])
          element.push_back(static_cast<int>(e));
    std::iota(centers.begin(), centers.end(), 0);
    for (int i = 0; i < s.num_atoms; ++i) {
      counts.push_back(s.first[i + 1] - s.first[i]);
      rows.push_back(&s.neighbors[s.first[i]]);
    }
    view.num_all = s.num_all();
    view.positions = s.positions.data();
    view.element = element.data();
    view.num_centers = s.num_atoms;
    view.centers = centers.data();
    view.num_neighbors = counts.data();
    view.neighbors = rows.data();
  }

  /// Of atom i and entry p of Surroundings::neighbors, Angstrom.
  double distance(int i, int p) const
  {
    const double *a = &s.positions[3 * i], *b = &s.positions[3 * s.neighbors[p]];
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
  }
};

}    // namespace almlip::benchmarks
