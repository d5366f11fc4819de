// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "almlip/error.h"
#include "almlip/random.h"
#include "almlip/rows.h"
#include "message_of.h"

using namespace almlip;

namespace {

std::vector<double> random_numbers(int count, std::uint64_t seed)
{
  Random random(seed);
  std::vector<double> numbers(count);
  for (double &number : numbers) number = 2.0 * random.uniform() - 1.0;
  return numbers;
}

Candidates random_candidates(int count, int num_features, std::uint64_t seed, int num_known = 0)
{
  return {num_features, random_numbers(count * num_features, seed), random_numbers(count, seed + 1),
          random_numbers(num_known * num_features, seed + 2)};
}

std::vector<int> indices(const std::vector<Choice> &choices)
{
  std::vector<int> result;
  for (const Choice &choice : choices) result.push_back(choice.index);
  return result;
}

constexpr Strategy all_strategies[] = {Strategy::random, Strategy::uncertainty, Strategy::diversity,
                                       Strategy::hybrid, Strategy::alc,         Strategy::lcmd,
                                       Strategy::badge,  Strategy::power};

SelectionSettings with(Strategy strategy, int batch, int clusters = 15, double alpha = 0.6)
{
  SelectionSettings settings;
  settings.strategy = strategy;
  settings.batch = batch;
  settings.clusters = clusters;
  settings.alpha = alpha;
  return settings;
}

double inertia_of(const Rows &points, const std::vector<int> &label, int k)
{
  double inertia = 0.0;
  for (int c = 0; c < k; ++c) {
    std::vector<double> center(points.num_features, 0.0);
    const auto size = std::count(label.begin(), label.end(), c);
    for (int i = 0; i < points.count(); ++i)
      for (int f = 0; f < points.num_features; ++f)
        if (label[i] == c) center[f] += points[i][f] / size;
    for (int i = 0; i < points.count(); ++i)
      if (label[i] == c) inertia += squared_distance(points[i], center.data(), points.num_features);
  }
  return inertia;
}

/// Least inertia over all k^n ways to label n points.
double best_inertia(const Rows &points, int k)
{
  std::vector<int> label(points.count(), 0);
  double best = std::numeric_limits<double>::infinity();
  for (;;) {
    best = std::min(best, inertia_of(points, label, k));
    int i = 0;
    while (i < points.count() && ++label[i] == k) label[i++] = 0;
    if (i == points.count()) return best;
  }
}

/// Distance to the nearest of the known and chosen rows after standardisation on the candidates,
/// straight from the definition.
double distance_by_definition(const Candidates &candidates, int i, const std::vector<int> &chosen)
{
  const Rows rows{candidates.num_features, candidates.features},
      known{candidates.num_features, candidates.known};
  std::vector<double> deviation(rows.num_features);
  for (int f = 0; f < rows.num_features; ++f) {
    double sum = 0.0, squares = 0.0;
    for (int j = 0; j < rows.count(); ++j) {
      sum += rows[j][f];
      squares += rows[j][f] * rows[j][f];
    }
    deviation[f] = std::sqrt(squares / rows.count() - std::pow(sum / rows.count(), 2));
  }
  const auto distance = [&](const double *other) {
    double sum = 0.0;
    for (int f = 0; f < rows.num_features; ++f)
      sum += std::pow((rows[i][f] - other[f]) / deviation[f], 2);
    return std::sqrt(sum);
  };
  double least = std::numeric_limits<double>::infinity();
  for (int j = 0; j < known.count(); ++j) least = std::min(least, distance(known[j]));
  for (int j : chosen) least = std::min(least, distance(rows[j]));
  return least;
}

std::string message_of(const Candidates &candidates, const SelectionSettings &settings)
{
  return test::message_of([&] { select(candidates, settings); });
}

}    // namespace

TEST(Random, DrawsAreThoseOfTheReferenceEngine)
{
  Random random(5489);
  double last = 0.0;
  for (int i = 0; i < 10000; ++i) last = random.uniform();

  EXPECT_EQ(last, (9981545732273789042ULL >> 11) *
                      0x1.0p-53);    // 10000th draw that the C++ standard [rand.predef] demands
}

TEST(Random, BelowIsUniform)
{
  Random random(1);
  std::vector<int> count(7, 0);
  for (int i = 0; i < 70000; ++i) ++count[random.below(7)];

  for (int c : count)
    EXPECT_NEAR(c, 10000,
                5 * std::sqrt(10000 * 6.0 / 7.0));    // 5 standard deviations of a binomial
}

TEST(KMeans, FindsTheOptimumOfTinySets)
{
  for (int k : {2, 3}) {
    for (int seed = 0; seed < 5; ++seed) {
      const Rows points{2, random_numbers(2 * 8, seed)};
      const Clustering clustering =
          kmeans(points.values, 2, k, seed, 30);    // 30 restarts: Lloyd alone ends in local minima

      EXPECT_NEAR(clustering.inertia, best_inertia(points, k), 1e-12)
          << "k " << k << ", seed " << seed;
      EXPECT_NEAR(clustering.inertia, inertia_of(points, clustering.label, k), 1e-12);
    }
  }
}

TEST(KMeans, SeparatesBlobs)
{
  std::vector<double> points = random_numbers(60 * 3, 3);    // within -1..1
  for (int i = 0; i < 60; ++i) points[3 * i + i % 3] += 100.0;

  const Clustering clustering = kmeans(points, 3, 3, 7);

  for (int i = 3; i < 60; ++i) EXPECT_EQ(clustering.label[i], clustering.label[i % 3]);
  EXPECT_EQ(std::set<int>(clustering.label.begin(), clustering.label.end()).size(), 3u);
}

TEST(KMeans, EndsWhereEachPointIsNearestToItsOwnCenterOfMass)
{
  const int k = 12, width = 6;
  const Rows points{width, random_numbers(500 * width, 5)};
  const Clustering clustering = kmeans(points.values, width, k, 3, 1);
  const Rows centers{width, clustering.centers};

  for (int i = 0; i < points.count(); ++i) {
    std::vector<double> distances;
    for (int c = 0; c < k; ++c) distances.push_back(squared_distance(points[i], centers[c], width));
    const auto nearest = std::min_element(distances.begin(), distances.end()) - distances.begin();
    EXPECT_EQ(clustering.label[i], nearest) << "point " << i;
  }
  EXPECT_NEAR(clustering.inertia, inertia_of(points, clustering.label, k), 1e-9);
}

TEST(KMeans, EveryPointIsItsOwnClusterWhenThereAreEnough)
{
  const std::vector<double> points = random_numbers(2 * 6, 4);

  EXPECT_EQ(kmeans(points, 2, 6, 1).inertia, 0.0);
  EXPECT_EQ(kmeans(points, 2, 9, 1).centers.size(),
            points.size());    // k is cut to the number of points
}

TEST(KMeans, EqualPointsShareACluster)
{
  const Clustering clustering = kmeans(std::vector<double>(10, 0.5), 2, 3, 1);

  EXPECT_EQ(clustering.label, std::vector<int>(5, 0));    // ties go to the lowest center
  EXPECT_EQ(clustering.inertia, 0.0);
}

TEST(KMeans, RejectsBadInput)
{
  const auto message = [](std::vector<double> points, int num_features, int k,
                          int restarts) -> std::string {
    try {
      kmeans(points, num_features, k, 1, restarts);
    } catch (const Error &error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message({1.0}, 0, 1, 1), "k-means: 0 features per point, but there must be at least 1");
  EXPECT_EQ(message({1.0}, 1, 0, 1), "k-means: 0 clusters, but there must be at least 1");
  EXPECT_EQ(message({1.0}, 1, 1, 0), "k-means: 0 restarts, but there must be at least 1");
  EXPECT_EQ(message({1.0, 2.0, 3.0}, 2, 1, 1),
            "k-means: 3 numbers, but there must be 2 for each point");
}

TEST(Selection, StrategyNamesRoundTrip)
{
  for (const char *name : {"random", "uncertainty", "diversity", "hybrid"})
    EXPECT_EQ(to_string(parse_strategy(name)), name);
  try {
    parse_strategy("foo");
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(
        error.what(),
        "strategy is 'foo', but it must be random, uncertainty, diversity, hybrid, alc, alc_atoms, "
        "lcmd, badge or power");
  }
}

TEST(Selection, UncertaintyTakesTheLargestFirst)
{
  const Candidates candidates{1, {0.0, 1.0, 2.0, 3.0}, {0.3, 0.9, 0.1, 0.5}, {}};

  EXPECT_EQ(indices(select(candidates, with(Strategy::uncertainty, 3))),
            (std::vector<int>{1, 3, 0}));
}

TEST(Selection, RandomDoesNotLookAtTheUncertainty)
{
  Candidates candidates = random_candidates(30, 2, 11);
  const std::vector<int> before = indices(select(candidates, with(Strategy::random, 6, 1)));

  std::reverse(candidates.uncertainty.begin(), candidates.uncertainty.end());

  EXPECT_EQ(indices(select(candidates, with(Strategy::random, 6, 1))), before);
}

TEST(Selection, DiversityWithOneClusterIsFarthestPoint)
{
  const Candidates candidates = random_candidates(30, 2, 11, 3);

  const std::vector<Choice> choices = select(candidates, with(Strategy::diversity, 6, 1));

  std::vector<int> chosen;
  for (const Choice &choice : choices) {
    double farthest = 0.0;
    for (int i = 0; i < 30; ++i)
      farthest = std::max(farthest, distance_by_definition(candidates, i, chosen));
    EXPECT_NEAR(distance_by_definition(candidates, choice.index, chosen), farthest, 1e-12);
    EXPECT_NEAR(choice.distance, farthest, 1e-12);
    chosen.push_back(choice.index);
  }
  EXPECT_EQ(choices.size(), 6u);
}

TEST(Selection, DiversityTakesOneOfEachBlob)
{
  Candidates candidates = random_candidates(40, 2, 5);
  for (int i = 0; i < 40; ++i) {    // corners of a square
    candidates.features[2 * i] += 50.0 * (i % 2);
    candidates.features[2 * i + 1] += 50.0 * (i / 2 % 2);
  }

  std::set<int> blobs;
  for (int i : indices(select(candidates, with(Strategy::diversity, 4, 4)))) blobs.insert(i % 4);

  EXPECT_EQ(blobs.size(), 4u);
}

TEST(Selection, LargestClusterComesFirst)
{
  const Candidates candidates{
      1, {0.0, 100.0, 100.2, 100.4, 50.0, 50.3}, {6.0, 1.0, 2.0, 3.0, 4.0, 5.0}, {}};

  EXPECT_EQ(indices(select(candidates, with(Strategy::hybrid, 3, 3, 1.0))),
            (std::vector<int>{3, 5, 0}));
}

TEST(Selection, FirstOfDiversityIsTheMiddleOfItsCluster)
{
  const Candidates candidates{1, {0.0, 1.0, 2.1, 9.0}, {1.0, 2.0, 3.0, 4.0}, {}};

  EXPECT_EQ(select(candidates, with(Strategy::diversity, 1, 2))[0].index,
            1);    // nothing known: nearest to the mean 1.03 of three
}

TEST(Selection, HybridWithAlphaOneOrdersByUncertaintyInEachCluster)
{
  const Candidates candidates = random_candidates(50, 3, 21, 4);

  const std::vector<Choice> choices = select(candidates, with(Strategy::hybrid, 50, 4, 1.0));

  ASSERT_EQ(choices.size(), 50u);
  std::vector<double> last(4, std::numeric_limits<double>::infinity());
  for (const Choice &choice : choices) {
    EXPECT_LE(candidates.uncertainty[choice.index], last[choice.cluster]);
    last[choice.cluster] = candidates.uncertainty[choice.index];
  }
}

TEST(Selection, HybridWithAlphaZeroIsDiversity)
{
  const Candidates candidates = random_candidates(50, 3, 22, 4);

  EXPECT_EQ(indices(select(candidates, with(Strategy::hybrid, 12, 5, 0.0))),
            indices(select(candidates, with(Strategy::diversity, 12, 5))));
}

TEST(Selection, HybridScoreIsTheWeightedSum)
{
  const Candidates candidates{1, {0.0, 4.0, 10.0}, {1.0, 3.0, 2.0}, {0.0}};
  // Known: 0, so that the first candidate is a duplicate; d / largest = 0.4, 1; u scaled = 1, 0.5.
  const std::vector<Choice> choices = select(candidates, with(Strategy::hybrid, 1, 1, 0.25));

  EXPECT_EQ(choices[0].index, 2);
  EXPECT_NEAR(choices[0].score, 0.25 * 0.5 + 0.75 * 1.0, 1e-14);
}

TEST(Selection, NeverChoosesTheSameOrAKnownConfiguration)
{
  for (Strategy strategy : all_strategies) {
    Candidates candidates = random_candidates(20, 2, 31);
    std::copy_n(candidates.features.begin(), 20,
                candidates.features.begin() + 20);    // 10 .. 19 repeat 0 .. 9
    candidates.known.assign(candidates.features.begin(), candidates.features.begin() + 6);
    for (double &feature : candidates.known)
      feature += 1e-3;    // less than SelectionSettings::duplicate

    std::set<int> configurations;
    for (int i : indices(select(candidates, with(strategy, 20, 3))))
      EXPECT_TRUE(configurations.insert(i % 10).second);

    EXPECT_EQ(configurations, (std::set<int>{3, 4, 5, 6, 7, 8, 9})) << to_string(strategy);
  }
}

TEST(Selection, DoesNotDependOnTheOrderOfCandidates)
{
  for (Strategy strategy : all_strategies) {
    const Candidates candidates = random_candidates(40, 3, 41, 2);
    Candidates reversed = candidates;
    for (int i = 0; i < 40; ++i) {
      std::copy_n(&candidates.features[3 * i], 3, &reversed.features[3 * (39 - i)]);
      reversed.uncertainty[39 - i] = candidates.uncertainty[i];
    }

    std::vector<int> chosen = indices(select(reversed, with(strategy, 10, 4)));
    for (int &i : chosen) i = 39 - i;

    EXPECT_EQ(chosen, indices(select(candidates, with(strategy, 10, 4)))) << to_string(strategy);
  }
}

TEST(Selection, TiesGoToTheLowerIndex)
{
  const Candidates candidates{1, {2.0, 2.0, 2.0}, {1.0, 1.0, 1.0}, {}};

  for (Strategy strategy : all_strategies) {
    if (strategy == Strategy::random) continue;
    EXPECT_EQ(indices(select(candidates, with(strategy, 3))), std::vector<int>{0})
        << to_string(strategy);
  }
}

TEST(Selection, AlcChoosesWhatTellsMostAboutTheReferences)
{
  // Two directions of features; candidates are spread along both, more along the first.
  Candidates candidates{2, {}, {}, {}};
  for (int i = -3; i <= 3; ++i) {
    if (i == 0) continue;
    candidates.features.insert(candidates.features.end(), {3.0 * i, 0.0, 0.0, 1.0 * i});
    candidates.uncertainty.insert(candidates.uncertainty.end(), {1.0, 1.0});
  }
  const auto second_direction = [&](int i) { return candidates.features[2 * i] == 0.0; };

  candidates.references = {0.0, 2.0, 0.0, -1.0, 0.0, 3.0};
  EXPECT_TRUE(second_direction(select(candidates, with(Strategy::alc, 1))[0].index));
  candidates.references = {6.0, 0.0, -3.0, 0.0, 9.0, 0.0};
  EXPECT_FALSE(second_direction(select(candidates, with(Strategy::alc, 1))[0].index));
}

TEST(Selection, AlcKnowsWhatIsLabelled)
{
  Candidates candidates{2, {9.0, 0.0, -9.0, 0.0, 0.0, 3.0, 0.0, -3.0}, {1.0, 1.0, 1.0, 1.0}, {}};
  candidates.known = {8.0, 0.0};    // tells about the first direction

  EXPECT_GE(select(candidates, with(Strategy::alc, 1))[0].index, 2);
}

TEST(Selection, BadgeWeighsWhereACandidateIsWithItsUncertainty)
{
  // Standardised, the features are -1.34, -0.45, 0.45, 1.34.
  const Candidates candidates{1, {0.0, 1.0, 2.0, 3.0}, {1.0, 4.0, 2.0, 1.1}, {}};

  EXPECT_EQ(select(candidates, with(Strategy::badge, 1))[0].index, 1);    // 0.45 x 4 is the most
}

TEST(Selection, PowerDrawsInProportionToTheSquaredUncertainty)
{
  const Candidates candidates{1, {0.0, 1.0, 2.0}, {1.0, 2.0, 0.0}, {}};
  SelectionSettings settings = with(Strategy::power, 1);
  int first = 0;
  constexpr int num_draws = 4000;
  for (settings.seed = 0; settings.seed < num_draws; ++settings.seed)
    first += select(candidates, settings)[0].index == 0 ? 1 : 0;
  EXPECT_NEAR(double(first) / num_draws, 1.0 / 5.0, 0.025);    // 1^2 : 2^2; four standard errors
}

TEST(Selection, RandomFollowsTheSeed)
{
  const Candidates candidates = random_candidates(100, 2, 51);
  SelectionSettings one = with(Strategy::random, 10), other = one;
  other.seed = one.seed + 1;

  EXPECT_EQ(indices(select(candidates, one)), indices(select(candidates, one)));
  EXPECT_NE(indices(select(candidates, one)), indices(select(candidates, other)));
}

TEST(Selection, NoCandidatesGiveNoChoices) { EXPECT_TRUE(select({3, {}, {}, {}}, {}).empty()); }

TEST(Selection, KnownAlreadyComparesRootMeanSquares)
{
  const Candidates candidates{
      4, {0.0, 0.0, 0.0, 0.02, 0.0, 0.0, 0.0, 0.022}, {1.0, 1.0}, {0.0, 0.0, 0.0, 0.0}};

  EXPECT_EQ(known_already(candidates, 0.0105),
            (std::vector<bool>{true, false}));    // rms 0.010 and 0.011
}

TEST(Selection, RejectsBadInput)
{
  const Candidates good{1, {1.0, 2.0}, {1.0, 2.0}, {}};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto with_batch = [](int batch, int clusters, double alpha) {
    return with(Strategy::hybrid, batch, clusters, alpha);
  };

  EXPECT_EQ(message_of({0, {}, {}, {}}, {}),
            "selection: 0 features per candidate, but there must be at least 1");
  EXPECT_EQ(message_of({2, {1.0}, {1.0}, {}}, {}),
            "selection: 1 features for 1 candidates, but there must be 2 for each");
  EXPECT_EQ(message_of({2, {}, {}, {1.0}}, {}),
            "selection: 1 features of known configurations, but there must be 2 for each");
  EXPECT_EQ(message_of(good, with_batch(0, 1, 0.5)),
            "selection: batch is 0, but it must be at least 1");
  EXPECT_EQ(message_of(good, with_batch(1, 0, 0.5)),
            "selection: clusters is 0, but it must be at least 1");
  EXPECT_EQ(message_of(good, with_batch(1, 1, 1.5)),
            "selection: alpha is 1.5, but it must be 0 to 1");
  SelectionSettings negative;
  negative.duplicate = -1.0;
  EXPECT_EQ(message_of(good, negative), "selection: duplicate is -1, but it must not be negative");
  EXPECT_EQ(message_of({1, {nan}, {1.0}, {}}, {}),
            "selection: a feature of a candidate is not a finite number");
  EXPECT_EQ(message_of({1, {1.0}, {nan}, {}}, {}),
            "selection: the uncertainty of a candidate is not a finite number");
  EXPECT_EQ(message_of({1, {1.0}, {1.0}, {nan}}, {}),
            "selection: a feature of a known configuration is not a finite number");
}
