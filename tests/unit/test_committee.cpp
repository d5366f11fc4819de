// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/calculator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "almlip/frame_neighborhood.h"
#include "almlip/short_range.h"
#include "random_potential.h"

namespace almlip {
namespace {

using test::random_frame;
using test::random_potential;
using test::shape_settings;
using test::with_zbl;

const std::vector<int> mixed_atoms = {14, 8, 8, 14, 8, 14, 14, 8, 8, 8, 14};

Frame displaced(Frame f, int coordinate, double by)
{
  f.positions[coordinate] += by;
  return f;
}

/// x -> (1 + strain) x of positions and cell; strain row-major 3x3.
Frame strained(Frame f, const std::array<double, 9> &strain)
{
  auto apply = [&](double *v) {
    const double x[3] = {v[0], v[1], v[2]};
    for (int a = 0; a < 3; ++a)
      for (int b = 0; b < 3; ++b) v[a] += strain[3 * a + b] * x[b];
  };
  for (int r = 0; r < 3; ++r) apply(&f.cell[3 * r]);
  for (int i = 0; i < f.num_atoms(); ++i) apply(&f.positions[3 * i]);
  return f;
}

/// Fourth-order central difference of function(step) at 0; error O(h^4).
template <class Function>
double slope(Function &&function, double h)
{
  return (8 * (function(h) - function(-h)) - (function(2 * h) - function(-2 * h))) / (12 * h);
}

double rms(const std::vector<double> &v)
{
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0) / v.size());
}

class EveryShape : public ::testing::TestWithParam<std::string> {
 protected:
  // some pairs of the frame see the repulsion in part, some in full and the network's distance held
  Potential potential =
      with_zbl(random_potential(shape_settings(GetParam(), {"Si", "O"}), 7), 2.1, 2.5);
  Committee committee{potential};
  Frame frame = random_frame(mixed_atoms, 6.5, 3);
};

TEST_P(EveryShape, ForcesOfMeanAndMembersAreMinusTheGradient)
{
  const FramePrediction p = predict(committee, potential, frame);
  const double tolerance =
      1e-8 * rms(p.forces);    // O(h^4) and rounding of energies of 100 eV over h
  for (int q : {0, 5, 10, 16, 32}) {
    auto energy = [&](double h) { return predict(committee, potential, displaced(frame, q, h)); };
    EXPECT_NEAR(p.forces[q], -slope([&](double h) { return energy(h).energy; }, 1e-3), tolerance);
    for (int k = 0; k < 5; ++k) {
      const double member = p.member_forces[15 * (q / 3) + 3 * k + q % 3];
      EXPECT_NEAR(member, -slope([&](double h) { return energy(h).member_energies[k]; }, 1e-3),
                  5 * tolerance);
    }
  }
}

TEST_P(EveryShape, VirialIsMinusTheStrainDerivativeInATriclinicCell)
{
  const FramePrediction p = predict(committee, potential, frame);
  const int row[6] = {0, 1, 2, 0, 0, 1}, column[6] = {0, 1, 2, 1, 2, 2};
  for (int q = 0; q < 6; ++q) {
    auto energy = [&](double h) {
      std::array<double, 9> strain{};
      strain[3 * row[q] + column[q]] += h / 2;
      strain[3 * column[q] + row[q]] += h / 2;
      return predict(committee, potential, strained(frame, strain)).energy;
    };
    EXPECT_NEAR(p.virial[q], -slope(energy, 1e-4), 1e-6 * std::abs(p.virial[0]) + 1e-6);
  }
}

TEST_P(EveryShape, MeanForceIsTheMeanOfTheMembersForces)
{
  const FramePrediction p = predict(committee, potential, frame);
  for (std::size_t q = 0; q < p.forces.size(); ++q) {
    double mean = 0;
    for (int k = 0; k < 5; ++k) mean += p.member_forces[15 * (q / 3) + 3 * k + q % 3] / 5;
    EXPECT_NEAR(p.forces[q], mean, 1e-12 * rms(p.forces));
  }
}

TEST_P(EveryShape, EnergyAndSpreadAreInvariantAndForcesTurnWithTheFrame)
{
  const FramePrediction before = predict(committee, potential, frame);
  const double c = std::cos(0.7), s = std::sin(0.7);
  // rotation by 0.7 about z then a quarter turn about x
  const std::array<double, 9> turn_minus_one = {c - 1, -s, 0, 0, -1, -1, s, c, -1};
  Frame turned = strained(frame, turn_minus_one);
  for (int i = 0; i < turned.num_atoms(); ++i) turned.positions[3 * i] += 1.234;    // translation
  std::reverse(turned.atomic_numbers.begin(), turned.atomic_numbers.end());         // permutation
  const int n = turned.num_atoms();
  for (int i = 0; i < n / 2; ++i)
    for (int d = 0; d < 3; ++d)
      std::swap(turned.positions[3 * i + d], turned.positions[3 * (n - 1 - i) + d]);
  const FramePrediction after = predict(committee, potential, turned);

  EXPECT_NEAR(after.energy, before.energy, 1e-11 * std::abs(before.energy));
  for (int i = 0; i < n; ++i) {
    const double *f = &before.forces[3 * i], *g = &after.forces[3 * (n - 1 - i)];
    EXPECT_NEAR(after.sigma[n - 1 - i], before.sigma[i], 1e-9 * before.sigma[i]);
    EXPECT_NEAR(g[0], c * f[0] - s * f[1], 1e-10 * rms(before.forces));
    EXPECT_NEAR(g[1], -f[2], 1e-10 * rms(before.forces));
    EXPECT_NEAR(g[2], s * f[0] + c * f[1], 1e-10 * rms(before.forces));
  }
}

TEST_P(EveryShape, NothingJumpsAtTheCutoff)
{
  Frame pair;
  pair.pbc = {false, false, false};
  pair.atomic_numbers = {14, 8};
  auto at = [&](double r) {
    pair.positions = {0, 0, 0, r * 0.6, 0, r * 0.8};
    return predict(committee, potential, pair);
  };
  const double cutoff = potential.settings.cutoff, far = at(cutoff + 0.1).energy;
  EXPECT_EQ(at(cutoff + 1e-9).energy, far);
  // (1-x)^3 at 1 - x = 1e-3/5 is 8e-12, its slope and curvature are of order 1e-8 and 1e-4
  EXPECT_NEAR(at(cutoff - 1e-3).energy, far, 1e-9);
  EXPECT_NEAR(at(cutoff - 1e-3).forces[0], 0.0, 1e-5);
  EXPECT_NE(at(cutoff - 0.5).energy, far);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryShape,
                         ::testing::Values(std::string("fast"), std::string("default"),
                                           std::string("accurate"), std::string("large"),
                                           std::string("radial"), std::string("pairs"),
                                           std::string("odd"), std::string("wide")));

TEST(Committee, GenericKernelsAgreeWithTheCompiledOnesToRounding)
{
  for (const char *preset : {"fast", "default", "accurate", "large"})
    for (const Precision precision : {Precision::full, Precision::mixed}) {
      const Potential p =
          with_zbl(random_potential(shape_settings(preset, {"Si", "O"}), 17), 2.1, 2.5);
      Committee compiled(p, precision), generic(p, precision, Kernels::generic);
      const Frame frame = random_frame(mixed_atoms, 6.5, 3);
      const FramePrediction a = predict(compiled, p, frame), b = predict(generic, p, frame);
      // a few hundred roundings of 1e-16 or 6e-8
      const double tolerance = precision == Precision::full ? 1e-12 : 1e-4;
      EXPECT_NEAR(b.energy, a.energy, tolerance * frame.num_atoms());
      for (int k = 0; k < 5; ++k)
        EXPECT_NEAR(b.member_energies[k], a.member_energies[k], tolerance * frame.num_atoms());
      for (std::size_t q = 0; q < a.forces.size(); ++q)
        EXPECT_NEAR(b.forces[q], a.forces[q], tolerance * rms(a.forces));
      for (std::size_t q = 0; q < a.member_forces.size(); ++q)
        EXPECT_NEAR(b.member_forces[q], a.member_forces[q], tolerance * rms(a.member_forces));
      for (int q = 0; q < 6; ++q)
        EXPECT_NEAR(b.virial[q], a.virial[q], tolerance * frame.num_atoms() * rms(a.forces));
      for (std::size_t q = 0; q < a.descriptors.size(); ++q)
        EXPECT_NEAR(b.descriptors[q], a.descriptors[q],
                    tolerance * (1 + std::abs(a.descriptors[q])));
    }
}

TEST(Committee, IdenticalMembersHaveZeroSpread)
{
  Potential p = random_potential(shape_settings("default", {"Si"}), 5);
  ElementCommittee &c = p.committees[0];
  const int D = p.settings.num_descriptors(), H = p.settings.num_hidden;
  for (int k = 1; k < 5; ++k) {
    std::copy_n(c.hidden.begin(), H * D, c.hidden.begin() + k * H * D);
    std::copy_n(c.hidden_bias.begin(), H, c.hidden_bias.begin() + k * H);
    std::copy_n(c.output.begin(), H, c.output.begin() + k * H);
    std::copy_n(c.skip.begin(), D, c.skip.begin() + k * D);
    c.output_bias[k] = c.output_bias[0];
  }
  Committee committee(p);
  const FramePrediction prediction =
      predict(committee, p, random_frame(std::vector<int>(8, 14), 6.0, 1));
  for (double spread : prediction.spread)
    EXPECT_LT(spread, 1e-12);    // rounding of forces of order 1
}

TEST(Committee, SumsOfPerAtomTermsAreTheTotals)
{
  const Potential p =
      with_zbl(random_potential(shape_settings("default", {"Si", "O"}), 9), 2.1, 2.5);
  Committee committee(p);
  const Frame frame = random_frame(mixed_atoms, 6.5, 3);
  const Surroundings s = find_surroundings(frame, p.settings.cutoff);
  const FrameNeighborhood neighborhood(s, elements_of(frame, p.settings));
  const int *element = neighborhood.view().element;
  std::vector<double> energy(s.num_all()), virial(6 * s.num_all()), centroid(9 * s.num_all()),
      member_energy(5 * s.num_all()), zbl(s.num_all());
  CommitteeOutput out;
  out.atom_energy = energy.data();
  out.atom_virial = virial.data();
  out.centroid_virial = centroid.data();
  out.member_atom_energy = member_energy.data();
  out.zbl_energy = zbl.data();
  committee.evaluate(neighborhood.view(), out);

  EXPECT_NEAR(std::accumulate(energy.begin(), energy.end(), 0.0), out.energy,
              1e-12 * std::abs(out.energy));
  for (int q = 0; q < 6; ++q) {
    double sum = 0, centroid_sum = 0;
    for (int i = 0; i < s.num_all(); ++i) {
      sum += virial[6 * i + q];
      centroid_sum += centroid[9 * i + q];
    }
    EXPECT_NEAR(sum, out.virial[q], 1e-10 * std::abs(out.virial[0]) + 1e-10);
    EXPECT_NEAR(centroid_sum, out.virial[q], 1e-10 * std::abs(out.virial[0]) + 1e-10);
  }
  double repulsion = 0;
  const ShortRange short_range(p);
  for (int i = 0; i < s.num_atoms; ++i)
    for (int q = s.first[i]; q < s.first[i + 1]; ++q) {
      const double *a = &s.positions[3 * i], *b = &s.positions[3 * s.neighbors[q]];
      const double r = std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
      repulsion += 0.5 * short_range.repulsion(element[i], element[s.neighbors[q]], r).value;
    }
  EXPECT_GT(repulsion, 1.0);
  EXPECT_NEAR(std::accumulate(zbl.begin(), zbl.end(), 0.0), repulsion, 1e-12 * repulsion);
  for (int k = 0; k < 5; ++k) {
    double sum = 0;
    for (int i = 0; i < s.num_atoms; ++i) sum += member_energy[5 * i + k];
    EXPECT_NEAR(sum, out.member_energies[k], 1e-12 * std::abs(sum));
  }
}

TEST(Committee, MixedPrecisionAgreesWithDoubleToTheRoundingOfFloat)
{
  for (const char *preset : {"fast", "default", "accurate", "large"}) {
    const Potential p =
        with_zbl(random_potential(shape_settings(preset, {"Si", "O"}), 13), 2.1, 2.5);
    Committee full(p), mixed(p, Precision::mixed);
    const Frame frame = random_frame(mixed_atoms, 6.5, 3);
    const FramePrediction a = predict(full, p, frame), b = predict(mixed, p, frame);
    EXPECT_NEAR(b.energy, a.energy, 1e-5 * frame.num_atoms());
    double sum[3] = {};
    for (std::size_t q = 0; q < a.forces.size(); ++q) {
      EXPECT_NEAR(b.forces[q], a.forces[q],
                  1e-4 * rms(a.forces));    // a few hundred roundings of 6e-8
      sum[q % 3] += b.forces[q];
    }
    for (double total : sum)
      EXPECT_NEAR(total, 0.0, 1e-12);    // pair forces are added and subtracted in double
  }
}

}    // namespace
}    // namespace almlip
