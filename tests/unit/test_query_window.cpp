// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/window.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "almlip/error.h"

using namespace almlip;

namespace {

double largest_length(int num_atoms, std::mt19937_64 &engine)
{
  std::normal_distribution<double> normal;
  double largest = 0.0;
  for (int i = 0; i < num_atoms; ++i)
    largest = std::max(largest, std::hypot(normal(engine), normal(engine), normal(engine)));
  return largest;
}

double median_of_largest(int num_atoms)
{
  std::mt19937_64 engine(1);
  std::vector<double> values;
  for (int n = 0; n < 401; ++n) values.push_back(largest_length(num_atoms, engine));
  std::nth_element(values.begin(), values.begin() + 200, values.end());
  return values[200];
}

}    // namespace

TEST(GrowthOfLargest, IsThatOfNormalVectors)
{
  for (const int num_atoms : {8, 512, 4096})
    EXPECT_NEAR(growth_of_largest(num_atoms, 64),
                median_of_largest(num_atoms) / median_of_largest(64),
                0.08);    // the formula is asymptotic; 401 draws give 0.01
}

TEST(AutomaticWindow, ATenthOfTheHeldOutFramesIsBelowLo)
{
  WindowBasis basis;
  basis.held_out = {{0.1, 64}, {0.3, 64}, {0.2, 64}};
  for (int k = 0; k < 7; ++k) basis.held_out.push_back({0.25, 64});
  basis.rms_force = 0.1;
  const Window window = automatic_window(basis, 64);

  EXPECT_EQ(window.lo, 0.2);
  EXPECT_NEAR(window.hi, 3 * 0.3, 1e-15);
}

TEST(TypicalLargestSigma, IsTheMedianOfTheHeldOutFrames)
{
  WindowBasis basis;
  basis.held_out = {{0.1, 64}, {0.3, 64}, {0.2 * growth_of_largest(512, 64), 512}};
  EXPECT_NEAR(typical_largest_sigma(basis, 64), 0.2, 1e-15);

  basis.held_out.clear();
  basis.force_error = 0.05;
  EXPECT_NEAR(typical_largest_sigma(basis, 64), 0.25, 1e-15);
}

TEST(AutomaticWindow, MoreAtomsWidenIt)
{
  WindowBasis basis;
  basis.held_out = {{0.2, 64}, {0.2 * growth_of_largest(512, 64), 512}};    // alike atoms
  const Window window = automatic_window(basis, 512);

  EXPECT_NEAR(window.lo, 0.2 * growth_of_largest(512, 64), 1e-12);
}

TEST(AutomaticWindow, HiIsAtLeastTwiceTheRmsForce)
{
  WindowBasis basis;
  basis.held_out = {{0.001, 64}, {0.002, 64}};
  basis.rms_force = 1.2;

  EXPECT_EQ(automatic_window(basis, 64).hi, 2.4);
}

TEST(AutomaticWindow, FollowsTheForceErrorIfThereIsNothingBetter)
{
  WindowBasis basis;
  basis.force_error = 0.05;
  EXPECT_EQ(automatic_window(basis, 64).lo, 0.05);
  EXPECT_NEAR(automatic_window(basis, 64).hi, 1.5, 1e-15);

  basis.force_error = 0.001;    // of a few rattled crystals
  EXPECT_EQ(automatic_window(basis, 64).hi, 1.0);
  EXPECT_THROW(automatic_window({}, 64), Error);
}

TEST(AdaptiveThreshold, TheShareOfTheLooksIsAboveIt)
{
  std::mt19937_64 engine(3);
  std::lognormal_distribution<double> sigma(-2.0, 0.5);
  AdaptiveThreshold threshold(1.0, 0.2);    // begins far too high
  int above = 0;
  for (int n = 0; n < 3000; ++n) {
    const double value = sigma(engine);
    above += n >= 1000 && value >= threshold.lo();
    threshold.follow(value);
  }

  EXPECT_NEAR(above / 2000.0, 0.2, 0.03);    // a binomial deviation is 0.009
}
