// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "almlip/error_statistics.h"
#include "train/error_report.h"

namespace almlip::train {
namespace {

TEST(NormalQuantile, AgreesWithTables)
{
  EXPECT_NEAR(normal_quantile(0.5), 0.0, 1e-12);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963985, 1e-9);    // any table of the normal distribution
  EXPECT_NEAR(normal_quantile(0.75), 0.674489750, 1e-9);
}

TEST(RankCorrelation, IsOneForAnyMonotoneRelationAndMinusOneForItsReverse)
{
  EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 3, 4}, {1, 8, 27, 64}), 1.0);
  EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 3, 4}, {4, 3, 2, -1}), -1.0);
}

TEST(RankCorrelation, TiesShareTheirMeanRank)
{
  // ranks (1, 2.5, 2.5, 4) and (1, 3, 2, 4), mean 2.5: products 2.25 + 0 + 0 + 2.25 = 4.5;
  // squares 4.5 and 5
  EXPECT_DOUBLE_EQ(*rank_correlation({1, 2, 2, 3}, {10, 30, 20, 40}), 4.5 / std::sqrt(4.5 * 5.0));
}

TEST(RankCorrelation, NeedsTwoDifferentValuesOnBothSides)
{
  EXPECT_FALSE(rank_correlation({}, {}));
  EXPECT_FALSE(rank_correlation({1}, {1}));
  EXPECT_FALSE(rank_correlation({1, 2}, {3, 3}));
}

/// Atoms with sigma 1 whose errors are quantiles of the normal distribution with the variance 1/3.
ForceErrors ideal_errors(int num_atoms, double scale)
{
  ForceErrors errors;
  errors.sigma.assign(num_atoms, 1.0);
  const int n = 3 * num_atoms;
  for (int c = 0; c < n; ++c)
    errors.components.push_back(scale * normal_quantile((c + 0.5) / n) / std::sqrt(3.0));
  return errors;
}

TEST(ExpectedCalibrationError, VanishesForNormalErrorsOfTheRightWidth)
{
  EXPECT_NEAR(expected_calibration_error(ideal_errors(2000, 1.0)), 0.0,
              1.0 / 6000);    // the resolution of 6000 components
}

TEST(ExpectedCalibrationError, OfErrorsTooLargeOrTooSmallForAnyIntervalIsOneHalf)
{
  // nothing or everything is inside, the mean of p and of 1 - p over the levels is 1/2
  EXPECT_NEAR(expected_calibration_error(ideal_errors(2000, 1e6)), 0.5, 1e-3);
  EXPECT_NEAR(expected_calibration_error(ideal_errors(2000, 1e-6)), 0.5, 1e-3);
}

TEST(Coverage, CountsVectorsWithinTheFactorTimesSigma)
{
  // errors 5, 1, 0 for sigmas 2, 2, 1: 5 <= 2.5 x 2, 1 <= 5, 0 <= 2.5; with the factor 2 the first
  // is outside
  const ForceErrors errors{{2, 2, 1}, {3, 0, 4, 0, 1, 0, 0, 0, 0}};
  EXPECT_DOUBLE_EQ(coverage(errors, 2.5), 1.0);
  EXPECT_DOUBLE_EQ(coverage(errors, 2.0), 2.0 / 3.0);
}

TEST(WorstFound, CountsTheWorstTwentiethInTheTopTenth)
{
  // of 40 atoms the worst 2 are 38 and 39, the 4 most uncertain are 39 and 0 to 2
  ForceErrors errors;
  for (int i = 0; i < 40; ++i) {
    errors.sigma.push_back(i == 39 ? 100.0 : 40.0 - i);
    errors.components.insert(errors.components.end(), {double(i), 0, 0});
  }
  EXPECT_DOUBLE_EQ(worst_found(errors), 0.5);
}

/// Two atoms in a cell of 10 Angstrom^3.
Frame reference(const std::string &config_type)
{
  Frame frame;
  frame.cell = {10, 0, 0, 0, 1, 0, 0, 0, 1};
  frame.atomic_numbers = {14, 14};
  frame.energy = -4.0;
  frame.forces = {0, 0, 0, 0, 0, 0};
  frame.virial = Tensor6{};
  frame.config_type = config_type;
  return frame;
}

FramePrediction prediction(double energy, double force, double virial)
{
  FramePrediction p;
  p.energy = energy;
  p.forces = {force, 0, 0, 0, 0, 0};
  p.virial = {virial, 0, 0, 0, 0, 0};
  p.sigma = {0.2, 0.1};
  p.spread = {0.1, 0.05};
  return p;
}

TEST(ErrorReport, HoldsErrorsPerGroupInItsUnits)
{
  ErrorReport report{Potential{}};    // bounds of one sigma
  report.add(reference("bulk"), prediction(-3.0, 0.6, 1.0));
  report.add(reference("slab"), prediction(-6.0, 0.0, 0.0));
  const auto groups = report.groups();
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].first, "all");
  const ErrorGroup &all = groups[0].second, &bulk = groups[1].second, &slab = groups[2].second;
  EXPECT_EQ(all.frames, 2);
  EXPECT_EQ(all.atoms, 4);
  EXPECT_DOUBLE_EQ(*bulk.energy_mae, 0.5);    // 1 eV / 2 atoms
  EXPECT_DOUBLE_EQ(*all.energy_mae, 0.75);    // (0.5 + 1) / 2
  EXPECT_DOUBLE_EQ(*all.energy_rmse, std::sqrt((0.25 + 1.0) / 2));
  EXPECT_DOUBLE_EQ(*bulk.force_mae, 0.1);    // 0.6 / 6 components
  EXPECT_DOUBLE_EQ(*bulk.force_rmse, 0.6 / std::sqrt(6.0));
  EXPECT_NEAR(*bulk.stress_mae, 160.2176634 * 0.1 / 6,
              1e-12);    // 1 eV / 10 Angstrom^3, one of six components
  EXPECT_NEAR(*bulk.stress_rmse, 160.2176634 * 0.1 / std::sqrt(6.0), 1e-12);
  EXPECT_DOUBLE_EQ(*bulk.spearman, 1.0);      // sigma (0.2, 0.1), error (0.6, 0)
  EXPECT_DOUBLE_EQ(*bulk.coverage90, 0.5);    // 0.6 > 0.2, 0 < 0.1
  EXPECT_FALSE(slab.spearman);                // both errors are 0
}

TEST(ErrorReport, EnergiesWithoutAFiniteSigmaDoNotCountInTheirCoverage)
{
  Potential potential;
  potential.energy_calibration.quantile90 = 2.0;
  ErrorReport report(potential);
  for (const double sigma : {0.3, 0.2, std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
    FramePrediction p = prediction(-3.0, 0.6, 1.0);    // off by 0.5 eV/atom
    p.energy_sigma = sigma;
    report.add(reference("bulk"), p);
  }
  EXPECT_DOUBLE_EQ(*report.all().energy_coverage90, 0.5);    // 0.5 < 0.6, 0.5 > 0.4
  EXPECT_DOUBLE_EQ(*report.all().energy_sigma, std::sqrt((0.09 + 0.04) / 2));
}

TEST(ErrorReport, JsonHasTheAgreedNamesAndNullForWhatIsAbsent)
{
  ErrorReport report{Potential{}};    // bounds of one sigma
  Frame frame = reference("bulk");
  frame.virial.reset();
  frame.forces.clear();
  report.add(frame, prediction(-3.0, 0.6, 1.0));
  const auto json = nlohmann::json::parse(report.json());
  const auto &group = json.at("groups").at("bulk");
  EXPECT_EQ(group.size(), 14u);
  EXPECT_EQ(group.at("frames"), 1);
  EXPECT_EQ(group.at("atoms"), 2);
  EXPECT_EQ(group.at("energy_mae"), 0.5);
  EXPECT_EQ(group.at("energy_rmse"), 0.5);
  for (const char *key :
       {"energy_sigma", "energy_coverage90", "force_mae", "force_rmse", "stress_mae", "stress_rmse",
        "spearman", "ece", "coverage90", "worst5_in_top10"})
    EXPECT_TRUE(group.at(key).is_null()) << key;
  EXPECT_EQ(json.at("groups").at("all"), group);
}

TEST(ErrorReport, ForcesThatVanishBySymmetryDoNotCountInTheCalibration)
{
  ErrorReport report{Potential{}};    // bounds of one sigma
  FramePrediction p = prediction(-4.0, 0.3, 0.0);
  p.sigma = {0.6,
             1e-5};    // of the second atom the spread is rounding, the error one of the labels
  p.spread = {0.2, 1e-9};
  p.forces[3] = 1e-3;
  report.add(reference("bulk"), p);
  EXPECT_DOUBLE_EQ(*report.all().coverage90, 1.0);
  EXPECT_DOUBLE_EQ(*report.all().spearman, 1.0);
}

TEST(ErrorReport, WithoutSpreadThereIsNoUncertainty)
{
  ErrorReport report{Potential{}};    // bounds of one sigma
  FramePrediction p = prediction(-3.0, 0.6, 1.0);
  p.sigma = {0.0, 0.0};
  report.add(reference("bulk"), p);
  EXPECT_TRUE(report.all().force_mae);
  EXPECT_FALSE(report.all().ece);
  EXPECT_FALSE(report.all().coverage90);
}

TEST(ErrorReport, TableShowsEnergiesInMilliElectronvoltAndTheTotalLast)
{
  ErrorReport report{Potential{}};    // bounds of one sigma
  report.add(reference("bulk"), prediction(-3.0, 0.6, 1.0));
  const std::string table = report.table();
  EXPECT_NE(table.find("bulk"), std::string::npos);
  EXPECT_NE(table.find("500.00"), std::string::npos);    // 0.5 eV/atom
  EXPECT_GT(table.find("\nall"), table.find("\nbulk"));
}

TEST(ErrorReport, ColumnsOfTheTableStayApartHoweverLargeTheErrors)
{
  ErrorReport report{Potential{}};
  report.add(reference(""), prediction(2e9 - 4.0, 6e12, 1e9));
  std::istringstream table(report.table());
  std::vector<std::string> words;
  for (std::string word; table >> word;) words.push_back(word);
  // frames, atoms, energy MAE and RMSE, sigma, cover90, force MAE (of six components, one errs)
  const auto all = std::find(words.begin(), words.end(), "all");
  ASSERT_EQ(words.end() - all, 15);
  EXPECT_EQ(all[3], "1.0e+12");    // meV/atom
  EXPECT_EQ(all[7], "1.0e+12");    // eV/Angstrom
}

}    // namespace
}    // namespace almlip::train
