// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/novelty.h"

#include <gtest/gtest.h>

#include <cmath>

namespace almlip {
namespace {

TEST(Novelty, IsTheWhitenedDistanceInUnitsOfTheThreshold)
{
  Novelty novelty;
  novelty.whitening = {2.0, 0.0, -1.0, 3.0};    // lower triangle
  novelty.center = {1.0, -1.0};
  novelty.threshold = 4.0;
  const double descriptors[2] = {2.0, 1.0};    // center + (1, 2)

  EXPECT_DOUBLE_EQ(novelty_of(novelty, descriptors), std::sqrt(2.0 * 2.0 + 5.0 * 5.0) / 4.0);
}

TEST(Novelty, IsZeroAtTheCenter)
{
  Novelty novelty;
  novelty.whitening = {2.0, 0.0, -1.0, 3.0};
  novelty.center = {1.0, -1.0};

  EXPECT_EQ(novelty_of(novelty, novelty.center.data()), 0.0);
}

TEST(Novelty, IsZeroWhereItIsNotFitted)
{
  const double descriptors[2] = {2.0, 1.0};

  EXPECT_EQ(novelty_of(Novelty{}, descriptors), 0.0);
}

TEST(Novelties, AreThoseOfTheSingleAtoms)
{
  Novelty first{{2.0, 0.0, -1.0, 3.0}, {1.0, -1.0}, 4.0}, second{{1.0, 0.0, 0.5, 2.0}, {0, 0}, 1.0};
  std::vector<int> element;
  std::vector<double> descriptors;
  for (int i = 0; i < 150; ++i) {    // more than two blocks of one element
    element.push_back(i % 3 - 1);
    descriptors.insert(descriptors.end(), {std::sin(i), std::cos(2.0 * i)});
  }
  std::vector<double> values(150, -5.0);
  novelties({first, second}, element, descriptors.data(), values.data());

  for (int i = 0; i < 150; ++i) {
    const double expected =
        element[i] < 0 ? -5.0 : novelty_of(element[i] == 0 ? first : second, &descriptors[2 * i]);
    EXPECT_NEAR(values[i], expected, 1e-6 * std::abs(expected));    // single precision
  }
}

}    // namespace
}    // namespace almlip
