// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>

#include "almlip/committee.h"
#include "almlip/kernels/shape.h"

namespace almlip::benchmarks {

/// Floating-point operations per atom of every stage (a multiply-add counts two) as the formulas
/// need them, without padding; stages that only move data have 0. For the mean force.
inline std::array<double, num_stages> operations(const ModelSettings &s, double neighbors)
{
  const GenericShape shape(s);
  const int C = s.num_channels, N = s.num_radial, L = s.lmax, D = s.num_descriptors();
  double harmonics = 0, gradient = 0;
  for (int m = 0; m <= L; ++m) {
    harmonics += m > 1 ? 6 : 0;    // Re and Im of (x + iy)^m
    for (int l = m; l <= L; ++l) {
      harmonics += (l > m + 1 ? 3 : 0) + (m > 0 && l > m ? 2 : 0);
      gradient += (l > m ? 2 : 0) * (m > 0 ? 2 : 1) + (l > m + 1 ? 2 * (m > 0 ? 2 : 1) + 1 : 0);
    }
    gradient += m > 0 ? 16 : 0;
  }
  double terms = 0, products = 0, third = 0;    // of the couplings, one channel
  for (const auto &[l1, l2, l] : shape.couplings) {
    third += 2 * l + 1;
    for (int a = 0; a <= 2 * l1; ++a)
      for (int b = l1 == l2 ? a : 0; b <= 2 * l2; ++b) {
        int count = 0;
        for (int M = 0; M <= 2 * l; ++M) count += coupling_coefficient(l1, a, l2, b, l, M) != 0;
        terms += count;
        products += count > 0;
      }
  }
  third *= shape.num_partners;
  const double units = s.num_members * s.num_hidden, lm = shape.num_lm;
  std::array<double, num_stages> flops{};
  flops[static_cast<int>(Stage::radial)] = neighbors * (6 * (N - 2) + 12 + C * (4 * N + 2));
  flops[static_cast<int>(Stage::projection)] = neighbors * (harmonics + 2 * C * lm);
  flops[static_cast<int>(Stage::invariants)] =
      2 * (lm - 1) * shape.num_pairs + C * (products + 2 * terms) + 2 * third + 2 * D;
  flops[static_cast<int>(Stage::networks)] = 2 * D * (units + s.num_members) + 30 * units;
  flops[static_cast<int>(Stage::networks_reverse)] = 2 * D * units;
  flops[static_cast<int>(Stage::invariants_reverse)] =
      2 * (lm - 1) * C * C + C * (2 * terms + 4 * products) + 4 * third + lm * C;
  flops[static_cast<int>(Stage::projection_reverse)] =
      neighbors * (4 * C * lm + harmonics + gradient + 2 * C + 40);
  return flops;
}

}    // namespace almlip::benchmarks
