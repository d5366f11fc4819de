// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/novelty.h"

#include <gtest/gtest.h>

#include <cmath>

namespace almlip {
namespace {

/// One atom of the first element.
double novelty_of(const Novelty &novelty, const std::vector<double> &descriptors)
{
  double value = 0.0;
  novelties({novelty}, {0}, descriptors.data(), &value);
  return value;
}

const Novelty some{{2.0, 0.0, -1.0, 3.0}, {1.0, -1.0}, 4.0};    // whitening: lower triangle

TEST(Novelty, IsTheWhitenedDistanceInUnitsOfTheThreshold)
{
  const double expected = std::sqrt(2.0 * 2.0 + 5.0 * 5.0) / 4.0;    // of center + (1, 2)

  EXPECT_NEAR(novelty_of(some, {2.0, 1.0}), expected, 1e-6 * expected);    // single precision
}

TEST(Novelty, IsZeroAtTheCenter) { EXPECT_EQ(novelty_of(some, some.center), 0.0); }

TEST(Novelty, StaysAsItIsWhereItIsNotFitted) { EXPECT_EQ(novelty_of({}, {2.0, 1.0}), 0.0); }

TEST(Novelty, OfManyAtomsIsThatOfEachAlone)
{
  const Novelty other{{1.0, 0.0, 0.5, 2.0}, {0, 0}, 1.0};
  std::vector<int> element;
  std::vector<double> descriptors;
  for (int i = 0; i < 150; ++i) {    // more than two blocks of one element
    element.push_back(i % 3 - 1);
    descriptors.insert(descriptors.end(), {std::sin(i), std::cos(2.0 * i)});
  }
  std::vector<double> values(150, -5.0);
  novelties({some, other}, element, descriptors.data(), values.data());

  for (int i = 0; i < 150; ++i) {
    const std::vector<double> own(&descriptors[2 * i], &descriptors[2 * i] + 2);
    const double expected = element[i] < 0 ? -5.0 : novelty_of(element[i] == 0 ? some : other, own);
    EXPECT_NEAR(values[i], expected, 1e-6 * std::abs(expected));    // sums in another order
  }
}

}    // namespace
}    // namespace almlip
