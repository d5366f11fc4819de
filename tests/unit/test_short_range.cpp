// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/short_range.h"

#include <gtest/gtest.h>

#include "almlip/calculator.h"
#include "random_potential.h"

namespace almlip {
namespace {

using test::random_potential;
using test::shape_settings;
using test::with_zbl;

constexpr double inner = 1.6, outer = 1.9;    // Angstrom
constexpr double h = 1e-4;

ShortRange silicon()
{
  return ShortRange(with_zbl(random_potential(shape_settings("fast", {"Si"}), 1), inner, outer));
}

Frame dimer(double r)
{
  Frame frame;
  frame.pbc = {false, false, false};
  frame.atomic_numbers = {14, 14};
  frame.positions = {0, 0, 0, 0.6 * r, 0, 0.8 * r};
  return frame;
}

TEST(Zbl, IsTheBareCoulombEnergyOfTheNucleiAtSmallDistance)
{
  // the weights add up to 1; screening is linear at first, with the slope 3.2 x 0.18 + ... = 1.18
  // per screening length
  EXPECT_NEAR(zbl_energy(14, 8, 1e-6).value * 1e-6, 14.399645 * 14 * 8, 0.05);
}

TEST(Zbl, EqualsPairStyleZblOfLammps)
{
  // LAMMPS 22Jul2025: two atoms 1 Angstrom apart, pair_style zbl 8 9, pair_coeff 1 1 14 14; its
  // switch shifts all energies by 1e-5 eV
  EXPECT_NEAR(zbl_energy(14, 14, 1.0).value, 50.9743496, 2e-5);
  EXPECT_NEAR(zbl_energy(14, 14, 1.0).slope, -189.7962194, 1e-7);
}

TEST(Zbl, SlopeMatchesFiniteDifference)
{
  const double rise = zbl_energy(14, 8, 1.2 + h).value - zbl_energy(14, 8, 1.2 - h).value;
  EXPECT_NEAR(zbl_energy(14, 8, 1.2).slope, rise / (2 * h),
              1e-5);    // O(h^2) of a third derivative of 1000
}

TEST(ShortRange, HasTheForceOfZblBelowInnerAndNoneFromOuterOn)
{
  EXPECT_EQ(silicon().repulsion(0, 0, inner).slope, zbl_energy(14, 14, inner).slope);
  EXPECT_EQ(silicon().repulsion(0, 0, 0.3).slope, zbl_energy(14, 14, 0.3).slope);
  EXPECT_EQ(silicon().repulsion(0, 0, outer).value, 0.0);
  EXPECT_EQ(silicon().repulsion(0, 0, outer).slope, 0.0);
}

TEST(ShortRange, PushesHarderTheCloserTheAtoms)
{
  for (double r = 0.3; r < outer; r += 0.005)
    EXPECT_LT(silicon().repulsion(0, 0, r).slope, silicon().repulsion(0, 0, r + 0.005).slope);
}

TEST(ShortRange, EnergyIsContinuousAtInner)
{
  const ShortRange range = silicon();
  // slope 20 eV/Angstrom x 2e-9 Angstrom; the rest is the quadrature
  EXPECT_NEAR(range.repulsion(0, 0, inner - 1e-9).value, range.repulsion(0, 0, inner + 1e-9).value,
              1e-6);
}

TEST(ShortRange, SlopesMatchFiniteDifferences)
{
  const ShortRange range = silicon();
  for (double r = 1.2; r < 2.0; r += 0.037) {
    const double rise = range.repulsion(0, 0, r + h).value - range.repulsion(0, 0, r - h).value;
    const double stretch =
        range.network_distance(0, 0, r + h).value - range.network_distance(0, 0, r - h).value;
    EXPECT_NEAR(range.repulsion(0, 0, r).slope, rise / (2 * h),
                1e-4);    // h^2/6 of a third derivative of up to 60 E/width^3 = 20000
    EXPECT_NEAR(range.network_distance(0, 0, r).slope, stretch / (2 * h), 1e-6);
  }
}

TEST(ShortRange, SecondDerivativesAreContinuous)
{
  const ShortRange range = silicon();
  const auto jump = [&](auto function,
                        double r) {    // of the second derivative, between r - 2h and r + 2h
    const auto curvature = [&](double x) { return (function(x + h) - function(x - h)) / (2 * h); };
    return curvature(r + 2 * h) - curvature(r - 2 * h);
  };
  // third derivatives of up to 60 E/width^3 = 20000 times 4h
  for (const double r : {inner, outer})
    EXPECT_NEAR(jump([&](double x) { return range.repulsion(0, 0, x).slope; }, r), 0.0, 10.0);
  for (const double r : {inner, outer})
    EXPECT_NEAR(jump([&](double x) { return range.network_distance(0, 0, x).slope; }, r), 0.0, 0.3);
}

TEST(ShortRange, PushesAtomsApartDownToAThirdOfAnAngstrom)
{
  for (unsigned seed = 1; seed <= 20; ++seed) {    // random networks: half of them pull
    const Potential p =
        with_zbl(random_potential(shape_settings("default", {"Si"}), seed), inner, outer);
    Committee committee(p);
    for (double r = 0.3; r < 0.95 * inner; r += 0.01)
      EXPECT_LT(predict(committee, p, dimer(r)).forces[0], 0.0)
          << "seed " << seed << ", " << r << " Angstrom";
  }
}

TEST(ShortRange, ChangesNothingAtTheLeastDistanceOfTheTrainingSet)
{
  const Potential without = random_potential(shape_settings("default", {"Si"}), 3),
                  with = with_zbl(without, inner, outer);
  Committee plain(without), walled(with);
  const FramePrediction a = predict(plain, without, dimer(outer)),
                        b = predict(walled, with, dimer(outer));

  EXPECT_EQ(b.energy, a.energy);
  EXPECT_EQ(b.member_forces, a.member_forces);
}

}    // namespace
}    // namespace almlip
