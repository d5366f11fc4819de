// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "train/cutoff_rule.h"

namespace almlip::train {
namespace {

/// Simple cubic crystal: 6, 12, 8, 6 and 24 neighbours at 1, 1.414, 1.732, 2 and 2.236 times the
/// lattice constant (Angstrom).
Frame simple_cubic(double lattice_constant)
{
  Frame frame;
  frame.cell = {lattice_constant, 0, 0, 0, lattice_constant, 0, 0, 0, lattice_constant};
  frame.pbc = {true, true, true};
  frame.atomic_numbers = {84};
  frame.positions = {0.1, 0.2, 0.3};
  return frame;
}

TEST(CutoffRule, EnclosesThirtyNeighbors)
{
  const double cutoff = cutoff_for({simple_cubic(2.5)});    // the 27th to 32nd are at 5.0

  EXPECT_NEAR(cutoff, 5.0, 0.01 + 1e-9);    // rounded up to the next 0.01
}

TEST(CutoffRule, GrowsWithTheDistances)
{
  const double cutoff = cutoff_for({simple_cubic(2.0)});

  EXPECT_NEAR(cutoff, 4.0, 0.01 + 1e-9);
}

TEST(CutoffRule, StaysWithinItsBounds)
{
  EXPECT_EQ(cutoff_for({simple_cubic(1.0)}), 3.0);
  EXPECT_EQ(cutoff_for({simple_cubic(4.0)}), 6.0);
}

/// Three atoms 2 Angstrom apart, and one above them.
Frame adatom(double height)
{
  Frame frame;
  frame.pbc = {false, false, false};
  frame.source = "slab.extxyz: frame 3";
  frame.atomic_numbers = {84, 84, 84, 84};
  frame.positions = {0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, height};
  return frame;
}

TEST(CutoffRule, ReachesTheNeighborOfTheLoneliestAtom)
{
  const LoneliestAtom loneliest =
      loneliest_atom({simple_cubic(2.0), adatom(4.4), adatom(2.5), adatom(7.0)});

  EXPECT_NEAR(loneliest.distance, 4.4, 1e-12);    // the one at 7 has no neighbour
  EXPECT_EQ(loneliest.where, "slab.extxyz: frame 3: atom 4");
  EXPECT_NEAR(cutoff_that_reaches(loneliest), 5.72, 1e-9);
  EXPECT_EQ(cutoff_that_reaches(loneliest_atom({adatom(5.5)})), 6.0);
}

TEST(CutoffRule, IsForTheMeanAtom)
{
  // Within 4.33 there are 32 + 26 neighbours, within 2 sqrt 5 there are 56 + 26; 60 are wanted.
  const double cutoff = cutoff_for({simple_cubic(2.0), simple_cubic(2.5)});

  EXPECT_NEAR(cutoff, 4.4721, 0.01);
}

}    // namespace
}    // namespace almlip::train
