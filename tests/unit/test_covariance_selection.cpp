// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "almlip/query/covariance_selection.h"
#include "message_of.h"

namespace almlip {
namespace {

using test::message_of;

/// Points of two features from a formula, without a pattern that makes ties.
Rows some_points(int count)
{
  Rows rows{2, {}};
  for (int i = 0; i < count; ++i) {
    rows.values.push_back(std::sin(1.7 * i) + 0.3 * (i % 4));
    rows.values.push_back(std::cos(0.9 * i * i) + 0.2 * (i % 3));
  }
  return rows;
}

double mean_diagonal(const Covariance &covariance)
{
  double sum = 0.0;
  for (int i = 0; i < covariance.num_points; ++i) sum += covariance.row(i)[i];
  return sum / covariance.num_points;
}

/// Mean posterior standard deviation (or variance) over the references after labels at `labelled`,
/// by direct inversion.
double posterior_mean(const Covariance &covariance, const std::vector<int> &labelled,
                      const CovarianceTask &task, AlcCriterion criterion)
{
  const int n = static_cast<int>(labelled.size());
  Eigen::MatrixXd between(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      between(i, j) = double(covariance.row(labelled[i])[labelled[j]]) +
                      (i == j ? task.noise * mean_diagonal(covariance) : 0.0);
  const Eigen::MatrixXd inverse = between.inverse();
  double sum = 0.0;
  for (int r : task.references) {
    Eigen::VectorXd to(n);
    for (int i = 0; i < n; ++i) to[i] = covariance.row(r)[labelled[i]];
    const double variance = std::max(covariance.row(r)[r] - to.dot(inverse * to), 0.0);
    sum += criterion == AlcCriterion::deviation ? std::sqrt(variance) : variance;
  }
  return sum / double(task.references.size());
}

std::vector<int> alc_by_trial(const Covariance &covariance, const CovarianceTask &task,
                              AlcCriterion criterion)
{
  std::vector<int> labelled = task.known, chosen;
  for (int k = 0; k < task.batch; ++k) {
    int best = -1;
    double least = 1e300;
    for (int candidate : task.candidates) {
      if (std::count(chosen.begin(), chosen.end(), candidate) > 0) continue;
      std::vector<int> trial = labelled;
      trial.push_back(candidate);
      const double value = posterior_mean(covariance, trial, task, criterion);
      if (value < least) {
        least = value;
        best = candidate;
      }
    }
    chosen.push_back(best);
    labelled.push_back(best);
  }
  return chosen;
}

CovarianceTask some_task()
{
  CovarianceTask task;
  task.known = {0, 5, 9};
  task.batch = 5;
  task.noise = 0.05;
  for (int i = 0; i < 20; ++i) {
    if (i < 16 && std::count(task.known.begin(), task.known.end(), i) == 0)
      task.candidates.push_back(i);
    task.references.push_back(i);
  }
  return task;
}

TEST(CovarianceSelection, AlcEqualsTrialOfEveryCandidate)
{
  const Covariance covariance = gaussian_covariance(some_points(20));
  for (AlcCriterion criterion : {AlcCriterion::deviation, AlcCriterion::variance})
    EXPECT_EQ(select_alc(covariance, some_task(), criterion),
              alc_by_trial(covariance, some_task(), criterion));
}

TEST(CovarianceSelection, AlcWithReferencesOutsideThePoolEqualsTrial)
{
  const Covariance covariance = gaussian_covariance(some_points(20));
  CovarianceTask task = some_task();
  task.references = {16, 17, 18, 19};
  EXPECT_EQ(select_alc(covariance, task), alc_by_trial(covariance, task, AlcCriterion::deviation));
}

TEST(CovarianceSelection, AlcWithoutLabelsEqualsTrial)
{
  const Covariance covariance = gaussian_covariance(some_points(20));
  CovarianceTask task = some_task();
  task.known.clear();
  EXPECT_EQ(select_alc(covariance, task), alc_by_trial(covariance, task, AlcCriterion::deviation));
}

TEST(CovarianceSelection, AlcChoosesFewerThanABatchIfThereAreNoMore)
{
  CovarianceTask task = some_task();
  task.batch = 100;
  const std::vector<int> chosen = select_alc(gaussian_covariance(some_points(20)), task);
  EXPECT_EQ(std::set<int>(chosen.begin(), chosen.end()),
            std::set<int>(task.candidates.begin(), task.candidates.end()));
}

/// Features whose scalar products are a covariance: polynomial ones of some points.
FeaturePoints some_features(int count)
{
  const Rows rows = some_points(count);
  FeaturePoints features{6, {}};
  for (int i = 0; i < count; ++i) {
    const float x = static_cast<float>(rows[i][0]), y = static_cast<float>(rows[i][1]);
    features.values.insert(features.values.end(), {1.0F, x, y, x * x, x * y, y * y});
  }
  return features;
}

Covariance covariance_of(const FeaturePoints &features)
{
  const int n = features.num_points(), width = features.num_features;
  Covariance covariance{n, {}};
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      float sum = 0.0F;
      for (int f = 0; f < width; ++f)
        sum += features.values[i * width + f] * features.values[j * width + f];
      covariance.values.push_back(sum);
    }
  return covariance;
}

TEST(CovarianceSelection, AlcOnFeaturesEqualsAlcOnTheirCovariance)
{
  const FeaturePoints features = some_features(20);
  for (AlcCriterion criterion : {AlcCriterion::deviation, AlcCriterion::variance})
    EXPECT_EQ(select_alc(features, some_task(), criterion, {}),
              select_alc(covariance_of(features), some_task(), criterion));
}

TEST(CovarianceSelection, AlcOnPartOfALargePoolIsNearlyAsGood)
{
  const FeaturePoints features = some_features(400);
  const Covariance covariance = covariance_of(features);
  CovarianceTask task{{}, {0, 5, 9}, {}, 8, 0.05};
  for (int i = 0; i < 400; ++i) task.references.push_back(i);
  for (int i = 10; i < 400; ++i) task.candidates.push_back(i);
  const auto left = [&](std::vector<int> chosen) {
    chosen.insert(chosen.end(), task.known.begin(), task.known.end());
    return posterior_mean(covariance, chosen, task, AlcCriterion::deviation);
  };
  const double exact = left(select_alc(covariance, task)), nothing = left({});
  const double approximate =
      left(select_alc(features, task, AlcCriterion::deviation, {100, 100, 1}));
  EXPECT_LT(approximate - exact, 0.1 * (nothing - exact));    // a tenth of what the labels gain
}

/// Largest cluster, maximal distance from its definition, all distances computed anew for every
/// choice.
std::vector<int> lcmd_by_definition(const Covariance &covariance, const CovarianceTask &task)
{
  std::vector<int> centers = task.known, chosen;
  const auto distance = [&](int a, int b) {
    return covariance.row(a)[a] + covariance.row(b)[b] - 2.0F * covariance.row(a)[b];
  };
  for (int k = 0; k < task.batch; ++k) {
    std::vector<double> size(covariance.num_points, -1.0);
    std::vector<int> center(covariance.num_points, -1);
    for (int i : task.candidates) {
      if (std::count(chosen.begin(), chosen.end(), i) > 0) continue;
      center[i] = *std::min_element(centers.begin(), centers.end(),
                                    [&](int a, int b) { return distance(i, a) < distance(i, b); });
      size[center[i]] = std::max(size[center[i]], 0.0) + distance(i, center[i]);
    }
    const int largest = static_cast<int>(std::max_element(size.begin(), size.end()) - size.begin());
    int best = -1;
    for (int i = 0; i < covariance.num_points; ++i)
      if (center[i] == largest && (best < 0 || distance(i, largest) > distance(best, largest)))
        best = i;
    chosen.push_back(best);
    centers.push_back(best);
  }
  return chosen;
}

TEST(CovarianceSelection, LcmdEqualsItsDefinition)
{
  const Covariance covariance = gaussian_covariance(some_points(20));
  EXPECT_EQ(select_lcmd(covariance, some_task()), lcmd_by_definition(covariance, some_task()));
}

TEST(CovarianceSelection, LcmdOnFeaturesEqualsThatOnTheirScalarProducts)
{
  const Rows rows = some_points(20);
  FeaturePoints points{rows.num_features, {rows.values.begin(), rows.values.end()}};
  Covariance covariance{20, {}};
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 20; ++j)
      covariance.values.push_back(static_cast<float>(
          std::inner_product(rows[i], rows[i] + rows.num_features, rows[j], 0.0)));

  EXPECT_EQ(select_lcmd(points, some_task()), select_lcmd(covariance, some_task()));
}

TEST(CovarianceSelection, LcmdWithoutLabelsBeginsWithTheLargestVariance)
{
  const Covariance covariance{3, {1, 0, 0, 0, 4, 0, 0, 0, 2}};
  EXPECT_EQ(select_lcmd(covariance, {{0, 1, 2}, {}, {}, 2, 0.02})[0], 1);
}

TEST(CovarianceSelection, GaussianCovarianceTakesItsLengthFromTheMedian)
{
  const Covariance covariance =
      gaussian_covariance({1, {0.0, 1.0, 3.0}});    // squared distances 1, 4, 9: median 4
  EXPECT_NEAR(covariance.row(0)[1], std::exp(-1.0 / 8.0), 1e-6);    // float
  EXPECT_NEAR(covariance.row(0)[2], std::exp(-9.0 / 8.0), 1e-6);
  EXPECT_EQ(covariance.row(1)[1], 1.0F);
}

TEST(CovarianceSelection, ErrorsSayWhatIsAllowed)
{
  const Covariance covariance = gaussian_covariance(some_points(20));
  CovarianceTask none = some_task(), outside = some_task(), silent = some_task();
  none.references.clear();
  outside.candidates.push_back(20);
  silent.noise = 0.0;
  EXPECT_EQ(message_of([&] { select_alc(covariance, none); }),
            "selection: alc has no reference points; give those at which the error counts");
  EXPECT_EQ(message_of([&] { select_alc(covariance, outside); }),
            "selection: there is no point 20, the covariance has 20");
  EXPECT_EQ(message_of([&] { select_alc(covariance, silent); }),
            "selection: noise is 0, but it must be positive");
  EXPECT_EQ(message_of([] { parse_alc_criterion("mean"); }),
            "criterion is 'mean', but it must be deviation or variance");
}

}    // namespace
}    // namespace almlip
