// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "pool/pool_statistics.h"

namespace almlip::pool {
namespace {

TEST(PoolStatistics, StudentTailsAreThoseOfScipy)
{
  // 2 scipy.stats.t.sf(|t|, df), SciPy 1.17.1
  EXPECT_NEAR(student_two_sided(0.5, 1), 0.7048327646991335, 1e-12);
  EXPECT_NEAR(student_two_sided(2.0, 4), 0.11611652351681556, 1e-12);
  EXPECT_NEAR(student_two_sided(2.093, 19), 0.05000237894282798, 1e-12);
  EXPECT_NEAR(student_two_sided(5.0, 19), 7.949974998417639e-05, 1e-15);
  EXPECT_NEAR(student_two_sided(-1.3, 7.5), 0.23212677881560878, 1e-12);
  EXPECT_NEAR(student_two_sided(30.0, 3), 8.135280427163958e-05, 1e-15);
}

TEST(PoolStatistics, PairedTestIsThatOfScipy)
{
  std::vector<double> differences;
  for (int i = 0; i < 12; ++i) differences.push_back(0.1 * std::sin(1.3 * i) + 0.02);
  const PairedTest test = paired_test(differences);
  EXPECT_NEAR(test.mean / test.standard_error, 1.4445432307088455,
              1e-12);    // scipy.stats.ttest_1samp, SciPy 1.17.1
  EXPECT_NEAR(test.p, 0.17646161084966291, 1e-12);
}

TEST(PoolStatistics, PairedTestOfFewOrEqualDifferences)
{
  EXPECT_EQ(paired_test({0.3}).p, 1.0);
  EXPECT_EQ(paired_test({0.0, 0.0, 0.0}).p, 1.0);
  EXPECT_EQ(paired_test({0.5, 0.5, 0.5}).p, 0.0);
}

const LearningCurve random_curve{{30, 60, 120}, {0.5, 0.4, 0.3}};

TEST(PoolStatistics, AreaIsTheMeanOverLabels)
{
  EXPECT_NEAR(random_curve.area(), (30 * 0.45 + 60 * 0.35) / 90, 1e-15);
}

TEST(PoolStatistics, SavingIsWhereTheCurveReachesTheBaselinesEnd)
{
  const LearningCurve good{{30, 60, 120}, {0.5, 0.2, 0.1}};    // 0.3 at 30 + 30 * 2/3 = 50 labels
  EXPECT_NEAR(label_saving(good, random_curve), 1.0 - 50.0 / 120.0, 1e-15);
}

TEST(PoolStatistics, SavingIsNegativeIfTheBaselineIsThereFirst)
{
  const LearningCurve bad{{30, 60, 120}, {0.5, 0.45, 0.35}};    // random has 0.35 at 90 labels
  EXPECT_NEAR(label_saving(bad, random_curve), 90.0 / 120.0 - 1.0, 1e-15);
}

TEST(PoolStatistics, IntervalOfEqualSeedsHasNoWidth)
{
  const std::vector<double> labels = {30, 60, 120};
  const PairedCurves curves{
      labels, labels, {{0.5, 0.2, 0.1}, {0.5, 0.2, 0.1}}, {{0.5, 0.4, 0.3}, {0.5, 0.4, 0.3}}};
  const Interval interval = saving_interval({curves}, 0.9, 100, 1);
  EXPECT_NEAR(interval.value, 70.0 / 120.0, 1e-12);
  EXPECT_NEAR(interval.low, interval.value, 1e-12);
  EXPECT_NEAR(interval.high, interval.value, 1e-12);
}

TEST(PoolStatistics, IntervalHoldsTheShareOfBootstrapMeans)
{
  // straight lines 0.5 to 0 over 100 labels; the baseline ends at 0.1, the strategy's slope varies
  // over seeds
  PairedCurves curves{{0, 100}, {0, 100}, {}, {}};
  for (int s = 0; s < 40; ++s) {
    curves.baseline.push_back({0.5, 0.1});
    curves.strategy.push_back(
        {0.5, -0.3 + 0.2 * std::sin(1.7 * s)});    // mean reaches 0.1 at half the labels
  }
  const Interval wide = saving_interval({curves}, 0.9, 4000, 1),
                 narrow = saving_interval({curves}, 0.5, 4000, 1);
  EXPECT_NEAR(wide.value, 0.5, 0.01);
  // deviation of the mean's end 0.2 / sqrt(2) / sqrt(40) = 0.0224; saving 1 - 0.4 / (0.5 - end),
  // slope 0.4 / 0.8^2 = 0.625
  EXPECT_NEAR(wide.high - wide.low, 2 * 1.645 * 0.0224 * 0.625, 0.006);
  EXPECT_NEAR(narrow.high - narrow.low, 2 * 0.674 * 0.0224 * 0.625, 0.004);
}

TEST(PoolStatistics, MeanAndStandardErrorOfCurves)
{
  const std::vector<std::vector<double>> curves = {{1.0, 2.0}, {3.0, 2.0}};
  EXPECT_EQ(mean_curve(curves), (std::vector<double>{2.0, 2.0}));
  EXPECT_NEAR(standard_error_curve(curves)[0], 1.0, 1e-15);    // deviation sqrt(2), over sqrt(2)
  EXPECT_EQ(standard_error_curve(curves)[1], 0.0);
}

}    // namespace
}    // namespace almlip::pool
