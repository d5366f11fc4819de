// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "train/frame_statistics.h"
#include "train/loss/label_weights.h"

namespace almlip::train {
namespace {

Frame with_forces(const std::vector<double> &lengths)
{
  Frame frame;
  for (const double length : lengths) {
    frame.atomic_numbers.push_back(14);
    frame.forces.insert(frame.forces.end(), {0.6 * length, 0.0, -0.8 * length});
  }
  return frame;
}

TEST(LabelWeights, OfViolentForcesFallAsTheirInverseSquare)
{
  const LabelWeights weights = label_weights(with_forces({1.0, 5.0, 10.0, 20.0}), 5.0);

  EXPECT_EQ(weights.force[0], 1.0);
  EXPECT_EQ(weights.force[1], 1.0);
  EXPECT_NEAR(weights.force[2], 1.0 / 4.0, 1e-14);
  EXPECT_NEAR(weights.force[3], 1.0 / 16.0, 1e-14);
  EXPECT_NEAR(weights.frame, 4.0 / (1.0 + 1.0 + 4.0 + 16.0), 1e-14);
}

TEST(LabelWeights, AreOneWithoutALimitOrForces)
{
  const LabelWeights all = label_weights(with_forces({1.0, 1e6}), 0.0),
                     none = label_weights({}, 5.0);

  EXPECT_EQ(all.force, (std::vector<double>{1.0, 1.0}));
  EXPECT_EQ(all.frame, 1.0);
  EXPECT_TRUE(none.force.empty());
  EXPECT_EQ(none.frame, 1.0);
}

TEST(UsualViolentForce, IsOfAtomsOffEquilibriumAndHeedsNoOutlier)
{
  std::vector<double> lengths(1000, 0.0);                               // of relaxed crystals
  for (int n = 1; n <= 100; ++n) lengths.push_back(0.02 * n + 0.01);    // up to 2 eV/Angstrom
  const double limit = usual_violent_force({with_forces(lengths)});
  lengths.back() = 500.0;

  EXPECT_NEAR(limit, 6.0 * 1.81, 0.13);
  EXPECT_NEAR(usual_violent_force({with_forces(lengths)}), limit, 1e-12);
  EXPECT_EQ(usual_violent_force({with_forces({0.0, 0.0}), Frame()}), 0.0);
}

TEST(RmsForce, CountsViolentForcesAsTheLimit)
{
  const std::vector<Frame> frames{with_forces({1.0, 100.0})};

  EXPECT_NEAR(rms_force(frames, 3.0), std::sqrt((1.0 + 9.0) / 6.0), 1e-14);
  EXPECT_NEAR(rms_force(frames, 0.0), std::sqrt((1.0 + 1e4) / 6.0), 1e-12);
}

}    // namespace
}    // namespace almlip::train
