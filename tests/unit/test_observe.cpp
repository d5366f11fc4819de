// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/observe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace almlip;

namespace {

/// Two silicon atoms at a distance, in a cube of 10 Angstrom; their images are nearer if it is > 5.
Frame silicon_pair(double distance)
{
  Frame frame;
  frame.cell = {10, 0, 0, 0, 10, 0, 0, 0, 10};
  frame.atomic_numbers = {14, 14};
  frame.positions = {0.5, 0, 0, 0.5 + distance, 0, 0};
  return frame;
}

Potential trained_down_to(double least_distance)
{
  Potential potential;
  potential.least_distance = least_distance;
  return potential;
}

}    // namespace

TEST(Observe, SeesNearnessThroughTheBoundary)
{
  const Observation seen = observe(silicon_pair(8.0), trained_down_to(2.2), 0.0);
  EXPECT_NEAR(seen.least_distance, 2.0, 1e-12);
  EXPECT_NEAR(seen.nearness.value, 2.2 / 2.0, 1e-12);
}

TEST(Observe, LooksAsFarAsItIsAsked)
{
  EXPECT_TRUE(std::isinf(observe(silicon_pair(3.0), trained_down_to(2.2), 0.0).least_distance));
  EXPECT_NEAR(observe(silicon_pair(3.0), trained_down_to(2.2), 3.5).least_distance, 3.0, 1e-12);
}

TEST(Observe, AtomsAtOnePlaceHaveDistanceZero)
{
  EXPECT_EQ(observe(silicon_pair(0.0), trained_down_to(2.2), 0.0).least_distance, 0.0);
}

TEST(Observe, DensityOfSilicon)
{
  // 2 x 28.085 amu in 1000 Angstrom^3; 1 amu/Angstrom^3 = 1.66054 g/cm^3
  EXPECT_NEAR(observe(silicon_pair(3.0), trained_down_to(2.2), 0.0).density,
              2 * 28.085 * 1.66054 / 1000, 1e-6);
}

TEST(Observe, NamesTheAtomWhosePositionIsNoNumber)
{
  Frame frame = silicon_pair(3.0);
  frame.positions[4] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(observe(frame, trained_down_to(2.2), 0.0).not_finite, "position of atom 2");
}

TEST(Observe, TakesTheLargestOfWhatWasPredicted)
{
  FramePrediction prediction;
  prediction.sigma = {0.1, 0.3};
  prediction.forces = {3, 0, 4, 0, 1, 0};
  prediction.member_energies = {1.0, 3.0};    // sample deviation sqrt(2)
  Observation seen;
  observe(prediction, {1.5, 0.5}, {}, seen);

  EXPECT_EQ(seen.sigma.value, 0.3);
  EXPECT_EQ(seen.sigma.atom, 2);
  EXPECT_EQ(seen.force.value, 5.0);
  EXPECT_EQ(seen.novelty.atom, 1);
  EXPECT_NEAR(seen.energy_spread, std::sqrt(2.0) / 2, 1e-12);

  observe(prediction, {1.5, 0.5}, {false, true}, seen);    // forces are those of all atoms
  EXPECT_EQ(seen.novelty.value, 0.5);
  EXPECT_EQ(seen.novelty.atom, 2);
  observe(prediction, {1.5, 0.5}, {true, false}, seen);
  EXPECT_EQ(seen.sigma.value, 0.1);
  EXPECT_EQ(seen.force.value, 5.0);
}
