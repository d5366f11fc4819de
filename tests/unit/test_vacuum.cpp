// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/vacuum.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace almlip;

namespace {

/// Two atoms 2 Angstrom apart along z in a cube of 4 Angstrom.
Frame two_atoms()
{
  Frame frame;
  frame.cell = {4, 0, 0, 0, 4, 0, 0, 0, 4};
  frame.pbc = {true, true, false};
  frame.atomic_numbers = {14, 14};
  frame.positions = {0, 0, 1, 0, 0, 3};
  return frame;
}

}    // namespace

TEST(AddVacuum, ImagesAreThatFarAway)
{
  Frame frame = two_atoms();
  add_vacuum(frame, 12.0);

  EXPECT_EQ(frame.cell[0], 4.0);
  EXPECT_NEAR(frame.cell[8], 14.0, 1e-12);    // 2 of atoms, 12 of vacuum
  EXPECT_NEAR(frame.positions[2], 6.0, 1e-12);
  EXPECT_NEAR(frame.positions[5], 8.0, 1e-12);
}

TEST(AddVacuum, ChangesNothingWhereThereIsEnough)
{
  Frame frame = two_atoms();
  add_vacuum(frame, 2.0);

  EXPECT_EQ(frame.cell, two_atoms().cell);
  EXPECT_EQ(frame.positions, two_atoms().positions);
}

TEST(AddVacuum, IsMeasuredAcrossTheFacesOfATiltedCell)
{
  Frame frame = two_atoms();
  frame.pbc = {false, true, true};
  frame.cell[3] = 4.0;    // b = (4, 4, 0): a's faces are sqrt(2) closer than its length
  frame.positions = {1, 1, 0, 1, 1, 2};
  add_vacuum(frame, 12.0);

  EXPECT_NEAR(frame.cell[0] / std::sqrt(2.0), 12.0, 1e-12);    // both atoms in one layer
}

TEST(AddVacuum, LeavesAMoleculeWithoutACellAsItIs)
{
  Frame frame = two_atoms();
  frame.pbc = {false, false, false};
  frame.cell = {};
  add_vacuum(frame, 12.0);

  EXPECT_EQ(frame.cell, Frame{}.cell);
  EXPECT_EQ(frame.positions, two_atoms().positions);
}
