// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/energy_zero.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "almlip/calculator.h"
#include "random_potential.h"

namespace almlip::train {
namespace {

using ::testing::HasSubstr;

/// Oxides of 5 to 8 atoms with the energies of the potential, and as much more per atom as given.
std::vector<Frame> frames_of(const Potential &potential, int count, double of_silicon,
                             double of_oxygen)
{
  Calculator calculator(potential);
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> place(0.0, 9.0);    // Angstrom
  std::vector<Frame> frames;
  for (int n = 0; n < count; ++n) {
    Frame frame;
    frame.cell = {9, 0, 0, 0, 9, 0, 0, 0, 9};
    const int num_atoms = 5 + n % 4;
    double above = 0.0;
    for (int i = 0; i < num_atoms; ++i) {
      const bool oxygen = i > n % 3;
      frame.atomic_numbers.push_back(oxygen ? 8 : 14);
      for (int k = 0; k < 3; ++k) frame.positions.push_back(place(random));
      above += oxygen ? of_oxygen : of_silicon;
    }
    frame.energy = calculator.predict(frame).energy + above;
    frames.push_back(frame);
  }
  return frames;
}

Potential oxide() { return test::random_potential(test::shape_settings("fast", {"Si", "O"}), 3); }

TEST(EnergyZero, FollowsLabelsOfAnotherOne)
{
  const Potential before = oxide();
  std::vector<Frame> frames = frames_of(before, 24, 101.7, -20.3);    // eV per atom
  *frames[5].energy += 40.0 * frames[5].num_atoms();                  // one wrong label
  Potential potential = before;

  EXPECT_THAT(match_energy_zero(potential, frames), HasSubstr("Si +101.7000 eV, O -20.3000 eV"));
  Calculator calculator(potential);
  frames.erase(frames.begin() + 5);
  for (const Frame &frame : frames)
    EXPECT_NEAR(calculator.predict(frame).energy, *frame.energy, 1e-8);
}

/// Shifts of the elements are not unique then: none may be beyond all measure.
TEST(EnergyZero, IsTheNearestOneOfAFixedComposition)
{
  const Potential before = oxide();
  std::vector<Frame> all;    // of two silicon and three oxygen
  for (const Frame &frame : frames_of(before, 400, 3.0, -5.0))
    if (std::count(frame.atomic_numbers.begin(), frame.atomic_numbers.end(), 14) == 2 &&
        frame.num_atoms() == 5)
      all.push_back(frame);
  ASSERT_GT(all.size(), 30u);
  for (std::size_t count = 4; count <= all.size(); ++count) {
    Potential potential = before;
    ASSERT_FALSE(match_energy_zero(potential, {all.begin(), all.begin() + count}).empty());
    for (std::size_t e = 0; e < 2; ++e)
      EXPECT_LT(std::abs(potential.committees[e].reference_energy -
                         before.committees[e].reference_energy),
                10.0);
  }
}

TEST(EnergyZero, StaysWhereItIs)
{
  const Potential before = oxide();
  const auto is_left = [&](const std::vector<Frame> &frames) {
    Potential potential = before;
    const std::string text = match_energy_zero(potential, frames);
    return text.empty() &&
           potential.committees[0].reference_energy == before.committees[0].reference_energy;
  };
  EXPECT_TRUE(is_left({}));
  EXPECT_TRUE(is_left(frames_of(before, 24, 0.04, 0.04)));    // an error of the potential
  EXPECT_TRUE(is_left(frames_of(before, 3, 5.0, 5.0)));       // too few to tell

  std::vector<Frame> both = frames_of(before, 24, 0.0, 0.0);    // what it has learned, and others
  const std::vector<Frame> others = frames_of(before, 16, 2.0, 2.0);
  both.insert(both.end(), others.begin(), others.end());
  EXPECT_TRUE(is_left(both));
}

}    // namespace
}    // namespace almlip::train
