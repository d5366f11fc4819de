// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/calculator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "almlip/error.h"
#include "random_potential.h"

namespace almlip {
namespace {

using test::random_frame;
using test::random_potential;
using test::shape_settings;

constexpr double rounding = 1e-11;    // eV, eV/Angstrom: sums of some 100 terms of order 1
constexpr double skin = 0.5;          // Angstrom

Potential silicon() { return random_potential(shape_settings("fast", {"Si"}), 1); }

/// The frame with every atom moved by at most `length` along each axis.
Frame moved(Frame frame, double length, unsigned seed)
{
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(-length, length);
  for (double &x : frame.positions) x += uniform(random);
  return frame;
}

/// The frame with positions and cell vectors multiplied by 1 + strain.
Frame strained(Frame frame, const std::array<double, 9> &strain)
{
  auto deform = [&](double *x) {
    const std::array<double, 3> before{x[0], x[1], x[2]};
    for (int d = 0; d < 3; ++d)
      for (int e = 0; e < 3; ++e) x[d] += before[e] * strain[3 * e + d];
  };
  for (int i = 0; i < frame.num_atoms(); ++i) deform(&frame.positions[3 * i]);
  for (int k = 0; k < 3; ++k) deform(&frame.cell[3 * k]);
  return frame;
}

void expect_same(const FramePrediction &a, const FramePrediction &b)
{
  EXPECT_NEAR(a.energy, b.energy, rounding);
  EXPECT_THAT(a.forces, testing::Pointwise(testing::DoubleNear(rounding), b.forces));
  EXPECT_THAT(a.virial, testing::Pointwise(testing::DoubleNear(rounding), b.virial));
  EXPECT_THAT(a.sigma, testing::Pointwise(testing::DoubleNear(rounding), b.sigma));
}

TEST(Calculator, ATrajectoryHasTheResultsOfItsFramesAloneWithAFewSearches)
{
  const Potential potential = silicon();
  Calculator calculator(potential, Precision::full, skin);
  Committee committee(potential);
  Frame frame = random_frame(std::vector<int>(30, 14), 9.0, 1);
  for (unsigned step = 0; step < 20; ++step) {
    frame = moved(frame, 0.02, step);
    expect_same(calculator.predict(frame), predict(committee, potential, frame));
  }
  EXPECT_LT(calculator.num_searches(), 8);    // of 20; a random walk of 20 steps: 0.09 Angstrom
}

TEST(Calculator, KeptListsFollowADeformationOfTheCell)
{
  const Potential potential = silicon();
  Calculator calculator(potential, Precision::full, skin);
  Committee committee(potential);
  const Frame start = random_frame(std::vector<int>(30, 14), 9.0, 1);
  for (int step = 0; step < 20; ++step) {
    const double e = 0.001 * step;
    const Frame frame = strained(start, {e, e, 0, 0, -e, 0.5 * e, e, 0, 2 * e});
    expect_same(calculator.predict(frame), predict(committee, potential, frame));
  }
  EXPECT_LT(calculator.num_searches(), 8);
}

TEST(Calculator, NeighborsThatComeWithinReachAreSeen)
{
  const Potential potential = silicon();
  const double cutoff = potential.settings.cutoff;
  Calculator calculator(potential, Precision::full, skin);
  Committee committee(potential);
  Frame pair = random_frame({14, 14}, 30.0, 1);
  pair.pbc = {false, false, false};
  for (double r = cutoff + 1.5; r > cutoff - 1.0; r -= 0.05) {
    pair.positions = {0, 0, 0, r, 0, 0};
    expect_same(calculator.predict(pair), predict(committee, potential, pair));
  }
}

TEST(Calculator, FramesThatDifferAreEachSearchedOnce)
{
  Calculator calculator(silicon(), Precision::full, skin);
  for (unsigned seed = 0; seed < 5; ++seed)
    calculator.predict(random_frame(std::vector<int>(8 + seed, 14), 9.0, seed));
  EXPECT_EQ(calculator.num_searches(), 5);
}

TEST(Calculator, AnAtomThatWasWrappedIntoTheCellIsTheSameAtom)
{
  const Potential potential = silicon();
  Calculator calculator(potential, Precision::full, skin);
  const Frame frame = random_frame(std::vector<int>(12, 14), 8.0, 3);
  Frame wrapped = frame;
  for (int d = 0; d < 3; ++d) wrapped.positions[d] -= 2 * frame.cell[d] - frame.cell[6 + d];
  expect_same(calculator.predict(frame), calculator.predict(wrapped));
}

TEST(Calculator, AtomEnergiesAddUpToTheEnergy)
{
  Calculator calculator(silicon());
  const FramePrediction p = calculator.predict(random_frame(std::vector<int>(12, 14), 8.0, 3));
  double sum = 0.0;
  for (const double e : p.atom_energies) sum += e;
  ASSERT_EQ(p.atom_energies.size(), 12u);
  EXPECT_NEAR(sum, p.energy, rounding);
}

TEST(Calculator, ForcesWithoutMembersAreThoseWithThem)
{
  Calculator calculator(silicon());
  const Frame frame = random_frame(std::vector<int>(12, 14), 8.0, 3);
  const FramePrediction all = calculator.predict(frame),
                        bare = calculator.predict(frame, {false, false});
  EXPECT_THAT(bare.forces, testing::Pointwise(testing::DoubleNear(rounding), all.forces));
  EXPECT_TRUE(bare.sigma.empty() && bare.descriptors.empty());
}

TEST(Calculator, AFailedSearchLeavesNothingBehind)
{
  Calculator calculator(silicon());
  const Frame frame = random_frame(std::vector<int>(12, 14), 8.0, 3);
  Frame broken = frame;
  broken.positions[0] = std::nan("");
  const double energy = calculator.predict(frame).energy;
  EXPECT_THROW(calculator.predict(broken), Error);
  EXPECT_EQ(calculator.predict(frame).energy, energy);
}

}    // namespace
}    // namespace almlip
