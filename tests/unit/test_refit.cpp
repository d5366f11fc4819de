// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "almlip/learned_frames.h"
#include "train/refit.h"

namespace almlip::train {
namespace {

Frame cell(double energy, double length)
{
  Frame frame;
  frame.cell = {length, 0, 0, 0, length, 0, 0, 0, length};
  frame.atomic_numbers = {14, 8};
  frame.positions = {0, 0, 0, 1.6, 0, 0};
  frame.energy = energy;
  return frame;
}

TEST(NewFrames, AreThoseWithoutAMark)
{
  const std::vector<Frame> learned{cell(-5.0, 4.0), cell(-6.0, 4.0)};
  Potential start;
  start.provenance =
      R"({"learned": [")" + mark_of(learned[0]) + R"(", ")" + mark_of(learned[1]) + R"("]})";
  std::vector<Frame> frames{cell(-6.0 + 1e-9, 4.0), cell(-5.5, 4.0), cell(-5.0, 4.1)};
  frames[0].atomic_numbers = {8, 14};    // another order, fewer digits

  EXPECT_EQ(new_frames(start, frames), (std::vector<std::size_t>{1, 2}));
}

TEST(NewFrames, AreUnknownToFilesOfEarlierVersions)
{
  EXPECT_FALSE(new_frames(Potential{}, {cell(-5.0, 4.0)}).has_value());
}

TEST(StartReport, AsksForAFullFitAboveTwiceTheHeldOutError)
{
  const Ranks alone{Ranks::Alone{}};
  Potential start;
  start.force_error = 0.1;    // eV/Angstrom
  StartReport report;
  report.force_error = 0.19;
  EXPECT_FALSE(report.asks_for_full_fit(start, alone));
  report.force_error = 0.21;
  EXPECT_TRUE(report.asks_for_full_fit(start, alone));
  start.force_error = 0.0;    // unknown
  EXPECT_FALSE(report.asks_for_full_fit(start, alone));
}

}    // namespace
}    // namespace almlip::train
