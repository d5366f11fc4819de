// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <random>

#include "almlip/surroundings.h"
#include "message_of.h"

namespace almlip {
namespace {

Frame frame_of(const std::array<double, 9> &cell, const std::vector<double> &positions,
               const std::array<bool, 3> &pbc = {true, true, true})
{
  Frame frame;
  frame.cell = cell;
  frame.positions = positions;
  frame.atomic_numbers.assign(positions.size() / 3, 14);
  frame.pbc = pbc;
  frame.source = "test, frame 1";
  return frame;
}

/// Cubic diamond cell of eight atoms.
Frame diamond(double a)
{
  std::vector<double> positions;
  for (const auto &[x, y, z] :
       {std::array{0.0, 0.0, 0.0}, {0.5, 0.5, 0.0}, {0.5, 0.0, 0.5}, {0.0, 0.5, 0.5}})
    for (const double shift : {0.0, 0.25})
      for (const double fraction : {x, y, z}) positions.push_back((fraction + shift) * a);
  return frame_of({a, 0, 0, 0, a, 0, 0, 0, a}, positions);
}

/// Atoms at random places, some of them outside the cell.
Frame random_frame(int num_atoms, const std::array<double, 9> &cell, const std::array<bool, 3> &pbc)
{
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(-0.6, 1.7);
  std::vector<double> positions;
  for (int i = 0; i < num_atoms; ++i) {
    const double f[3] = {uniform(random), uniform(random), uniform(random)};
    for (int d = 0; d < 3; ++d)
      positions.push_back(f[0] * cell[d] + f[1] * cell[3 + d] + f[2] * cell[6 + d]);
  }
  return frame_of(cell, positions, pbc);
}

using Displacements =
    std::vector<std::array<double, 4>>;    // owner, then the vector to the neighbour

Displacements found_neighbors(const Frame &frame, const Surroundings &s, int i)
{
  Displacements list;
  for (int n = s.first[i]; n < s.first[i + 1]; ++n) {
    const double *x = &s.positions[3 * s.neighbors[n]];
    list.push_back({double(s.owner[s.neighbors[n]]), x[0] - frame.positions[3 * i],
                    x[1] - frame.positions[3 * i + 1], x[2] - frame.positions[3 * i + 2]});
  }
  return list;
}

/// All images up to `reach` cells away, without any bins.
Displacements brute_force_neighbors(const Frame &frame, double cutoff, int i, int reach)
{
  Displacements list;
  const auto range = [&](int d) { return frame.pbc[d] ? reach : 0; };
  for (int j = 0; j < frame.num_atoms(); ++j)
    for (int a = -range(0); a <= range(0); ++a)
      for (int b = -range(1); b <= range(1); ++b)
        for (int c = -range(2); c <= range(2); ++c) {
          std::array<double, 4> r{double(j)};
          for (int d = 0; d < 3; ++d)
            r[d + 1] = frame.positions[3 * j + d] + a * frame.cell[d] + b * frame.cell[3 + d] +
                       c * frame.cell[6 + d] - frame.positions[3 * i + d];
          const bool itself = i == j && a == 0 && b == 0 && c == 0;
          if (!itself && std::hypot(r[1], r[2], r[3]) < cutoff) list.push_back(r);
        }
  return list;
}

void expect_same_as_brute_force(const Frame &frame, double cutoff, int reach)
{
  const Surroundings s = find_surroundings(frame, cutoff);
  std::vector<std::vector<std::pair<int, double>>> pairs(frame.atomic_numbers.size());
  int last = 0;
  for_each_pair(frame, cutoff, [&](int i, int j, double distance) {
    EXPECT_GE(i, last);
    last = i;
    pairs[i].emplace_back(j, distance);
  });
  for (int i = 0; i < frame.num_atoms(); ++i) {
    const Displacements found = found_neighbors(frame, s, i),
                        expected = brute_force_neighbors(frame, cutoff, i, reach);
    ASSERT_EQ(found.size(), expected.size()) << "atom " << i;
    // the images of brute force come in the same order, sorted by owner and image
    for (std::size_t n = 0; n < found.size(); ++n)
      for (int d = 0; d < 4; ++d)
        EXPECT_NEAR(found[n][d], expected[n][d], 1e-10);    // rounding of sums of cell vectors

    std::vector<std::pair<int, double>> expected_pairs;
    for (const auto &[owner, x, y, z] : expected)
      expected_pairs.emplace_back(static_cast<int>(owner), std::hypot(x, y, z));
    std::sort(pairs[i].begin(), pairs[i].end());
    std::sort(expected_pairs.begin(), expected_pairs.end());
    ASSERT_EQ(pairs[i].size(), expected_pairs.size()) << "atom " << i;
    for (std::size_t n = 0; n < expected_pairs.size(); ++n) {
      EXPECT_EQ(pairs[i][n].first, expected_pairs[n].first);
      EXPECT_NEAR(pairs[i][n].second, expected_pairs[n].second, 1e-10);
    }
  }
}

TEST(Surroundings, SiliconHasTheShellsOfDiamond)
{
  // shells of diamond: 4 at sqrt(3)/4 a = 2.35, 12 at a/sqrt(2) = 3.84, 12 at sqrt(11)/4 a = 4.50
  // Angstrom
  const Frame frame = diamond(5.43);
  for (const auto &[cutoff, count] : {std::pair(2.6, 4), std::pair(4.0, 16), std::pair(4.7, 28)}) {
    const Surroundings s = find_surroundings(frame, cutoff);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(s.first[i + 1] - s.first[i], count) << cutoff;
  }
}

TEST(Surroundings, SameAsBruteForceInASmallTriclinicCell)
{
  expect_same_as_brute_force(
      random_frame(5, {3.1, 0.2, 0.1, 1.4, 2.7, -0.3, -1.1, 0.9, 3.3}, {true, true, true}), 5.0, 6);
}

TEST(Surroundings, SameAsBruteForceInALargeLeftHandedCell)
{
  expect_same_as_brute_force(
      random_frame(300, {3, 18, 1, 21, 0.4, -4, -2, 1, 15}, {true, true, true}), 4.0, 4);
}

TEST(Surroundings, SameAsBruteForceInSlabWireAndMolecule)
{
  const std::array<double, 9> cell = {9, 1, 0, -2, 8, 1, 3, 1, 12};
  expect_same_as_brute_force(random_frame(60, cell, {true, true, false}), 4.5, 4);
  expect_same_as_brute_force(random_frame(60, cell, {false, true, false}), 4.5, 4);
  expect_same_as_brute_force(random_frame(60, cell, {false, false, false}), 4.5, 0);
}

TEST(Surroundings, AnAtomIsItsOwnNeighborThroughImages)
{
  const Surroundings s =
      find_surroundings(frame_of({2, 0, 0, 0, 2, 0, 0, 0, 2}, {0.3, 0.3, 0.3}), 2.5);
  EXPECT_EQ(s.num_all(), 7);    // the six faces
  EXPECT_THAT(s.owner, ::testing::Each(0));
  EXPECT_THAT(s.neighbors, ::testing::ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Surroundings, AtomsWithinTheCutoffOnly)
{
  const auto dimer = [](double r) {
    return frame_of({}, {0, 0, 0, r, 0, 0}, {false, false, false});
  };
  EXPECT_EQ(find_surroundings(dimer(2.999), 3.0).neighbors.size(), 2u);
  EXPECT_EQ(find_surroundings(dimer(3.0), 3.0).neighbors.size(), 0u);
}

TEST(Surroundings, AtomsFarApartNeedNoManyBins)
{
  const Frame frame = frame_of({}, {0, 0, 0, 9e4, 0, 0, 9e4, 9e4, -9e4}, {false, false, false});
  EXPECT_TRUE(find_surroundings(frame, 5.0).neighbors.empty());
}

TEST(Surroundings, CostIsLinearInTheNumberOfAtoms)
{
  const auto seconds = [](int edge) {
    std::vector<double> positions;
    for (int i = 0; i < edge * edge * edge; ++i)
      for (const int n : {i % edge, i / edge % edge, i / edge / edge}) positions.push_back(2.5 * n);
    const double a = 2.5 * edge;
    const Frame frame = frame_of({a, 0, 0, 0, a, 0, 0, 0, a}, positions);
    const auto start = std::chrono::steady_clock::now();
    find_surroundings(frame, 5.0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  EXPECT_LT(
      seconds(30),
      8.0 * 12 *
          (seconds(10) + 1e-2));    // 27 times the atoms; a square law would need 729 times as long
}

TEST(Surroundings, LeastDistanceSeesImagesAndStopsAtReach)
{
  EXPECT_NEAR(least_distance(diamond(5.43), 3.0), std::sqrt(3.0) / 4 * 5.43, 1e-12);
  EXPECT_EQ(least_distance(diamond(5.43), 2.0), 2.0);
  EXPECT_NEAR(least_distance(frame_of({2, 0, 0, 0, 9, 0, 0, 0, 9}, {0, 0, 0}), 5.0), 2.0, 1e-12);
}

std::string error_of(const Frame &frame)
{
  return test::message_of([&] { find_surroundings(frame, 5.0); });
}

TEST(Surroundings, ErrorsNameFrameAndAtoms)
{
  const std::array<double, 9> cube = {9, 0, 0, 0, 9, 0, 0, 0, 9};
  EXPECT_EQ(error_of(frame_of(cube, {1, 1, 1, 5, 5, 5, 1, 1, 10})),
            "test, frame 1: atoms 1 and 3 are 0 Angstrom apart, but at least 0.001 is needed; "
            "remove one of them or check the cell");
  EXPECT_EQ(error_of(frame_of({9, 0, 0, 0, 9, 0, 9, 9, 0}, {1, 1, 1}, {true, true, true})),
            "test, frame 1: the periodic cell has no volume; give three cell vectors that are "
            "independent, or set pbc=F along the open "
            "directions");
  EXPECT_EQ(error_of(frame_of({0.1, 0, 0, 0, 0.1, 0, 0, 0, 0.1}, {0, 0, 0})),
            "test, frame 1: 1 atoms in a cell of 0.001 Angstrom^3 are too dense; check Lattice and "
            "its unit (Angstrom)");
  EXPECT_EQ(error_of(frame_of(cube, {1e9, 1, 1})),
            "test, frame 1: atom 1 is at 1000000000 Angstrom, but coordinates must be finite and "
            "below 100000");
}

}    // namespace
}    // namespace almlip
