// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/kernels/radial.h"

#include <gtest/gtest.h>

namespace almlip {
namespace {

constexpr double cutoff = 5.0;    // Angstrom
using Basis = RadialBasis<double, 1, 8>;

TEST(RadialBasis, IsAChebyshevPolynomialTimesTheEnvelope)
{
  for (double r : {0.7, 2.35, 3.84, 4.9})
    for (int n = 0; n < 8; ++n) {
      const double x = r / cutoff, expected = std::cos(n * std::acos(2 * x - 1)) *
                                              std::pow(1 - x, 3);    // T_n(cos t) = cos nt
      EXPECT_NEAR(Basis(r, 1 / cutoff).value(n), expected, 1e-14);
    }
}

TEST(RadialBasis, SlopeMatchesFiniteDifference)
{
  constexpr double h = 1e-4;
  for (double r : {0.7, 2.35, 3.84, 4.9})
    for (int n = 0; n < 8; ++n) {
      auto value = [&](double step) { return Basis(r + step, 1 / cutoff).value(n); };
      EXPECT_NEAR(Basis(r, 1 / cutoff).slope(n),
                  (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h), 1e-10);
    }
}

TEST(RadialBasis, ValueAndTwoDerivativesVanishAtTheCutoff)
{
  for (int n = 0; n < 8; ++n) {
    EXPECT_EQ(Basis(cutoff, 1 / cutoff).value(n), 0.0);
    EXPECT_EQ(Basis(cutoff, 1 / cutoff).slope(n), 0.0);
    EXPECT_EQ(Basis(cutoff + 0.3, 1 / cutoff).value(n), 0.0);
    constexpr double h = 1e-3;
    const double curvature = Basis(cutoff - h, 1 / cutoff).slope(n) /
                             -h;    // third derivative is 6/cutoff^3: error of order h
    EXPECT_NEAR(curvature, 0.0, 1e-3);
  }
}

TEST(PackExp, AgreesWithTheStandardLibraryToAFewUnitsInTheLastPlace)
{
  constexpr int lanes = native_lanes<double>;
  using V = Pack<double, lanes>;
  for (double x = -40; x < 40; x += 0.1 * lanes) {
    V v{};
    for (int w = 0; w < lanes; ++w) v[w] = x + 0.1 * w;
    const V e = pack_exp<double, lanes>(v);
    for (int w = 0; w < lanes; ++w) EXPECT_NEAR(e[w] / std::exp(v[w]), 1.0, 1e-15);
  }
}

TEST(TransposeTile, ExchangesRowsAndColumns)
{
  constexpr int n = native_lanes<double>;
  alignas(64) double tile[n * n], turned[n * n];
  for (int i = 0; i < n * n; ++i) tile[i] = i;
  transpose_tile<double, n>(tile, n, turned, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) EXPECT_EQ(turned[n * j + i], tile[n * i + j]);
}

}    // namespace
}    // namespace almlip
