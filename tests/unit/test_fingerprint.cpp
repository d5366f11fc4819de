// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "almlip/selection.h"

using namespace almlip;

namespace {

constexpr double descriptors[] = {1.0,  10.0, 2.0,
                                  20.0, 4.0,  60.0};    // three atoms, two descriptors each

}    // namespace

TEST(Fingerprint, HoldsMeanAndMostUncertainAtomOfEachElement)
{
  const int element[] = {0, 1, 0};
  const double sigma[] = {0.1, 0.2, 0.3};

  EXPECT_EQ(
      fingerprint(descriptors, element, sigma, 3, 2, 2),
      (std::vector<double>{(1.0 + 4.0) / 2, (10.0 + 60.0) / 2, 4.0, 60.0, 2.0, 20.0, 2.0, 20.0}));
}

TEST(Fingerprint, IsZeroForAnAbsentElement)
{
  const int element[] = {1, 1, 1};
  const double sigma[] = {0.3, 0.2, 0.1};

  const std::vector<double> features = fingerprint(descriptors, element, sigma, 3, 2, 2);

  EXPECT_EQ(std::vector<double>(features.begin(), features.begin() + 4),
            std::vector<double>(4, 0.0));
}

TEST(Fingerprint, TieOfUncertaintyGoesToTheLowerIndex)
{
  const int element[] = {0, 0, 0};
  const double sigma[] = {0.1, 0.3, 0.3};

  const std::vector<double> features = fingerprint(descriptors, element, sigma, 3, 2, 1);

  EXPECT_EQ(features[2], 2.0);
  EXPECT_EQ(features[3], 20.0);
}

TEST(KeptFingerprints, StayRecognisedAlthoughTheyAreRounded)
{
  const Rows rows{2, {0.123456, -1.98765432, 7.0, 0.00049}};

  const Rows kept = kept_fingerprints(rows, 2);

  EXPECT_EQ(kept.values, (std::vector<double>{0.123, -1.988, 7.0, 0.0}));
  Candidates candidates;
  candidates.num_features = 2;
  candidates.features = rows.values;
  candidates.uncertainty = {0.1, 0.1};
  candidates.known = kept.values;
  EXPECT_EQ(known_already(candidates, SelectionSettings().duplicate),
            (std::vector<bool>{true, true}));
}

TEST(KeptFingerprints, OfTooManyAreThoseFarthestFromEachOther)
{
  const Rows rows{1, {0.0, 0.1, 10.0, 10.1, 4.0}};    // then 10.1, then 4: 5.9 from what is kept

  EXPECT_EQ(kept_fingerprints(rows, 3).values, (std::vector<double>{0.0, 10.1, 4.0}));
}

TEST(KeptFingerprints, AreThoseOfAPlainFarthestFirstTraversal)
{
  constexpr int count = 300, width = 3, most = 40;
  std::mt19937 random(3);
  std::uniform_int_distribution<int> coordinate(
      0, 30);    // clusters, and numbers that are kept as they are
  Rows rows{width, {}};
  for (int i = 0; i < count * width; ++i)
    rows.values.push_back(coordinate(random) + 100.0 * (i % 7));

  std::vector<bool> kept(count, false);
  for (int n = 0, next = 0; n < most; ++n) {
    kept[next] = true;
    double farthest = -1.0;
    for (int i = 0; i < count; ++i) {
      double nearest = std::numeric_limits<double>::infinity();
      for (int j = 0; j < count; ++j)
        if (kept[j]) nearest = std::min(nearest, squared_distance(rows[i], rows[j], width));
      if (nearest > farthest) farthest = nearest, next = i;
    }
  }
  std::vector<double> expected;
  for (int i = 0; i < count; ++i)
    if (kept[i]) expected.insert(expected.end(), rows[i], rows[i] + width);

  EXPECT_EQ(kept_fingerprints(rows, most).values, expected);
}

TEST(Fingerprint, DoesNotDependOnTheOrderOfAtoms)
{
  const double swapped[] = {4.0, 60.0, 2.0, 20.0, 1.0, 10.0};
  const int element[] = {0, 1, 0};
  const double sigma[] = {0.1, 0.2, 0.3}, swapped_sigma[] = {0.3, 0.2, 0.1};

  EXPECT_EQ(fingerprint(swapped, element, swapped_sigma, 3, 2, 2),
            fingerprint(descriptors, element, sigma, 3, 2, 2));
}
