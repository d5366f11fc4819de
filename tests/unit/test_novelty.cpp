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

}    // namespace
}    // namespace almlip
