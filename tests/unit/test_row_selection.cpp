// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <set>

#include "almlip/query/row_selection.h"

namespace almlip {
namespace {

TEST(RowSelection, BadgeBeginsWithTheLongestRowAndLeavesCopiesForTheEnd)
{
  const Rows rows{1, {1.0, 5.0, 5.0, 5.0, -2.0}};
  const std::vector<int> chosen = select_badge(rows, 5, 3);
  EXPECT_EQ(chosen[0], 1);
  EXPECT_EQ(std::set<int>(chosen.begin(), chosen.begin() + 3), (std::set<int>{0, 1, 4}));
  EXPECT_EQ(std::set<int>(chosen.begin(), chosen.end()).size(), 5U);
}

TEST(RowSelection, PowerDrawsInProportionToTheSquare)
{
  int first = 0;
  constexpr int num_draws = 4000;
  for (int seed = 0; seed < num_draws; ++seed)
    first += select_power({1.0, 2.0}, 1, seed)[0] == 0 ? 1 : 0;
  EXPECT_NEAR(double(first) / num_draws, 1.0 / 5.0, 0.025);    // 1^2 : 2^2; four standard errors
}

TEST(RowSelection, MedoidsAreOnePointOfEachCluster)
{
  const Rows rows{1, {0.0, 0.1, 0.2, 10.0, 10.1, 10.2, 20.0, 20.1, 20.2}};
  const std::vector<int> chosen = select_medoids(rows, 3, 1);
  EXPECT_EQ(std::set<int>(chosen.begin(), chosen.end()),
            (std::set<int>{1, 4, 7}));    // the middle ones
}

TEST(RowSelection, MedoidsOfCopiesAreDifferentPoints)
{
  const std::vector<int> chosen = select_medoids({1, std::vector<double>(6, 0.5)}, 4, 1);
  EXPECT_EQ(std::set<int>(chosen.begin(), chosen.end()).size(), 4U);
}

}    // namespace
}    // namespace almlip
