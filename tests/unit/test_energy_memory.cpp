// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "almlip/energy_sigma.h"
#include "random_potential.h"
#include "train/energy_memory.h"

namespace almlip::train {
namespace {

constexpr int num_descriptors = 8;

/// Frames of one element with energies that are linear in the descriptors, with noise. A kind is a
/// random place in the space of the descriptors; its frames are within 0.1 of it.
class LinearWorld {
 public:
  LinearWorld(unsigned seed, double weight, double noise)
      : random_(seed),
        noise_(noise),
        weights_(test::normal_numbers(num_descriptors + 1, weight, random_))
  {
  }

  std::vector<EnergySample> kind(const std::string &name, int num_frames)
  {
    const std::vector<double> place = test::normal_numbers(num_descriptors, 1.0, random_);
    std::vector<EnergySample> samples;
    for (int n = 0; n < num_frames; ++n) {
      EnergySample sample;
      sample.kind = name;
      sample.features = test::normal_numbers(num_descriptors, 0.1, random_);
      for (int q = 0; q < num_descriptors; ++q) sample.features[q] += place[q];
      sample.features.push_back(1.0);
      for (int q = 0; q <= num_descriptors; ++q) sample.energy += weights_[q] * sample.features[q];
      sample.energy += test::normal_numbers(1, noise_, random_)[0];
      samples.push_back(sample);
    }
    return samples;
  }

 private:
  std::mt19937_64 random_;
  double noise_;
  std::vector<double> weights_;
};

void append(std::vector<EnergySample> &to, const std::vector<EnergySample> &from)
{
  to.insert(to.end(), from.begin(), from.end());
}

/// A linear model of energies that has learned the frames: ridge regression by its normal
/// equations, solved by Gauss and Jordan; independent of the code to be tested.
std::vector<double> ridge(const std::vector<EnergySample> &learned)
{
  const int p = num_descriptors + 1;
  std::vector<std::vector<double>> a(p, std::vector<double>(p + 1, 0.0));
  for (const EnergySample &s : learned)
    for (int r = 0; r < p; ++r) {
      for (int c = 0; c < p; ++c) a[r][c] += s.features[r] * s.features[c];
      a[r][p] += s.features[r] * s.energy;
    }
  for (int r = 0; r < p; ++r) a[r][r] += energy_prior;
  for (int r = 0; r < p; ++r) {
    const double pivot = a[r][r];    // positive: the matrix is
    for (double &v : a[r]) v /= pivot;
    for (int other = 0; other < p; ++other) {
      const double factor = a[other][r];
      for (int c = 0; c <= p && other != r; ++c) a[other][c] -= factor * a[r][c];
    }
  }
  std::vector<double> weights;
  for (int r = 0; r < p; ++r) weights.push_back(a[r][p]);
  return weights;
}

double error_of(const EnergySample &sample, const std::vector<double> &weights)
{
  double error = -sample.energy;
  for (std::size_t q = 0; q < weights.size(); ++q) error += weights[q] * sample.features[q];
  return error;
}

std::vector<EnergyError> errors_of(const std::vector<EnergySample> &judged,
                                   const std::vector<EnergySample> &learned)
{
  const auto whitening = energy_whitening(learned, {}, 1);
  const std::vector<double> weights = ridge(learned);
  std::vector<EnergyError> errors;
  for (const EnergySample &s : judged)
    errors.push_back({error_of(s, weights), energy_distance2(s.features, whitening)});
  return errors;
}

TEST(EnergyCalibration, NineOfTenEnergiesOfAnUnknownKindAreWithinTheBound)
{
  constexpr int num_worlds = 300;
  constexpr double noise = 0.001;
  int inside = 0;
  for (unsigned world = 0; world < num_worlds; ++world) {
    // the prior of the law: weights as large as it says
    LinearWorld frames(world, noise / std::sqrt(energy_prior), noise);
    std::vector<EnergySample> learned, judged;
    for (int k = 0; k < 4; ++k) {
      std::vector<EnergySample> kind = frames.kind("kind" + std::to_string(k), 14);
      judged.insert(judged.end(), kind.begin(), kind.begin() + 4);
      learned.insert(learned.end(), kind.begin() + 4, kind.end());
    }
    const EnergyCalibration c = calibrate_energies(learned, errors_of(judged, learned), nullptr, 1);
    EXPECT_EQ(c.num_frames, 16);
    const EnergyError unknown = errors_of(frames.kind("unknown", 1), learned)[0];
    const double sigma = c.factor * std::sqrt(1.0 + unknown.distance2);
    inside += std::abs(unknown.error) < c.quantile90 * sigma;
  }
  // binomial: 0.9 with a deviation of 0.017; above by what the factor of kinds is bounded by 1
  const double share = double(inside) / num_worlds;
  EXPECT_GT(share, 0.9 - 3 * 0.017);
  EXPECT_LT(share, 0.97);
}

TEST(EnergyCalibration, KindsThatDifferMoreThanTheirFramesTellRaiseSigma)
{
  // weights 30 times as large as the prior of the law for this noise
  LinearWorld frames(1, 30 * 0.001 / std::sqrt(energy_prior), 0.001);
  std::vector<EnergySample> learned;
  for (int k = 0; k < 5; ++k) append(learned, frames.kind("kind" + std::to_string(k), 20));
  EXPECT_GT(kind_factor(learned, 1), 3.0);
  EXPECT_LE(kind_factor(learned, 1), 10.0);
}

// With names, leaving out one of two that mean the same would be nothing new: sigma of the energies
// of InP without its vacancies was a tenth of their error.
TEST(EnergyCalibration, KindsThatMeanTheSameDoNotHideWhatIsNew)
{
  LinearWorld frames(1, 30 * 0.001 / std::sqrt(energy_prior), 0.001);
  std::vector<EnergySample> learned;
  for (int k = 0; k < 3; ++k) append(learned, frames.kind("kind" + std::to_string(k), 20));
  const double factor = kind_factor(learned, 1);
  for (std::size_t n = 0; n < learned.size(); n += 2) learned[n].kind += " again";
  EXPECT_EQ(kind_factor(learned, 1), factor);
  EXPECT_GT(factor, 3.0);
}

// With more descriptors than frames another matrix is factored.
TEST(EnergyCalibration, DescriptorsThatVanishChangeNothing)
{
  LinearWorld frames(1, 10 * 0.001 / std::sqrt(energy_prior), 0.001);
  std::vector<EnergySample> learned;
  for (int k = 0; k < 5; ++k) append(learned, frames.kind("kind" + std::to_string(k), 20));
  const double factor = kind_factor(learned, 1);
  for (EnergySample &sample : learned) sample.features.insert(sample.features.begin(), 150, 0.0);
  EXPECT_NEAR(kind_factor(learned, 1), factor, 1e-8 * factor);    // rounding
  EXPECT_GT(factor, 1.0);
  EXPECT_LT(factor, 10.0);
}

TEST(EnergyCalibration, FramesOfOneKindHaveTheUsualFactorAtLeast)
{
  LinearWorld frames(2, 0.001, 0.001);    // energies that hardly depend on the place
  std::vector<EnergySample> learned = frames.kind("", 40);
  EXPECT_EQ(kind_factor(learned, 1), usual_kind_factor);
  EXPECT_EQ(kind_factor({learned.front()}, 1), usual_kind_factor);
  for (std::size_t n = 0; n < 20; ++n) learned[n].composition = "another";
  EXPECT_LT(kind_factor(learned, 1), usual_kind_factor);
}

TEST(EnergyCalibration, WhiteningIsThatOfTheOtherFrames)
{
  LinearWorld frames(3, 0.1, 0.001);
  std::vector<EnergySample> few = frames.kind("a", 6), all = few;
  append(all, frames.kind("b", 3));
  const auto of_few = energy_whitening(few, {}, 1), without = energy_whitening(all, {6, 7, 8}, 1);
  for (std::size_t n = 0; n < of_few[0].size(); ++n)
    EXPECT_NEAR(without[0][n], of_few[0][n],
                1e-5 * (1.0 + std::abs(of_few[0][n])));    // six digits
  // a frame that was learned is nearer than one that was not
  EXPECT_LT(energy_distance2(all[7].features, energy_whitening(all, {}, 1)), 1.0);
  EXPECT_GT(energy_distance2(all[7].features, of_few), 1.0);
}

TEST(EnergyCalibration, OfARefitForgetsTheStart)
{
  LinearWorld frames(4, 0.1, 0.001);
  std::vector<EnergySample> learned = frames.kind("", 10);
  EnergyCalibration before;
  before.factor = 0.01;
  before.num_frames = 100;
  const std::vector<EnergyError> errors(5, EnergyError{0.002, 0.0});
  const EnergyCalibration after = calibrate_energies(learned, errors, &before, 1);
  // ten of before and five new ones of 0.002 times the factor of one kind
  const double added = usual_kind_factor * 0.002 / 0.6744898;    // quartile of the normal law
  EXPECT_NEAR(after.factor, std::sqrt((10 * 1e-4 + 5 * added * added) / 15), 1e-8);
  EXPECT_EQ(after.num_frames, 15);
  EXPECT_GT(after.quantile90, 1.9432);    // of Student's t with 6 and 5 degrees of freedom: tables
  EXPECT_LT(after.quantile90, 2.0150);    // 0.37 x 15 = 5.55
}

TEST(EnergyCalibration, AFewJudgedFramesOfARareKindDoNotMoveIt)
{
  LinearWorld frames(6, 0.1, 0.001);
  const std::vector<EnergySample> learned = frames.kind("", 10);
  std::vector<EnergyError> errors(20, EnergyError{0.002, 0.0});
  const double factor = calibrate_energies(learned, errors, nullptr, 1).factor;
  for (int n = 0; n < 4; ++n) errors[n].error = 0.05;
  EXPECT_EQ(calibrate_energies(learned, errors, nullptr, 1).factor, factor);
}

TEST(EnergyCalibration, NeedsErrors)
{
  LinearWorld frames(5, 0.1, 0.001);
  const std::vector<EnergySample> learned = frames.kind("", 10);
  EXPECT_EQ(calibrate_energies(learned, {}, nullptr, 1).num_frames, 0);
  EXPECT_TRUE(calibrate_energies(learned, {}, nullptr, 1).whitening.empty());
}

/// One descriptor, and the shares of two elements.
EnergySample mixture(double first)
{
  EnergySample sample;
  sample.features = {0.1, first, -0.2, 1.0 - first};
  sample.energy = 0.3;
  return sample;
}

TEST(EnergyMemory, OneCompositionLeavesTheOthersOpen)
{
  const EnergyError error{0.01, 1.0};
  const auto untold = [&](const std::vector<EnergySample> &learned) {
    return calibrate_energies(learned, {error, error}, nullptr, 2).untold;
  };
  const auto open = untold({mixture(0.25), mixture(0.25), mixture(0.25)});
  ASSERT_EQ(open.size(), 1u);    // (3, -1) / sqrt(10) or its negative
  EXPECT_NEAR(std::abs(open[0][0]), 3.0 / std::sqrt(10.0), 1e-12);
  EXPECT_NEAR(open[0][0] + 3.0 * open[0][1], 0.0, 1e-12);
  EXPECT_TRUE(untold({mixture(0.25), mixture(0.25), mixture(0.26)}).empty());
}

}    // namespace
}    // namespace almlip::train
