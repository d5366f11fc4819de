// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/extxyz_comment.h"
#include "gzip.h"
#include "message_of.h"

namespace almlip {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

/// A file in a folder of its own that is removed with the object.
class TestFile {
 public:
  explicit TestFile(const std::string &content = "")
  {
    std::string name = (std::filesystem::temp_directory_path() / "almlip-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::ofstream(path(), std::ios::binary) << content;
  }
  ~TestFile() { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/frames.xyz"; }
  std::string folder() const { return folder_; }

 private:
  std::string folder_;
};

std::vector<Frame> read(const std::string &content, const ExtxyzNeeds &needs = {})
{
  return read_extxyz(TestFile(content).path(), needs);
}

/// Message of the error, without the folder.
std::string error_of(const std::string &content, const ExtxyzNeeds &needs = {})
{
  const TestFile file(content);
  const std::string message = test::message_of([&] { read_extxyz(file.path(), needs); });
  return message.rfind(file.folder(), 0) == 0 ? message.substr(file.folder().size() + 1) : message;
}

/// One silicon atom in a cube of 2 Angstrom (8 Angstrom^3) with more keys for the comment line.
std::string cube(const std::string &keys)
{
  return "1\nLattice=\"2 0 0 0 2 0 0 0 2\" Properties=species:S:1:pos:R:3 " + keys + "\nSi 0 0 0\n";
}

const std::string two_atoms =
    "2\n"
    "Lattice=\"4 0 0 0 5 0 0 0 6\" Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.5 pbc=\"T T "
    "F\" config_type=pair\n"
    "Si 0.5 0 0 1e-3 +2 -3\n"
    "C  1.5 0 0 -1e-3 -2 3\n";

TEST(Extxyz, ReadsCellElementsPositionsForcesAndEnergy)
{
  const Frame frame = read(two_atoms).at(0);
  EXPECT_THAT(frame.cell, ElementsAre(4, 0, 0, 0, 5, 0, 0, 0, 6));
  EXPECT_THAT(frame.pbc, ElementsAre(true, true, false));
  EXPECT_THAT(frame.atomic_numbers, ElementsAre(14, 6));
  EXPECT_THAT(frame.positions, ElementsAre(0.5, 0, 0, 1.5, 0, 0));
  EXPECT_THAT(frame.forces, ElementsAre(1e-3, 2, -3, -1e-3, -2, 3));
  EXPECT_EQ(frame.energy, -1.5);
  EXPECT_EQ(frame.config_type, "pair");
  EXPECT_FALSE(frame.virial);
}

TEST(Extxyz, ReadsColumnsInAnyOrder)
{
  const Frame frame =
      read(
          "1\n"
          "Properties=flag:L:1:force:R:3:tag:I:1:charge:R:1:dipole:R:3:label:S:2:pos:R:3:Z:I:1\n"
          "T 1 2 3 7 0.25 4 5 6 a b 7 8 9 14\n")
          .at(0);
  EXPECT_THAT(frame.atomic_numbers, ElementsAre(14));
  EXPECT_THAT(frame.forces, ElementsAre(1, 2, 3));
  EXPECT_THAT(frame.positions, ElementsAre(7, 8, 9));
  EXPECT_THAT(frame.per_atom, ElementsAre(Pair("charge", ElementsAre(0.25))));
  EXPECT_THAT(frame.per_atom_vectors, ElementsAre(Pair("dipole", ElementsAre(4, 5, 6))));
}

TEST(Extxyz, ColumnsOfAllTypesSurviveARoundTrip)
{
  const Frame frame =
      read(
          "1\npbc=\"F F F\" "
          "Properties=species:S:1:pos:R:3:move_mask:L:1:tag:I:1:label:S:2:tensor:R:2\n"
          "Si 1 2 3 T 7 a b 0.5 0.25\n")
          .at(0);
  const TestFile file;
  write_extxyz(file.path(), {frame});
  const std::string text = read_text(file.path());
  EXPECT_THAT(text, testing::HasSubstr(":move_mask:L:1:tag:I:1:label:S:2:tensor:R:2 "));
  EXPECT_THAT(text, testing::HasSubstr("\nSi 1 2 3 T 7 a b 0.5 0.25\n"));
}

TEST(Extxyz, ReadsGzipOfSeveralMembersByItsFirstBytes)
{
  EXPECT_EQ(read(test::gzip(two_atoms)).size(), 1u);
  EXPECT_EQ(read(test::gzip(two_atoms) + test::gzip(two_atoms)).size(),
            2u);    // as `cat a.gz b.gz` makes
}

TEST(Extxyz, WithoutLatticeNothingIsPeriodicAndStressIsIgnored)
{
  const Frame frame = read("1\nstress=\"1 0 0 0 1 0 0 0 1\" energy=-2\nH 0 0 0\n").at(0);
  EXPECT_THAT(frame.pbc, ElementsAre(false, false, false));
  EXPECT_EQ(frame.volume(), 0.0);
  EXPECT_FALSE(frame.virial);
}

TEST(Extxyz, StressOfNineNumbersIsMinusVirialOverVolume)
{
  const Frame frame = read(cube("stress=\"1 4 5 4 2 6 5 6 3\"")).at(0);
  EXPECT_THAT(*frame.virial,
              ElementsAre(-8, -16, -24, -32, -40, -48));    // xx yy zz xy xz yz, times -8
}

TEST(Extxyz, StressOfSixNumbersIsInVoigtOrder)
{
  const Frame frame = read(cube("stress=[1,2,3,6,5,4]")).at(0);    // xx yy zz yz xz xy
  EXPECT_THAT(*frame.virial, ElementsAre(-8, -16, -24, -32, -40, -48));
}

TEST(Extxyz, VirialIsSymmetrised)
{
  const Frame frame = read(cube("virial=\"1 4 5 4.5 2 6 5 7 3\"")).at(0);
  EXPECT_THAT(*frame.virial, ElementsAre(1, 2, 3, 4.25, 5, 6.5));
}

TEST(Extxyz, FreeEnergyToWhichTheForcesBelongWinsOverEnergy)
{
  EXPECT_EQ(read(cube("free_energy=-3"))[0].energy, -3.0);
  EXPECT_EQ(read(cube("free_energy=-3 energy=-2"))[0].energy, -3.0);
}

/// What is read from frames whose labels will be learned.
std::vector<Frame> read_labels(const std::string &content, ReadReport &report, LabelKeys keys = {})
{
  ExtxyzNeeds needs;
  needs.labels = true;
  needs.keys = std::move(keys);
  return read_extxyz(TestFile(content).path(), needs, &report);
}

std::string error_of_labels(const std::string &content, LabelKeys keys = {})
{
  ExtxyzNeeds needs;
  needs.labels = true;
  needs.keys = std::move(keys);
  return error_of(content, needs);
}

TEST(Extxyz, OtherSpellingsOfCellAndLabelsAreTaken)
{
  ReadReport report;
  const Frame frame = read_labels(
                          "1\nlattice=\"2 0 0 0 2 0 0 0 2\" PBC=\"1 1 0\" REF_energy=-1 "
                          "virials=\"1 4 5 4 2 6 5 6 3\" "
                          "Properties=species:S:1:pos:R:3:dft_forces:R:3\nSi 0 0 0 7 8 9\n",
                          report)
                          .at(0);
  EXPECT_EQ(frame.volume(), 8.0);
  EXPECT_THAT(frame.pbc, ElementsAre(true, true, false));
  EXPECT_EQ(frame.energy, -1.0);
  EXPECT_THAT(frame.forces, ElementsAre(7, 8, 9));
  EXPECT_THAT(*frame.virial, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(
      report.text(),
      "1 frame, 1 energies (REF_energy), 1 with forces (dft_forces), 1 with stress (virials)");
}

TEST(Extxyz, CellWithoutPbcIsPeriodicUnderAnyName)
{
  for (const char *key : {"Lattice", "lattice", "cell", "Cell"})
    EXPECT_THAT(read("1\n" + std::string(key) + "=\"2 0 0 0 2 0 0 0 2\"\nSi 0 0 0\n")[0].pbc,
                ElementsAre(true, true, true))
        << key;
}

TEST(Extxyz, ReportCountsWhatWasReadAndWhatWasNot)
{
  ReadReport report;
  read_labels(
      cube("free_energy=-3 energy=-2") + cube("free_energy=-4 energy=-3.5 stress=\"0 0 0 0 0 0\""),
      report);
  EXPECT_EQ(report.text(),
            "2 frames, 2 energies (free_energy), 0 with forces, 1 with stress; not used: energy in "
            "2 frames");
}

TEST(Extxyz, LabelsFromDifferentKeysDoNotMix)
{
  ReadReport report;
  read_labels(cube("free_energy=-3 energy=-2") + cube("energy=-2"), report);
  EXPECT_THROW(report.require_one_source({}), Error);
  EXPECT_NO_THROW(report.require_one_source({{"free_energy", "energy"}, {}, {}}));

  // a code without smearing writes the same number twice
  ReadReport equal;
  read_labels(cube("free_energy=-2 energy=-2") + cube("energy=-2"), equal);
  EXPECT_NO_THROW(equal.require_one_source({}));
  EXPECT_EQ(equal.text(), "2 frames, 2 energies, 0 with forces, 0 with stress");

  ReadReport labelled;
  read_labels(cube("free_energy=-3 energy=-2") + cube("energy=-2 labelled_by=pw.x") +
                  cube("energy=-2 energy_kind=free"),
              labelled);
  EXPECT_NO_THROW(labelled.require_one_source({}));

  // nor is an insulator among metals another source
  ReadReport both;
  read_labels(cube("free_energy=-3 energy=-2") + cube("free_energy=-2 energy=-2.0000005"), both);
  EXPECT_NO_THROW(both.require_one_source({}));
  EXPECT_EQ(both.text(),
            "2 frames, 2 energies (free_energy), 0 with forces, 0 with stress; not used: energy in "
            "1 frames");
}

TEST(Extxyz, NamedKeysAreTaken)
{
  ReadReport report;
  const std::string both = cube("energy=-2 REF_energy=-1");
  EXPECT_EQ(read_labels(both, report, {{"REF_energy"}, {}, {}}).at(0).energy, -1.0);
  EXPECT_EQ(read_labels(both, report, {{"other", "energy"}, {}, {}}).at(0).energy, -2.0);
  EXPECT_FALSE(read_labels(both, report, {{"other"}, {}, {}}).at(0).energy);
}

TEST(Extxyz, AskedForLabelsMayHaveAnyName)
{
  ReadReport report;
  const std::string text =
      "1\nLattice=\"2 0 0 0 2 0 0 0 2\" energy=-1 mine=-2 my_virials=\"1 0 0 0 1 0 0 0 1\" "
      "properties=species:S:1:pos:R:3:pull:R:3\nSi 0 0 0 1 2 3\n";
  const Frame frame = read_labels(text, report, {{"mine"}, {"pull"}, {"my_virials"}}).at(0);
  EXPECT_EQ(frame.energy, -2.0);
  EXPECT_EQ(frame.forces, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(frame.virial->at(0), 1.0);
}

TEST(Extxyz, ContradictingLabelsAreErrors)
{
  const std::string where = "frames.xyz, frame 1, line 2: ";
  EXPECT_EQ(error_of_labels(cube("energy=-2 REF_energy=-1")),
            where +
                "the energy is there as energy and as REF_energy; name the one to take with "
                "--energy-key");
  EXPECT_EQ(error_of(cube("energy=-2 energy=-1")),
            where + "energy is given twice, as \"-2\" and as \"-1\"");
  EXPECT_EQ(error_of_labels("1\npbc=\"F F F\" Properties=species:S:1:pos:R:3:forces:R:3:force:R:3"
                            "\nSi 0 0 0 1 1 1 2 2 2\n"),
            where +
                "the column of forces is there as forces and as force; name the one to take with "
                "--forces-key");
  EXPECT_EQ(error_of(cube("lattice=\"3 0 0 0 3 0 0 0 3\"")),
            where +
                "lattice is \"3 0 0 0 3 0 0 0 3\", but the line has another cell before it; keep "
                "the right one");
  // the virial of 1 eV is a stress of -1/8 eV/Angstrom^3 in this cell; here the sign is wrong
  EXPECT_EQ(
      error_of_labels(cube("virial=\"1 0 0 0 1 0 0 0 1\" stress=\"0.125 0.125 0.125 0 0 0\"")),
      where +
          "virial (-dE/dstrain, eV) and stress (eV/Angstrom^3, ASE's sign) contradict each "
          "other by 2 eV: unit or sign of one is wrong; remove one, or name the right one "
          "with --stress-key");
}

TEST(Extxyz, PlainXyzDoesNotSayWhetherItIsPeriodic)
{
  EXPECT_EQ(error_of("1\nAtoms. Timestep: 0\nSi 0 0 0\n"),    // LAMMPS's dump xyz
            "frames.xyz, frame 1, line 2: this is plain XYZ, which does not say whether it is "
            "periodic; write extended XYZ with Lattice=\"...\", or pbc=\"F F F\" for a molecule");
}

TEST(Extxyz, NumbersBeyondDoubleAreTheNearestOrAnError)
{
  EXPECT_EQ(read(cube("energy=1e-400")).at(0).energy, 0.0);
  EXPECT_EQ(error_of(cube("energy=1e400")),
            "frames.xyz, frame 1, line 2: energy holds 1e400, but numbers must be finite");
}

TEST(Extxyz, ByteOrderMarkIsSkippedAndOtherEncodingsAreNamed)
{
  EXPECT_EQ(read("\xef\xbb\xbf" + two_atoms).size(), 1u);
  EXPECT_EQ(error_of("\xff\xfe"
                     "2"),
            "frames.xyz: this is text in UTF-16, but plain text or gzip is needed; convert it with "
            "iconv -f UTF-16 -t UTF-8");
  EXPECT_EQ(error_of(std::string("\xfd"
                                 "7zXZ\0",
                                 6)),
            "frames.xyz: this is compressed with xz, but plain text or gzip is needed; unpack it "
            "with unxz");
}

TEST(Extxyz, SkipsBlankLinesBetweenFramesAndCarriageReturns)
{
  EXPECT_EQ(read("1\r\nenergy=1\r\nH 0 0 0\r\n\r\n1\r\npbc=\"F F F\"\r\nH 0 0 0\r\n\n").size(), 2u);
}

TEST(ExtxyzComment, UnderstandsQuotesBracketsAndBareKeys)
{
  EXPECT_THAT(
      parse_comment(
          R"(a=1 b="two words" c='it"s' d="say \"hi\"" e f={1 2} g=[[1, 2], [3, 4]] "h i"=x  j = 3)"),
      ElementsAre(Pair("a", "1"), Pair("b", "two words"), Pair("c", "it\"s"),
                  Pair("d", "say \"hi\""), Pair("e", "T"), Pair("f", "1 2"),
                  Pair("g", "[[1, 2], [3, 4]]"), Pair("h i", "x"), Pair("j", "3")));
}

TEST(ExtxyzComment, WhatIsWrittenIsReadBack)
{
  const std::vector<std::string> values = {"plain",       "two words", "say \"hi\"", "",
                                           "back\\slash", "a=b",       "[1, 2]",     "two\nlines"};
  for (const std::string &value : values) {
    std::string line;
    append_key(line, "key", value);
    EXPECT_THAT(parse_comment(line), ElementsAre(Pair("key", value))) << line;
  }
}

TEST(Extxyz, FileRoundTripIsExact)
{
  Frame frame = read(two_atoms).at(0);
  frame.pbc = {true, true, true};
  frame.positions[4] = 0.1 + 0.2;    // needs 17 digits
  frame.energy = -1.0 / 3.0;
  frame.virial = Tensor6{1.0 / 7.0, 2, 3, -0.0, 5e-300, 6e200};
  frame.info["note"] = "a \"quoted\" note";
  frame.per_atom["sigma"] = {0.1, 1e-17};
  frame.per_atom_vectors["reference"] = {1, 2, 3, 4, 5, 1.0 / 3.0};
  const TestFile file;
  write_extxyz(file.path(), {frame, frame});
  const std::vector<Frame> back = read_extxyz(file.path());
  ASSERT_EQ(back.size(), 2u);
  EXPECT_EQ(to_extxyz(back[1]), to_extxyz(frame));
  EXPECT_EQ(back[1].positions, frame.positions);
  EXPECT_EQ(back[1].virial, frame.virial);
  EXPECT_EQ(back[1].info, frame.info);
  EXPECT_EQ(back[1].per_atom, frame.per_atom);
  EXPECT_EQ(back[1].per_atom_vectors, frame.per_atom_vectors);
}

TEST(Extxyz, WritingLeavesNoTemporaryFileAndFailsWithItsReason)
{
  const TestFile file;
  write_extxyz(file.path(), read(two_atoms));
  const auto folder = std::filesystem::directory_iterator(file.folder());
  EXPECT_EQ(std::distance(begin(folder), end(folder)), 1);
  EXPECT_EQ(test::message_of([] { write_atomically("/no-such-folder/x", ""); }),
            "/no-such-folder/x: cannot be written: No such file or directory");
}

TEST(Extxyz, WhatCannotBeWrittenIsToldBeforehand)
{
  const TestFile file("data");
  const auto told = [](const std::string &path, const std::vector<std::string> &inputs = {}) {
    return test::message_of([&] { try_to_write(path, inputs); });
  };
  EXPECT_EQ(told(file.path()), "no error");
  EXPECT_EQ(told("/no-such-folder/x"),
            "/no-such-folder/x: cannot be written: No such file or directory");
  EXPECT_EQ(told(file.folder()),
            file.folder() + ": cannot be written: it is a folder; name a file");
  EXPECT_EQ(told("/dev/null"),
            "/dev/null: cannot be written: it is no ordinary file; name another");
  EXPECT_EQ(told(file.path() + ".gz"),
            file.path() +
                ".gz: what is written is plain text; name it without .gz, and run gzip "
                "on it");
  EXPECT_EQ(told(file.path(), {"/no-such-file", file.folder() + "/./frames.xyz"}),
            file.path() + " is read, so that it cannot be written as well; name another file");
  const auto folder = std::filesystem::directory_iterator(file.folder());
  EXPECT_EQ(std::distance(begin(folder), end(folder)), 1);
  EXPECT_EQ(read_text(file.path()), "data");
}

TEST(Extxyz, ErrorsNameFileFrameLineAndRemedy)
{
  EXPECT_EQ(error_of(""), "frames.xyz: there is no frame in this file");
  EXPECT_EQ(error_of("two\n"),
            "frames.xyz, frame 1, line 1: a frame must begin with its number of atoms, 1 or more, "
            "but there is \"two\"");
  EXPECT_EQ(error_of(two_atoms + "3\nenergy=1\nSi 0 0 0\n"),
            "frames.xyz, frame 2, line 7: the frame has 3 atoms, but the file ends after 1 of "
            "them; it is incomplete");
  EXPECT_EQ(error_of("1\nenergy=0\nXx 0 0 0\n"),
            "frames.xyz, frame 1, line 3: \"Xx\" is not a chemical element");
  EXPECT_EQ(error_of("2\nenergy=0\nSi 0 0 0\n1\n\nSi 0 0 0\n"),
            "frames.xyz, frame 1, line 4: \"1\" is where a chemical element is expected; are there "
            "fewer atoms than the frame's first line says?");
  EXPECT_EQ(error_of("1\nenergy=0\nSi 0 nan 0\n"),
            "frames.xyz, frame 1, line 3: column \"pos\" holds nan, but numbers must be finite");
  EXPECT_EQ(error_of("1\nenergy=0\nSi 0 1.5e- 0\n"),
            "frames.xyz, frame 1, line 3: column \"pos\" holds \"1.5e-\", which is not a number");
  EXPECT_EQ(error_of("1\nenergy=0\nSi 0 0\n"),
            "frames.xyz, frame 1, line 3: the line ends before column \"pos\" of atom 1; "
            "Properties=species:S:1:pos:R:3");
  EXPECT_EQ(
      error_of("1\nenergy=0\nSi 0 0 0 1\n"),
      "frames.xyz, frame 1, line 3: the line has more columns than Properties=species:S:1:pos:R:3");
  EXPECT_EQ(error_of("1\nname=\"a b\nSi 0 0 0\n"),
            "frames.xyz, frame 1, line 2: a quote \" is opened but never closed");
  EXPECT_EQ(error_of("1\nProperties=pos:R:3\n0 0 0\n"),
            "frames.xyz, frame 1, line 2: there is no column \"species:S:1\" or \"Z:I:1\" in "
            "Properties=pos:R:3");
}

TEST(Extxyz, ErrorsOfTheCommentLine)
{
  const std::string where = "frames.xyz, frame 1, line 2: ";
  EXPECT_EQ(error_of(cube("energy=inf")), where + "energy holds inf, but numbers must be finite");
  EXPECT_EQ(error_of(cube("virial=\"1 2 3\"")), where + "virial has 3 numbers, but 9 are needed");
  EXPECT_EQ(error_of(cube("pbc=\"T T maybe\"")),
            where + "pbc is \"T T maybe\", but three of T and F are needed");
  EXPECT_EQ(error_of("1\nLattice=\"2 0 0 0 2 0 2 2 0\"\nSi 0 0 0\n"),
            where +
                "the periodic cell has a volume of 0 Angstrom^3; give three independent vectors in "
                "Lattice, or set pbc=\"F F F\"");
  EXPECT_EQ(
      error_of("1\npbc=\"T T T\"\nSi 0 0 0\n"),
      where +
          "pbc asks for a periodic cell, but there is no Lattice; give it, or set pbc=\"F F F\"");
}

TEST(Extxyz, WhatIsNeededButMissingIsAnError)
{
  const std::string where = "frames.xyz, frame 1, line 2: ";
  EXPECT_EQ(error_of(cube(""), {true, false}),
            where +
                "there is no energy=... in the comment line, but the energy is needed; add it, in "
                "eV");
  EXPECT_EQ(
      error_of(cube(""), {false, true}),
      where +
          "there is no column \"forces\" in Properties=species:S:1:pos:R:3, but forces are needed");
}

TEST(Extxyz, DamagedGzipIsAnError)
{
  const std::string packed = test::gzip(two_atoms);
  EXPECT_EQ(error_of(packed.substr(0, packed.size() - 12)),
            "frames.xyz: the gzip stream ends too early; the file is incomplete, get it again");
  std::string flipped = packed;
  flipped[packed.size() - 6] ^= 1;    // in the checksum
  EXPECT_EQ(error_of(flipped),
            "frames.xyz: the gzip stream is damaged (incorrect data check); get the file again");
}

TEST(Extxyz, MissingFileAndFolderAreErrors)
{
  EXPECT_EQ(test::message_of([] { read_extxyz("/no-such-file"); }),
            "/no-such-file: cannot be read: No such file or directory");
  EXPECT_THROW(read_extxyz("/"), Error);
}

TEST(Extxyz, ReadsRealDataCompletely)
{
  const char *data = std::getenv("ALMLIP_DATA");
  if (!data) GTEST_SKIP() << "ALMLIP_DATA does not name the folder of the reference data";
  const std::vector<Frame> frames =
      read_extxyz(std::string(data) + "/mlearn_zuo2020/Si_test.extxyz.gz", {true, true});
  EXPECT_EQ(frames.size(), 25u);    // README of the data set
  EXPECT_EQ(frames[0].info.at("description"),
            "Snapshot 7 of 32 of Vacancy AIMD NVT simulation at 300 K");
  EXPECT_EQ(frames[0].virial->at(3), -2.406667);
}

}    // namespace
}    // namespace almlip
