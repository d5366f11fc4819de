// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <random>

#include "train/calibration.h"

namespace almlip::train {
namespace {

/// Atoms whose force errors are normal vectors with sigma_i = factor s_i^exponent, E |error|^2 =
/// sigma^2; spreads from 0.005 to 0.2. Each is of a frame of its own.
std::vector<AtomError> synthetic_atoms(int count, int element, double factor, double exponent,
                                       int seed)
{
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> log_spread(std::log(0.005), std::log(0.2));
  std::vector<AtomError> atoms;
  for (int i = 0; i < count; ++i) {
    AtomError atom{element, 0.0, std::exp(log_spread(random)), i};
    const double width = factor * std::pow(atom.spread, exponent) / std::sqrt(3.0);
    atom.error = std::hypot(width * normal(random), width * normal(random), width * normal(random));
    atoms.push_back(atom);
  }
  return atoms;
}

void append(std::vector<AtomError> &to, const std::vector<AtomError> &from)
{
  to.insert(to.end(), from.begin(), from.end());
}

TEST(Calibration, FindsThePowerLawOfEveryElement)
{
  std::vector<AtomError> atoms = synthetic_atoms(20000, 0, 0.9, 0.6, 1);
  append(atoms, synthetic_atoms(20000, 1, 3.0, 0.95, 2));
  const Calibration calibration = calibrate(atoms, 2);

  // standard errors: of the exponent 1/sqrt(6 n) over the deviation 1.06 of log s: 0.003; of the
  // factor that times the mean of log s, 3.45: 1 %
  EXPECT_NEAR(calibration.exponent[0], 0.6, 0.01);
  EXPECT_NEAR(calibration.exponent[1], 0.95, 0.01);
  EXPECT_NEAR(calibration.factor[0], 0.9, 0.03);
  EXPECT_NEAR(calibration.factor[1], 3.0, 0.1);
  EXPECT_EQ(calibration.num_atoms, 40000);
}

TEST(Calibration, SigmaIsMonotoneAndNeverBelowTheSpread)
{
  const Calibration calibration{{0.5}, {0.4}, 1.5, 100};
  EXPECT_EQ(calibrated_sigma(calibration, 0, 0.0), 0.0);
  EXPECT_DOUBLE_EQ(calibrated_sigma(calibration, 0, 0.1), 0.5 * std::pow(0.1, 0.4));
  EXPECT_EQ(calibrated_sigma(calibration, 0, 3.0), 3.0);    // 0.5 x 3^0.4 is less
  for (double spread = 1e-8; spread < 10; spread *= 1.1)
    EXPECT_GT(calibrated_sigma(calibration, 0, 1.1 * spread),
              calibrated_sigma(calibration, 0, spread));
}

TEST(Calibration, QuantileCoversNinetyPercentOfNewAtoms)
{
  const Calibration calibration = calibrate(synthetic_atoms(20000, 0, 0.9, 0.6, 1), 1);
  int covered = 0;
  for (const AtomError &atom : synthetic_atoms(20000, 0, 0.9, 0.6, 7))
    covered += atom.error < calibration.quantile90 * calibrated_sigma(calibration, 0, atom.spread);

  EXPECT_NEAR(covered / 20000.0, 0.9, 0.01);    // 3 standard errors of either sample
  EXPECT_NEAR(calibration.quantile90, std::sqrt(6.2514 / 3),
              0.03);    // 90 % quantile of chi-squared with 3 degrees of freedom
}

TEST(Calibration, QuantileAllowsForAFiniteSample)
{
  const auto quantile = [](int num_frames, int atoms_of_frame, auto error) {
    std::vector<AtomError> atoms;
    for (int f = 0; f < num_frames; ++f)
      for (int i = 0; i < atoms_of_frame; ++i) atoms.push_back({0, error(f, i), 0.1, f});
    const Calibration calibration = calibrate(atoms, 1);
    return calibration.quantile90 * calibrated_sigma(calibration, 0, 0.1);
  };
  const auto of_frame = [](int f, int) { return 1.0 + f; };
  const auto of_atom = [](int, int i) { return 1.0 + i; };

  EXPECT_NEAR(quantile(99, 1, of_frame), 93.0, 1e-12);    // ceil(99 (0.9 + sqrt(0.09 / 99)))
  EXPECT_NEAR(quantile(1, 99, of_atom), 99.0, 1e-12);     // others may be of any kind
  // the 10 atoms of a frame count as one: the 109th of 110, beyond the 100th, which is the last one
  // of the 10th frame
  EXPECT_NEAR(quantile(11, 10, of_frame), 11.0, 1e-12);
  // frames that are all the same: their atoms count as 110
  EXPECT_NEAR(quantile(11, 10, of_atom), 10.0, 1e-12);
}

TEST(Calibration, QuantileHoldsForFramesWithErrorsOfTheirOwn)
{
  // 15 frames of 50 atoms, whose errors share a factor per frame, as hot and cold frames do: the
  // mean coverage of atoms of a further frame over many repetitions
  std::mt19937_64 random(5);
  std::lognormal_distribution<double> heat(0.0, 2.0);
  std::exponential_distribution<double> error(1.0);
  const auto frame = [&](int f, std::vector<AtomError> &atoms) {
    const double scale = heat(random);
    for (int i = 0; i < 50; ++i) atoms.push_back({0, scale * error(random), 0.1, f});
  };
  double covered = 0.0;
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<AtomError> atoms, further;
    for (int f = 0; f < 15; ++f) frame(f, atoms);
    frame(0, further);
    const Calibration calibration = calibrate(atoms, 1);
    const double bound = calibration.quantile90 * calibrated_sigma(calibration, 0, 0.1);
    for (const AtomError &atom : further) covered += atom.error <= bound;
  }
  covered /= 400 * 50;

  EXPECT_GE(covered, 0.9);    // 0.88 if the atoms counted as independent
  EXPECT_LE(covered, 0.96);
}

TEST(Calibration, ForcesThatVanishBySymmetryDoNotCount)
{
  const std::vector<AtomError> some = synthetic_atoms(100, 0, 0.9, 0.6, 3);
  std::vector<AtomError> more = some;
  for (int i = 0; i < 50; ++i) more.push_back({0, i < 25 ? 1e-3 : 0.0, i < 40 ? 1e-9 : 0.0});

  EXPECT_EQ(calibrate(more, 1).factor, calibrate(some, 1).factor);
  EXPECT_EQ(calibrate(more, 1).quantile90, calibrate(some, 1).quantile90);
}

TEST(Calibration, RareElementsTakeThePooledParameters)
{
  std::vector<AtomError> atoms = synthetic_atoms(5000, 0, 0.9, 0.6, 1);
  append(atoms, synthetic_atoms(5, 1, 9.0, 0.6, 2));
  const Calibration calibration = calibrate(atoms, 3);

  EXPECT_NEAR(calibration.factor[1], 0.9, 0.2);
  EXPECT_EQ(calibration.factor[1], calibration.factor[2]);    // element 2 has no atom at all
  EXPECT_EQ(calibration.exponent[1], calibration.exponent[2]);
}

TEST(Calibration, IsLeftOutWithoutSpreadOrAtoms)
{
  EXPECT_EQ(calibrate({}, 1).num_atoms, 0);
  const Calibration calibration = calibrate({{0, 0.1, 0.0}, {0, 0.2, 0.0}}, 1);
  EXPECT_EQ(calibration.num_atoms, 0);
  EXPECT_EQ(calibration.factor, std::vector<double>{1.0});
  EXPECT_EQ(calibration.exponent, std::vector<double>{1.0});
}

TEST(Novelty, ThresholdIsTheQuantileOfTheTrainingEnvironments)
{
  constexpr int dimension = 3, count = 2000;
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> x;
  for (int i = 0; i < count; ++i) {
    const double a = normal(random), b = normal(random);
    x.insert(x.end(), {a, a + 0.1 * b, 2.0});    // strongly correlated, and one that never changes
  }
  const Novelty novelty = fit_novelty(x, dimension);
  const Eigen::Map<const Eigen::Matrix<double, dimension, dimension, Eigen::RowMajor>> whitening(
      novelty.whitening.data());
  const Eigen::Map<const Eigen::Vector3d> center(novelty.center.data());
  int beyond = 0;
  for (int i = 0; i < count; ++i)
    beyond +=
        (whitening *
         (Eigen::Map<const Eigen::Vector3d>(&x[static_cast<std::size_t>(dimension * i)]) - center))
            .norm() > novelty.threshold;

  EXPECT_EQ(beyond, count - 1991);    // rank ceil(0.995 x 2001) = 1991
  EXPECT_EQ(whitening(0, 1), 0.0);
  EXPECT_GT((whitening * Eigen::Vector3d(0, 0, 1)).norm(),
            100 * novelty.threshold);    // leaving what never changed is novel
}

TEST(Calibration, IsCorrectedByErrorsOnNewFrames)
{
  // errors three times as large as sigma: 1000 atoms of before count as 200, new are 100
  const std::vector<AtomError> atoms = synthetic_atoms(100, 0, 3.0, 1.0, 1);
  const Calibration after = corrected({{1.0}, {1.0}, 1.5, 1000}, atoms);

  // standard error of the mean square of 100 vectors: sqrt(2/300) = 8 %, half of it of the factor
  EXPECT_NEAR(after.factor[0], std::sqrt((200.0 + 9.0 * 100.0) / 300.0), 0.2);
  EXPECT_EQ(after.exponent[0], 1.0);
  EXPECT_EQ(after.quantile90, 1.5);
}

TEST(Calibration, CoversTheErrorsOfLearnedAtoms)
{
  // of 2000 normal vectors with variance sigma^2 / 3 a tenth is longer than 1.444 sigma
  // (chi-squared with 3 degrees of freedom: 6.251)
  const double quantile = std::sqrt(6.251 / 3.0);
  const Calibration before{{1.0, 1.0}, {1.0, 1.0}, quantile, 1000};
  std::vector<AtomError> atoms = synthetic_atoms(2000, 0, 2.0, 1.0, 1);    // twice sigma
  const std::vector<AtomError> others = synthetic_atoms(2000, 1, 0.5, 1.0, 2);
  atoms.insert(atoms.end(), others.begin(), others.end());
  const Calibration after = covering(before, atoms);

  EXPECT_NEAR(after.factor[0], 2.0, 0.1);
  EXPECT_EQ(after.factor[1], 1.0);
  EXPECT_EQ(after.quantile90, quantile);
  EXPECT_EQ(covering(before, {}).factor[0], 1.0);
}

TEST(Calibration, WithoutNewFramesStaysAsItWas)
{
  EXPECT_EQ(corrected({{0.7}, {0.5}, 1.5, 1000}, {}).factor[0], 0.7);
}

}    // namespace
}    // namespace almlip::train
