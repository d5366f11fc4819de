// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/data_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace almlip::train {
namespace {

/// Frames of one atom whose forces are these numbers, eV/Angstrom, and what is predicted for them.
struct ForceLabels {
  std::vector<Frame> frames;
  std::vector<Compared> compared;

  void add(const std::string &config_type, double label, double predicted)
  {
    Frame frame;
    frame.config_type = config_type;
    frame.atomic_numbers = {29};
    frame.forces = {label, label, label};
    frames.push_back(frame);
    Compared c;
    c.force_error = std::abs(label - predicted);
    c.predicted_force = std::abs(predicted);
    compared.push_back(c);
  }
  /// Ten frames at 300 K, with an error of 0.02 eV/Angstrom, and ten of perfect crystals.
  void add_usual()
  {
    for (int n = 0; n < 10; ++n) add("hot", 0.5, 0.52);
    for (int n = 0; n < 10; ++n) add("perfect", 0.0, 1e-4);
  }
  bool misfit(std::size_t frame) const
  {
    for (const Finding &finding : check_residuals(frames, compared))
      if (finding.what.find("forces do not fit") != std::string::npos)
        return std::count(finding.frames.begin(), finding.frames.end(), frame) > 0;
    return false;
  }
};

TEST(CheckResiduals, TinyForcesOfAlmostPerfectCrystalsAreNoMisfit)
{
  ForceLabels labels;
  labels.add_usual();
  labels.add("perfect", 0.002, 1e-4);    // of which nothing is predicted, but less than 0.02
  EXPECT_FALSE(labels.misfit(20));
}

TEST(CheckResiduals, WrongForcesOfAPerfectCrystalAreAMisfit)
{
  ForceLabels labels;
  labels.add_usual();
  labels.add("perfect", 0.5, 1e-4);
  EXPECT_TRUE(labels.misfit(20));
}

TEST(CheckResiduals, HugeWrongForcesDoNotHideThemselves)
{
  ForceLabels labels;
  labels.add_usual();
  labels.add("hot", 5000.0, 0.5);    // 250 times the sum of all other forces
  EXPECT_TRUE(labels.misfit(20));
}

}    // namespace
}    // namespace almlip::train
