// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/kernels/harmonics.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "almlip/kernels/coupling.h"

namespace almlip {
namespace {

constexpr int lmax = 4;
using Values = std::array<double, (lmax + 1) * (lmax + 1)>;

/// S_lm with norms at one direction.
Values harmonics_at(double x, double y, double z)
{
  const double direction[3] = {x, y, z};
  const Harmonics<double, 1, lmax> h(direction);
  Values s{};
  for_each_lm<lmax>(
      [&](auto l, auto m) { s[lm_index(l, m)] = h.template value<l, m>() * harmonic_norm(l, m); });
  return s;
}

/// Mean over the sphere of function(S): midpoint in phi and Gauss-Legendre with 8 nodes in z, exact
/// for products of three harmonics with l <= 4.
template <class Function>
double sphere_mean(Function &&function)
{
  // Abramowitz and Stegun, table 25.4, n = 8
  const double node[4] = {0.183434642495649805, 0.525532409916328986, 0.796666477413626740,
                          0.960289856497536232};
  const double weight[4] = {0.362683783378361983, 0.313706645877887287, 0.222381034453374471,
                            0.101228536290376259};
  constexpr int num_phi = 16;
  double sum = 0;
  for (int a = 0; a < 8; ++a)
    for (int b = 0; b < num_phi; ++b) {
      const double z = (a % 2 ? 1 : -1) * node[a / 2], phi = 2 * M_PI * (b + 0.5) / num_phi,
                   rho = std::sqrt(1 - z * z);
      sum += weight[a / 2] / 2 / num_phi *
             function(harmonics_at(rho * std::cos(phi), rho * std::sin(phi), z));
    }
  return sum;
}

TEST(Harmonics, AreThePublishedRacahHarmonicsForLUpTo2)
{
  const double x = 0.48, y = -0.6, z = 0.64;    // a unit vector
  const Values s = harmonics_at(x, y, z);
  // Racah-normalised real harmonics, e.g. Helgaker, Molecular Electronic-Structure Theory,
  // table 6.3 with r = 1
  EXPECT_NEAR(s[lm_index(0, 0)], 1, 1e-15);
  EXPECT_NEAR(s[lm_index(1, -1)], y, 1e-15);
  EXPECT_NEAR(s[lm_index(1, 0)], z, 1e-15);
  EXPECT_NEAR(s[lm_index(1, 1)], x, 1e-15);
  EXPECT_NEAR(s[lm_index(2, -2)], std::sqrt(3.0) * x * y, 1e-15);
  EXPECT_NEAR(s[lm_index(2, -1)], std::sqrt(3.0) * y * z, 1e-15);
  EXPECT_NEAR(s[lm_index(2, 0)], (3 * z * z - 1) / 2, 1e-15);
  EXPECT_NEAR(s[lm_index(2, 1)], std::sqrt(3.0) * x * z, 1e-15);
  EXPECT_NEAR(s[lm_index(2, 2)], std::sqrt(3.0) * (x * x - y * y) / 2, 1e-15);
}

TEST(Harmonics, AreOrthogonalWithMeanSquareOneOver2lPlus1)
{
  for (int a = 0; a < (lmax + 1) * (lmax + 1); ++a)
    for (int b = 0; b <= a; ++b) {
      const int l = static_cast<int>(std::sqrt(a + 0.5));
      EXPECT_NEAR(sphere_mean([&](const Values &s) { return s[a] * s[b]; }),
                  a == b ? 1.0 / (2 * l + 1) : 0.0, 1e-14);
    }
}

TEST(Gaunt, IsTheMeanOfThreeHarmonicsOverTheSphere)
{
  const int triples[][3] = {{1, 1, 2}, {2, 2, 2}, {1, 2, 3}, {3, 3, 2}, {2, 2, 4},
                            {1, 3, 4}, {3, 3, 4}, {4, 4, 2}, {4, 4, 4}};
  for (const auto &[first, second, third] : triples) {
    const int l1 = first, l2 = second, l3 = third;    // clang 14 does not capture bindings
    for (int a = -l1; a <= l1; ++a)
      for (int b = -l2; b <= l2; ++b)
        for (int c = -l3; c <= l3; ++c) {
          const double mean = sphere_mean([&](const Values &s) {
            return s[lm_index(l1, a)] * s[lm_index(l2, b)] * s[lm_index(l3, c)];
          });
          // 128 roundings of terms of order 1, times up to 9^1.5
          EXPECT_NEAR(gaunt(l1, a, l2, b, l3, c),
                      mean * std::sqrt((2.0 * l1 + 1) * (2 * l2 + 1) * (2 * l3 + 1)), 1e-12);
        }
  }
}

TEST(Coupling, ListsEveryNonZeroTermOnce)
{
  const auto &t = Coupling<3, 3, 2>::terms;
  double square = 0, expected = 0;
  for (int i = 0; i < t.num_terms; ++i) square += t.g[i] * t.g[i];
  for (int a = -3; a <= 3; ++a)
    for (int b = a; b <= 3; ++b)
      for (int M = -2; M <= 2; ++M) {
        const double g = gaunt(3, a, 3, b, 2, M) + (a == b ? 0 : gaunt(3, b, 3, a, 2, M));
        expected += g * g;
      }
  EXPECT_NEAR(square, expected, 1e-13);
}

}    // namespace
}    // namespace almlip
