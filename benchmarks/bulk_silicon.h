// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <random>
#include <string>
#include <vector>

#include "almlip/elements.h"
#include "almlip/frame.h"

namespace almlip::benchmarks {

/// Diamond cubic cells, lattice constant 5.431 Angstrom, displacements of 0.1 Angstrom; every atom
/// of a random one of the elements.
inline Frame bulk_silicon(int cells, const std::vector<std::string> &elements = {"Si"})
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

}    // namespace almlip::benchmarks
