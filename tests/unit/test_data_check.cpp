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

TEST(CheckResiduals, PredictionsThatFailOnAPerfectCrystalAreNoWrongLabel)
{
  ForceLabels labels;
  labels.add_usual();
  labels.add("perfect", 0.002, 0.5);
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

/// Frames whose stresses, eV/Angstrom^3, are predicted to 1 %, but for what a test does to a label.
struct StressLabels {
  std::vector<Frame> frames;
  std::vector<Compared> compared;

  /// @param size  of the stresses, eV/Angstrom^3
  void add(const std::string &config_type, double size)
  {
    Frame frame;
    frame.config_type = config_type;
    frame.cell = {5, 0, 0, 0, 5, 0, 0, 0, 5};
    frame.atomic_numbers = {14};
    frame.virial = Tensor6{};
    Compared c;
    c.has_stress = true;
    for (std::size_t q = 0; q < 6; ++q) {
      c.label_stress[q] = size * std::sin(static_cast<double>(7 * frames.size() + q + 1));
      c.stress[q] = 1.01 * c.label_stress[q];
    }
    frames.push_back(frame);
    compared.push_back(c);
  }
  void exchange_yz_and_xz(std::size_t frame)
  {
    std::swap(compared[frame].label_stress[4], compared[frame].label_stress[5]);
  }
  std::vector<std::size_t> named(const std::string &words) const
  {
    for (const Finding &finding : check_residuals(frames, compared))
      if (finding.what.find(words) != std::string::npos) return finding.frames;
    return {};
  }
};

TEST(CheckResiduals, ExchangedShearOfOneKindIsNotHiddenByLargerStressesOfAnother)
{
  StressLabels labels;
  for (int n = 0; n < 10; ++n) labels.add("elastic", 0.1);
  for (int n = 0; n < 10; ++n) labels.add("hot", 0.002);
  for (std::size_t f = 10; f < 20; ++f) labels.exchange_yz_and_xz(f);

  EXPECT_EQ(labels.named("shear"),
            (std::vector<std::size_t>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
}

TEST(CheckResiduals, FewFramesOfAKindHaveTheOrderOfTheOthers)
{
  StressLabels labels;
  for (int n = 0; n < 10; ++n) labels.add("elastic", 0.1);
  for (int n = 0; n < 2; ++n) labels.add("slab", 0.1);
  for (std::size_t f = 0; f < 12; ++f) labels.exchange_yz_and_xz(f);

  EXPECT_EQ(labels.named("shear").size(), 12u);
}

TEST(CheckResiduals, RightShearOfFewFramesOfAKindIsLeftAlone)
{
  StressLabels labels;
  for (int n = 0; n < 10; ++n) labels.add("hot", 0.01);
  for (int n = 0; n < 6; ++n) labels.add("elastic", 0.1);
  for (std::size_t f = 0; f < 10; ++f) labels.exchange_yz_and_xz(f);

  EXPECT_EQ(labels.named("shear"), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(CheckResiduals, FewFramesOfKindsTogetherTellAnOrderAndEachIsJudgedByItself)
{
  StressLabels labels;
  for (const char *kind : {"hot", "vacancy", "elastic"})
    for (int n = 0; n < 4; ++n) labels.add(kind, 0.01);
  for (std::size_t f = 0; f < 8; ++f) labels.exchange_yz_and_xz(f);

  EXPECT_EQ(labels.named("shear"), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(CheckResiduals, ARightFrameAmongExchangedOnesOfItsKindIsLeftAlone)
{
  StressLabels labels;
  for (int n = 0; n < 12; ++n) labels.add("hot", 0.01);
  for (std::size_t f = 1; f < 12; ++f) labels.exchange_yz_and_xz(f);

  EXPECT_EQ(labels.named("shear"), (std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(CheckResiduals, AShearThatThePotentialDoesNotTellIsSaidToBeUndecided)
{
  StressLabels labels;
  for (int n = 0; n < 10; ++n) labels.add("hot", 0.01);
  for (std::size_t f = 0; f < 10; ++f) labels.exchange_yz_and_xz(f);
  labels.add("slab", 0.01);    // predicted halfway between the two orders
  auto &slab = labels.compared.back();
  slab.stress[4] = slab.stress[5] = 0.5 * (slab.label_stress[4] + slab.label_stress[5]);

  EXPECT_EQ(labels.named("shear components of the stress are exchanged: yz and xz").size(), 10u);
  EXPECT_EQ(labels.named("does not tell whether"), std::vector<std::size_t>{10});
}

/// Ten stresses in GPa, and a right one of a kind, whose cosine with the predicted one, 0.935, is
/// too low to tell a factor.
std::vector<std::size_t> named_beside_gpa(const std::string &kind, const std::string &words)
{
  StressLabels labels;
  for (int n = 0; n < 10; ++n) {
    labels.add("elastic", 0.02);
    for (double &component : labels.compared.back().label_stress) component *= 160.2177;
    labels.compared.back().stress_factor = 1.01 / 160.2177;
  }
  labels.add(kind, 0.02);
  labels.compared.back().label_stress = {0.02, -0.01, -0.01, 0.01, 0, 0};
  labels.compared.back().stress = {0.02, -0.01, -0.01, 0.01, 0.01, 0};
  return labels.named(words);
}

TEST(CheckResiduals, AStressThatIsNearerAsGivenIsNotConverted)
{
  for (const char *kind : {"elastic", "hot"})
    EXPECT_EQ(named_beside_gpa(kind, "looks like GPa beside").size(), 10u) << kind;
}

TEST(CheckResiduals, RightOrderOfTheShearIsNotDoubted)
{
  StressLabels labels;
  for (int n = 0; n < 10; ++n) labels.add("elastic", 0.1);
  for (int n = 0; n < 3; ++n) labels.add("slab", 0.1);
  EXPECT_TRUE(check_residuals(labels.frames, labels.compared).empty());
}

TEST(CheckResiduals, OneStressInAnotherUnitIsFound)
{
  StressLabels labels;
  for (int n = 0; n < 12; ++n) labels.add("elastic", 0.02);
  for (double &component : labels.compared[3].label_stress) component *= 160.2;

  EXPECT_EQ(labels.named("stress does not fit"), std::vector<std::size_t>{3});
}

constexpr double hartree = 27.211386, kcal_per_mol = 1.0 / 23.06055;    // eV

/// Cells of two copper atoms with these energies, eV per atom.
std::vector<Frame> with_energies(const std::vector<double> &energies)
{
  std::vector<Frame> frames;
  for (const double energy : energies) {
    Frame frame;
    frame.source = "a.extxyz, frame " + std::to_string(frames.size() + 1);
    const double side = 4.0 + 0.1 * double(frames.size());    // none twice
    frame.cell = {side, 0, 0, 0, side, 0, 0, 0, side};
    frame.atomic_numbers = {29, 29};
    frame.positions = {0, 0, 0, 2, 2, 2};
    frame.forces = {0.1, 0, 0, -0.1, 0, 0};
    frame.energy = 2.0 * energy;
    frames.push_back(frame);
  }
  return frames;
}

std::string told_of(const std::vector<double> &energies)
{
  const std::vector<Frame> frames = with_energies(energies);
  return text_of(check_labels(frames), frames);
}

TEST(CheckLabels, EnergiesInHartreeBesideElectronvoltsAreFound)
{
  const std::string told = told_of({-3.7, -3.6, -3.5, -3.65 / hartree, -3.55 / hartree});
  EXPECT_EQ(told.find("  2 of 5 frames: the energies look like Hartree, those of other frames of "
                      "the composition like eV\n"),
            0u);
  EXPECT_NE(told.find("frame 4; frame 5"), std::string::npos);
}

TEST(CheckLabels, MoreEnergiesInAnotherUnitThanInElectronvoltsAreFound)
{
  const double big = 1.0 / kcal_per_mol;
  EXPECT_EQ(told_of({-3.7, -3.6, -3.5 * big, -3.55 * big, -3.6 * big})
                .find("  3 of 5 frames: the energies look like kcal/mol"),
            0u);
}

TEST(CheckLabels, AnEnergyBetweenTwoUnitsHidesNeither)
{
  std::vector<double> energies{-0.6};    // of a cluster, say
  for (int n = 0; n < 30; ++n) {
    energies.push_back(-3.5 - 0.01 * n);
    energies.push_back(energies.back() / hartree);
  }
  EXPECT_EQ(told_of(energies).find("  30 of 61 frames: the energies look like Hartree"), 0u);
}

TEST(CheckLabels, EnergiesAboveAGroundStateAreNoUnits)
{
  EXPECT_EQ(told_of({0.011, 0.012, 0.013, 0.3, 0.33, 0.35}), "");    // a phase, and a liquid
}

TEST(CheckLabels, EnergiesFromASolidToADimerAreNoUnits)
{
  EXPECT_EQ(told_of({-3.7, -3.6, -3.5, -2.1, -1.0, -0.5, -0.14, -0.13, -0.12}), "");
}

/// Ten perfect crystals with errors of 1 meV/atom and 1e-4 eV/Angstrom^3, and one more.
std::string told_of_one(double energy_error, double stress_error)
{
  std::vector<Frame> frames = with_energies(std::vector<double>(11, -3.7));
  std::vector<Compared> compared(11);
  for (std::size_t n = 0; n < 11; ++n) {
    const double sign = n % 2 == 0 ? 1.0 : -1.0;
    frames[n].forces.assign(6, 0.0);
    compared[n].energy_error = n < 10 ? 0.001 * sign : energy_error;
    compared[n].has_stress = true;
    compared[n].stress[0] = n < 10 ? 1e-4 * sign : stress_error;
  }
  return text_of(check_residuals(frames, compared), frames);
}

TEST(CheckResiduals, AWrongEnergyOfAPerfectCrystalIsFoundIfItsStressFits)
{
  EXPECT_EQ(told_of_one(0.1, 1e-4).find("  1 of 11 frames: the energy does not fit"), 0u);
  EXPECT_EQ(told_of_one(0.1, 0.01), "");    // the potential fails there
}

}    // namespace
}    // namespace almlip::train
