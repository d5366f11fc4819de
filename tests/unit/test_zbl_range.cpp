// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/zbl_range.h"

#include <gtest/gtest.h>

namespace almlip::train {
namespace {

Frame pair(int a, int b, double r)
{
  Frame frame;
  frame.pbc = {false, false, false};
  frame.atomic_numbers = {a, b};
  frame.positions = {0, 0, 0, 0, 0, r};
  return frame;
}

constexpr double outer = 0.93, inner = 0.68;    // parts of the least distance (zbl_range.h)

TEST(ZblRange, EndsBelowTheLeastDistanceOfThePairOrTheCovalentRadii)
{
  TrainingData data;
  data.elements = {"O", "Si"};    // covalent radii 0.66 and 1.11 Angstrom
  data.train = {pair(14, 14, 2.1), pair(14, 14, 2.0), pair(8, 14, 1.7)};
  data.held_out = {pair(14, 8, 1.5), pair(8, 8, 3.0)};
  const Zbl zbl = zbl_range(data, 5.0);

  ASSERT_EQ(zbl.outer.size(), 4u);
  EXPECT_DOUBLE_EQ(zbl.outer[0], outer * (0.66 + 0.66));
  EXPECT_DOUBLE_EQ(zbl.outer[1], outer * 1.5);
  EXPECT_DOUBLE_EQ(zbl.outer[2], outer * 1.5);
  EXPECT_DOUBLE_EQ(zbl.outer[3], outer * 2.0);
  EXPECT_DOUBLE_EQ(zbl.inner[3], inner * 2.0);
}

TEST(ZblRange, OfAnUnlikePairEndsNoFartherOutThanThoseOfTheLikePairs)
{
  TrainingData data;
  data.elements = {"Mo", "W"};
  data.train = {pair(42, 42, 2.1), pair(74, 74, 2.3), pair(42, 74, 2.7)};
  const Zbl zbl = zbl_range(data, 5.0);

  EXPECT_DOUBLE_EQ(zbl.outer[0], outer * 2.1);
  EXPECT_DOUBLE_EQ(zbl.outer[1], outer * 0.5 * (2.1 + 2.3));
  EXPECT_DOUBLE_EQ(zbl.outer[2], zbl.outer[1]);
  EXPECT_DOUBLE_EQ(zbl.outer[3], outer * 2.3);
}

}    // namespace
}    // namespace almlip::train
