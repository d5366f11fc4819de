// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/known_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "almlip/learned_frames.h"
#include "almlip/query/spool_format.h"
#include "random_potential.h"

namespace almlip {
namespace {

/// Two silicon atoms in a cell, as read from a file with an energy.
Frame dimer(double energy, double distance)
{
  Frame frame;
  frame.cell = {8, 0, 0, 0, 8, 0, 0, 0, 8};
  frame.atomic_numbers = {14, 14};
  frame.positions = {0, 0, 0, distance, 0, 0};
  frame.energy = energy;
  return frame;
}

std::string extxyz(const Frame &frame)
{
  return "2\nLattice=\"8 0 0 0 8 0 0 0 8\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" energy=" +
         std::to_string(*frame.energy) + "\nSi 0 0 0\nSi " + std::to_string(frame.positions[3]) +
         " 0 0\n";
}

// The record of the training set counts the atoms of all its frames, and keeps few fingerprints.
TEST(KnownFiles, AtomsOfALearnedFrameDoNotCountAgain)
{
  const Frame learned = dimer(-8.5, 2.4), other = dimer(-8.0, 2.7);
  const std::string file = (std::filesystem::temp_directory_path() / "known_files.extxyz").string();
  std::ofstream(file) << extxyz(learned) << extxyz(other);
  Potential potential = test::random_potential(test::shape_settings("fast", {"Si"}), 1);
  const auto read = [&](KnownConfigurations &known) {
    known.reset(2 * potential.settings.num_descriptors());
    LabelledAtoms labelled = training_atoms(potential);
    KnownFiles files({file}, "al");
    files.read_new(potential, "hash", 0.01, known, labelled);
    return labelled.gram[0].back();    // the number of atoms
  };
  const double before = training_atoms(potential).gram[0].back();
  KnownConfigurations known;
  EXPECT_EQ(read(known) - before, 4.0);

  potential.provenance = R"({"learned": [")" + mark_of(learned) + R"("]})";
  EXPECT_EQ(read(known) - before, 2.0);
  EXPECT_EQ(known.count(), 2);    // neither is chosen again
  std::filesystem::remove(file);
}

TEST(KnownFiles, DamageInASpoolCostsOnlyTheFrameItIsIn)
{
  const std::string file = (std::filesystem::temp_directory_path() / "known_spool.extxyz").string();
  std::string text;
  for (const double distance : {2.2, 2.4, 2.6}) text += to_spool_text(dimer(-8.0, distance));
  const Potential potential = test::random_potential(test::shape_settings("fast", {"Si"}), 1);
  const auto num_read = [&] {
    KnownConfigurations known;
    known.reset(2 * potential.settings.num_descriptors());
    LabelledAtoms labelled = training_atoms(potential);
    KnownFiles files({file}, "al");
    return files.read_new(potential, "hash", 0.01, known, labelled);
  };
  std::ofstream(file, std::ios::binary) << text;
  EXPECT_EQ(num_read(), 3);
  std::ofstream(file, std::ios::binary) << std::string(50, '\0') << text.substr(50);
  EXPECT_EQ(num_read(), 2);
  text[text.size() / 2] = '?';
  std::ofstream(file, std::ios::binary) << text;
  EXPECT_EQ(num_read(), 2);
  std::filesystem::remove(file);
}

}    // namespace
}    // namespace almlip
