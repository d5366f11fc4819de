#include "almlip/fingerprint.h"

#include <gtest/gtest.h>

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

TEST(Fingerprint, DoesNotDependOnTheOrderOfAtoms)
{
  const double swapped[] = {4.0, 60.0, 2.0, 20.0, 1.0, 10.0};
  const int element[] = {0, 1, 0};
  const double sigma[] = {0.1, 0.2, 0.3}, swapped_sigma[] = {0.3, 0.2, 0.1};

  EXPECT_EQ(fingerprint(swapped, element, swapped_sigma, 3, 2, 2),
            fingerprint(descriptors, element, sigma, 3, 2, 2));
}
