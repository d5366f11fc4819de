// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "almlip/calculator.h"
#include "almlip/energy_sigma.h"
#include "random_potential.h"

namespace almlip {
namespace {

/// With a calibration of energies whose matrices are random.
Potential judged_potential(const std::vector<std::string> &elements)
{
  Potential p = test::random_potential(test::shape_settings("fast", elements), 3);
  std::mt19937_64 random(7);
  const std::size_t row = p.settings.num_descriptors() + 1, num_elements = elements.size();
  for (std::size_t e = 0; e < num_elements; ++e) {
    std::vector<double> whitening = test::normal_numbers(row * row, 1.0, random);
    for (std::size_t q = 0; q < row; ++q)
      std::fill_n(whitening.begin() + static_cast<std::ptrdiff_t>(q * row + q + 1), row - q - 1,
                  0.0);
    p.energy_calibration.whitening.push_back(whitening);
  }
  p.energy_calibration.factor = 0.002;
  p.energy_calibration.num_frames = 10;
  p.energy_calibration.together.assign(num_elements * num_elements, 1);
  return p;
}

TEST(EnergySigma, IsTheVarianceOfALinearModel)
{
  Potential p = test::random_potential(test::shape_settings("radial", {"Si"}), 3);
  ASSERT_EQ(p.settings.num_descriptors(), 1);
  p.energy_calibration = {0.1, {{2.0, 0.0, 1.0, 3.0}}, {1}, 1.6, 10, {}};
  // two atoms with the mean descriptor 0.5: (2 x 0.5, 0.5 + 3) = (1, 3.5)
  EXPECT_NEAR(energy_sigma(p, {1.0, 2.0}), 0.1 * std::sqrt(1.0 + 1.0 + 12.25), 1e-15);
}

TEST(EnergySigma, OfASupercellIsThatOfTheCell)
{
  const Potential p = judged_potential({"Si", "C"});
  Frame cell = test::random_frame({14, 14, 6, 14}, 5.0, 2), twice = cell;
  for (int d = 0; d < 3; ++d) twice.cell[d] *= 2.0;
  for (int i = 0; i < 4; ++i) {
    twice.atomic_numbers.push_back(cell.atomic_numbers[i]);
    for (int d = 0; d < 3; ++d) twice.positions.push_back(cell.positions[3 * i + d] + cell.cell[d]);
  }
  Committee committee(p);
  const double sigma = predict(committee, p, cell).energy_sigma;
  EXPECT_GT(sigma, 0.002);
  EXPECT_NEAR(predict(committee, p, twice).energy_sigma, sigma, 1e-10 * sigma);    // rounding
}

TEST(EnergySigma, DoesNotDependOnTheOrderOfAtomsNorOnThePlaceOfTheCell)
{
  const Potential p = judged_potential({"Si", "C"});
  const Frame frame = test::random_frame({14, 6, 14, 6, 14}, 5.5, 4);
  Frame other = frame;
  std::swap(other.atomic_numbers[0], other.atomic_numbers[1]);
  std::swap_ranges(other.positions.begin(), other.positions.begin() + 3,
                   other.positions.begin() + 3);
  for (double &x : other.positions) x += 0.7;
  Committee committee(p);
  const double sigma = predict(committee, p, frame).energy_sigma;
  EXPECT_NEAR(predict(committee, p, other).energy_sigma, sigma, 1e-10 * sigma);    // rounding
}

TEST(EnergySigma, HasNoJumpWhereAnAtomLeavesTheCutoff)
{
  const Potential p = judged_potential({"Si"});
  Committee committee(p);
  Frame frame;
  frame.pbc = {false, false, false};
  frame.atomic_numbers = {14, 14};
  const auto sigma = [&](double distance) {
    frame.positions = {0, 0, 0, distance, 0, 0};
    return predict(committee, p, frame).energy_sigma;
  };
  const double h = 1e-6;
  EXPECT_NEAR(sigma(p.settings.cutoff - h), sigma(p.settings.cutoff + h),
              1e-9 * sigma(p.settings.cutoff + h));    // (h / cutoff)^3
}

TEST(EnergySigma, FeaturesOfPartsAddUp)
{
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};    // three atoms, two descriptors
  const std::vector<double> all = energy_features({0, -1, 1}, x.data(), 2, 2);
  EXPECT_EQ(all, (std::vector<double>{1, 2, 1, 5, 6, 1}));
  std::vector<double> sum = energy_features({0, -1}, x.data(), 2, 2);
  const std::vector<double> rest = energy_features({1}, &x[4], 2, 2);
  for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += rest[n];
  EXPECT_EQ(sum, all);
}

TEST(EnergySigma, IsInfiniteForElementsThatWereNeverTogether)
{
  Potential p = judged_potential({"Si", "C"});
  p.energy_calibration.together = {1, 0, 0, 1};
  Committee committee(p);
  EXPECT_TRUE(std::isinf(predict(committee, p, test::random_frame({14, 6}, 5.0, 2)).energy_sigma));
  EXPECT_TRUE(
      std::isfinite(predict(committee, p, test::random_frame({14, 14}, 5.0, 2)).energy_sigma));
}

TEST(EnergySigma, IsInfiniteForCompositionsThatTheTrainingEnergiesLeaveOpen)
{
  Potential p = judged_potential({"Si", "C"});
  p.energy_calibration.untold = {{std::sqrt(0.5), -std::sqrt(0.5)}};    // all frames were SiC
  Committee committee(p);
  const auto sigma = [&](const std::vector<int> &numbers) {
    return predict(committee, p, test::random_frame(numbers, 5.0, 2)).energy_sigma;
  };
  EXPECT_TRUE(std::isfinite(sigma({14, 6})));
  EXPECT_TRUE(std::isfinite(sigma({14, 6, 6, 14})));
  EXPECT_TRUE(std::isinf(sigma({14, 6, 6})));
  EXPECT_TRUE(std::isinf(sigma({14, 14})));
}

TEST(EnergySigma, IsNotANumberWithoutACalibration)
{
  Potential p = judged_potential({"Si"});
  p.energy_calibration = {};
  Committee committee(p);
  EXPECT_TRUE(std::isnan(predict(committee, p, test::random_frame({14, 14}, 5.0, 2)).energy_sigma));
}

}    // namespace
}    // namespace almlip
