// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "almlip/element_properties.h"
#include "message_of.h"
#include "pool/pool_composition.h"
#include "pool/pool_density.h"
#include "pool/pool_descriptors.h"
#include "pool/pool_geometry.h"

namespace almlip::pool {
namespace {

constexpr int na = 11, cl = 17, ti = 22, o = 8;

/// Rock salt, the cell of two atoms; Angstrom.
Frame rock_salt(double a)
{
  Frame frame;
  frame.cell = {0, a / 2, a / 2, a / 2, 0, a / 2, a / 2, a / 2, 0};
  frame.atomic_numbers = {na, cl};
  frame.positions = {0, 0, 0, a / 2, a / 2, a / 2};
  return frame;
}

TEST(ElementProperties, AreThoseOfThePeriodicTable)
{
  const ElementProperties fe = element_properties(26), si = element_properties(14),
                          hf = element_properties(72), u = element_properties(92);
  EXPECT_DOUBLE_EQ(fe.mass, 55.845);
  EXPECT_DOUBLE_EQ(si.electronegativity, 1.90);
  EXPECT_DOUBLE_EQ(si.covalent_radius, 1.11);
  EXPECT_EQ(fe.valence, 8);
  EXPECT_EQ(si.valence, 4);
  EXPECT_EQ(hf.valence, 4);    // 14 f electrons left out
  EXPECT_EQ(u.valence, 3);
  EXPECT_EQ(fe.period, 4);
  EXPECT_EQ(hf.period, 6);
}

TEST(CompositionStatistics, OfRutileByHand)
{
  const CompositionStatistics c = composition_statistics({ti, o, o, ti, o, o});
  const double mean = (22 + 2 * 8) / 3.0;
  EXPECT_NEAR(c.number.mean, mean, 1e-12);
  EXPECT_NEAR(c.number.deviation,
              std::sqrt((std::pow(22 - mean, 2) + 2 * std::pow(8 - mean, 2)) / 3), 1e-12);
  EXPECT_NEAR(c.mass.mean, (47.867 + 2 * 15.999) / 3, 1e-12);
  EXPECT_EQ(c.num_elements, 2);
  EXPECT_NEAR(c.electronegativity_range, 3.44 - 1.54, 1e-12);
  EXPECT_NEAR(c.electronegativity_difference, 2 * (1.0 / 3) * (2.0 / 3) * 1.9, 1e-12);
  EXPECT_NEAR(c.radius_range, 1.60 - 0.66, 1e-12);
  EXPECT_NEAR(c.valence.mean, (4 + 2 * 8 - 2 * 2) / 3.0, 1e-12);    // Ti 4, O 6
}

TEST(GeometryStatistics, OfRockSaltByHand)
{
  constexpr double a = 5.64;    // Angstrom
  const GeometryStatistics g = geometry_statistics(rock_salt(a), true);
  EXPECT_NEAR(g.volume_per_atom, a * a * a / 8, 1e-9);
  EXPECT_NEAR(g.density, (22.990 + 35.45) / (a * a * a / 4) * 1.66053907, 1e-9);
  EXPECT_NEAR(g.nearest_distance, a / 2, 1e-9);
  EXPECT_NEAR(g.nearest.mean, a / 2 / (1.66 + 1.02), 1e-9);    // covalent radii of Na and Cl
  EXPECT_NEAR(g.nearest.deviation, 0.0, 1e-9);
  // Na has 6 Cl, and 12 Na at 3.99 within 1.25 x 3.32; Cl has 6 Na, the 12 Cl are beyond 1.25
  // x 2.04
  EXPECT_NEAR(g.coordination.mean, (18 + 6) / 2.0, 1e-9);
  EXPECT_NEAR(g.coordination.deviation, (18 - 6) / 2.0, 1e-9);
  EXPECT_NEAR(g.homonuclear_bonds, 12.0 / 24.0, 1e-9);    // 6 + 6 Na-Cl and 12 Na-Na
  EXPECT_NEAR(g.bond_ionicity, 0.5 * (3.16 - 0.93), 1e-9);
}

TEST(GeometryStatistics, DoNotDependOnTheCellOrOnTheRadialPart)
{
  const Frame small = rock_salt(5.2);
  Frame large;    // twice along the first vector
  large.cell = small.cell;
  for (int d = 0; d < 3; ++d) large.cell[d] *= 2;
  large.atomic_numbers = {na, cl, na, cl};
  large.positions = small.positions;
  for (int i = 0; i < 2; ++i)
    for (int d = 0; d < 3; ++d)
      large.positions.push_back(small.positions[3 * i + d] + small.cell[d]);
  const GeometryStatistics a = geometry_statistics(small, true),
                           b = geometry_statistics(large, true),
                           c = geometry_statistics(small, false);
  for (int k = 0; k < GeometryStatistics::num_bins; ++k)
    EXPECT_NEAR(a.radial[k], b.radial[k], 1e-9);
  EXPECT_NEAR(a.coordination.mean, b.coordination.mean, 1e-12);
  EXPECT_NEAR(a.coordination.mean, c.coordination.mean, 1e-12);
  EXPECT_NEAR(a.nearest.mean, c.nearest.mean, 1e-12);
}

TEST(GeometryStatistics, RadialPartIsASumOfGaussians)
{
  // simple cubic Cu, scaled distances a/2r = 1.25 (6), 1.25 sqrt 2 (12), 1.25 sqrt 3 (8), 2.5
  // (6), 1.25 sqrt 5 is beyond 2.55
  Frame frame;
  const double a = 1.25 * 2 * 1.32;    // Angstrom
  frame.cell = {a, 0, 0, 0, a, 0, 0, 0, a};
  frame.atomic_numbers = {29};
  frame.positions = {0.3, 0.1, 0.2};
  const GeometryStatistics g = geometry_statistics(frame, true);
  for (int k = 0; k < GeometryStatistics::num_bins; ++k) {
    double expected = 0.0;
    for (const auto &[square, count] : {std::pair(1, 6), {2, 12}, {3, 8}, {4, 6}}) {
      const double x = 1.25 * std::sqrt(square);
      expected += count * std::exp(-0.5 * std::pow((x - 0.75 - 0.15 * k) / 0.1, 2)) / (x * x);
    }
    EXPECT_NEAR(g.radial[k], expected, 2e-3);    // Gaussians end at 4.5 deviations: 4e-5 each
    EXPECT_EQ(g.radial_ionic[k], 0.0);
  }
}

/// Turned about z by an angle.
Frame rotated(Frame frame, double angle)
{
  const double c = std::cos(angle), s = std::sin(angle);
  const auto turn = [&](double *v) {
    const double x = v[0], y = v[1];
    v[0] = c * x - s * y;
    v[1] = s * x + c * y;
  };
  for (int d = 0; d < 3; ++d) turn(&frame.cell[3 * d]);
  for (int i = 0; i < frame.num_atoms(); ++i) turn(&frame.positions[3 * i]);
  return frame;
}

Frame low_symmetry()
{
  Frame frame;
  frame.cell = {4.1, 0, 0, 0.4, 4.9, 0, -0.3, 0.7, 5.2};
  frame.atomic_numbers = {ti, o, o};
  frame.positions = {0.1, 0.2, 0.3, 1.8, 0.4, 0.9, 0.5, 2.2, 1.1};
  return frame;
}

TEST(DensityFeatures, DoNotChangeUnderRotation)
{
  const std::vector<double> a = density_features(low_symmetry()),
                            b = density_features(rotated(low_symmetry(), 0.7));
  ASSERT_EQ(a.size(), std::size_t(num_density_features));
  for (std::size_t f = 0; f < a.size(); ++f) EXPECT_NEAR(a[f], b[f], 1e-10);
  EXPECT_GT(*std::max_element(a.begin(), a.end()), 0.01);
}

TEST(DensityFeatures, DoNotDependOnTheOrderOfAtoms)
{
  Frame swapped = low_symmetry();
  std::swap(swapped.atomic_numbers[0], swapped.atomic_numbers[2]);
  for (int d = 0; d < 3; ++d) std::swap(swapped.positions[d], swapped.positions[6 + d]);
  const std::vector<double> a = density_features(low_symmetry()), b = density_features(swapped);
  for (std::size_t f = 0; f < a.size(); ++f) EXPECT_NEAR(a[f], b[f], 1e-10);
}

TEST(DensityFeatures, OfACubicCrystalByHand)
{
  // one kind of atom: the channels with the electronegativity difference vanish; six neighbours at
  // x = 1.9 only
  Frame frame;
  const double radii = 2 * 1.32,
               a = 1.9 * radii;    // Cu, Angstrom; the next shell at 2.69 is beyond 2.5
  frame.cell = {a, 0, 0, 0, a, 0, 0, 0, a};
  frame.atomic_numbers = {29};
  frame.positions = {0, 0, 0};
  const std::vector<double> f = density_features(frame);
  const double x = 1.9 / 2.5, envelope = std::pow(1 - x, 3);
  EXPECT_NEAR(f[0], 6 * envelope, 1e-12);
  EXPECT_NEAR(f[1], 6 * envelope * (2 * x - 1), 1e-12);
  EXPECT_NEAR(f[2], 0.0, 1e-12);
  EXPECT_NEAR(f[4], 0.0, 1e-12);     // l = 1: no dipole
  EXPECT_NEAR(f[14], 0.0, 1e-12);    // l = 2: cubic
}

PoolEntry rock_salt_entry()
{
  PoolEntry entry;
  entry.id = "salt";
  entry.frame = rock_salt(5.64);
  entry.formula = reduced_formula(entry.frame.atomic_numbers);
  entry.formation_energy = -2.0;
  entry.band_gap = 5.0;
  entry.fermi_energy = 1.5;
  entry.magnetization = 0.4;
  return entry;
}

TEST(PoolDescriptor, PartsStandSideBySide)
{
  const PoolEntry entry = rock_salt_entry();
  const PoolDescriptor both("leakfree17+rdf"), first("leakfree17");
  EXPECT_EQ(first.num_features(), 17);
  EXPECT_EQ(both.num_features(), 17 + 22);
  const Rows together = both({entry}), alone = first({entry});
  for (int f = 0; f < 17; ++f) EXPECT_NEAR(together.values[f], alone.values[f], 1e-12);
}

TEST(PoolDescriptor, PaperDescriptorHoldsDatabaseProperties)
{
  const Rows rows = PoolDescriptor("paper17")({rock_salt_entry()});
  ASSERT_EQ(rows.num_features, 17);
  EXPECT_EQ(rows.values[11], 5.0);                 // band gap
  EXPECT_EQ(rows.values[12], 1.0);                 // insulator
  EXPECT_EQ(rows.values[15], 1.5);                 // Fermi energy
  EXPECT_NEAR(rows.values[16], 0.4 / 2, 1e-15);    // magnetisation per atom
}

TEST(PoolDescriptor, KnowsWhatLeaksAndWhatNeedsAStructure)
{
  EXPECT_TRUE(PoolDescriptor("paper17").leaks());
  EXPECT_FALSE(PoolDescriptor("leakfree17+rdf+density").leaks());
  EXPECT_FALSE(PoolDescriptor("composition17+fractions").needs_structure());
  EXPECT_EQ(PoolDescriptor("composition17+fractions").num_features(), 17 + 96);
}

TEST(PoolDescriptor, SharesOfElementsAddUpToOne)
{
  const Rows rows = PoolDescriptor("fractions")({rock_salt_entry()});
  double sum = 0.0;
  for (double share : rows.values) sum += share;
  EXPECT_NEAR(sum, 1.0, 1e-15);
  EXPECT_EQ(rows.values[na - 1], 0.5);
}

TEST(PoolDescriptor, UnknownPartListsTheNames)
{
  EXPECT_EQ(test::message_of([] { PoolDescriptor("leakfree17+soap"); }),
            "descriptor \"leakfree17+soap\": there is no part \"soap\"; the parts are "
            "paper17, leakfree17, composition17, "
            "valence, rdf, fractions, density, joined by +");
}

}    // namespace
}    // namespace almlip::pool
