// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/files/lammps_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gzip.h"
#include "message_of.h"

using namespace almlip;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

namespace {

/// A dump in a folder of its own that is removed with the object.
class DumpFile {
 public:
  explicit DumpFile(const std::string &text)
  {
    std::string name = (std::filesystem::temp_directory_path() / "almlip-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::ofstream(path(), std::ios::binary) << text;
  }
  ~DumpFile() { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/run.dump"; }

 private:
  std::string folder_;
};

std::vector<Frame> read(const std::string &text, const std::vector<std::string> &elements = {})
{
  const DumpFile file(text);
  LammpsDump dump(file.path(), elements);
  std::vector<Frame> frames;
  for (Frame frame; dump.next(frame);) frames.push_back(frame);
  return frames;
}

/// Message of the error, without the folder.
std::string error_of(const std::string &text, const std::vector<std::string> &elements = {"Si"})
{
  const DumpFile file(text);
  const std::string message = test::message_of([&] {
    LammpsDump dump(file.path(), elements);
    for (Frame frame; dump.next(frame);) {
    }
  });
  const std::size_t start = message.find("run.dump");
  return start == std::string::npos ? message : message.substr(start);
}

std::string snapshot(int step, const std::string &box, const std::string &columns,
                     const std::string &atoms)
{
  const auto num_atoms = std::count(atoms.begin(), atoms.end(), '\n');
  return "ITEM: TIMESTEP\n" + std::to_string(step) + "\nITEM: NUMBER OF ATOMS\n" +
         std::to_string(num_atoms) + "\nITEM: BOX BOUNDS " + box + "ITEM: ATOMS " + columns + "\n" +
         atoms;
}

const std::string cube = "pp pp pp\n0 4\n0 4\n0 4\n";    // Angstrom
/// lx 8, ly 7, lz 6, xy 1, xz -2, yz 0.5 from the corner 10 20 30. Bounds as LAMMPS's manual has
/// them: xlo + min(0, xy, xz, xy + xz) and so on.
const std::string tilted = "xy xz yz pp pp ff\n8 19 1\n20 27.5 -2\n30 36 0.5\n";

auto near(double x, double y, double z)
{
  return ElementsAre(DoubleNear(x, 1e-12), DoubleNear(y, 1e-12), DoubleNear(z, 1e-12));
}

}    // namespace

TEST(LammpsDump, SortsAtomsAndMapsTypes)
{
  const Frame frame = read(snapshot(50, "pp fs ff\n-1 3\n0 5\n2 8\n", "id type x y z vx",
                                    "2 1 0 1 2.5 9\n1 2 -1 0 2 9\n"),
                           {"Si", "C"})
                          .at(0);

  EXPECT_THAT(frame.atomic_numbers, ElementsAre(6, 14));
  EXPECT_THAT(frame.positions, ElementsAre(0, 0, 0, 1, 1, 0.5));    // from the corner -1 0 2
  EXPECT_THAT(frame.cell, ElementsAre(4, 0, 0, 0, 5, 0, 0, 0, 6));
  EXPECT_THAT(frame.pbc, ElementsAre(true, false, false));
  EXPECT_EQ(frame.info.at("step"), "50");
}

/// LAMMPS writes pp for z in two dimensions, too, where it is no period.
TEST(LammpsDump, ASheetIsPeriodicInZOrNotAsItsRunWas)
{
  const std::string low = "pp pp pp\n0 4\n0 4\n-0.5 0.5\n", columns = "id type x y z";
  const std::string sheet = snapshot(20, low, columns, "1 1 0 0 0\n2 1 2 2 0\n");
  EXPECT_EQ(error_of(sheet),
            "run.dump, line 11: step 20: all atoms have the same z in a box 1 Angstrom high, and "
            "the dump does not tell whether the run was one of dimension 2; give --dimension 2, or "
            "--dimension 3 if the layers are stacked");
  const DumpFile file(sheet);
  for (const int dimension : {2, 3}) {
    LammpsDump dump(file.path(), {"Si"}, "", dimension);
    Frame frame;
    ASSERT_TRUE(dump.next(frame));
    EXPECT_THAT(frame.pbc, ElementsAre(true, true, dimension == 3));
  }
  const std::string high = "pp pp pp\n0 4\n0 4\n0 12\n";    // no image is near
  EXPECT_TRUE(read(snapshot(0, high, columns, "1 1 0 0 0\n2 1 2 2 0\n"), {"Si"}).at(0).pbc[2]);
  EXPECT_TRUE(read(snapshot(0, low, columns, "1 1 0 0 0\n"), {"Si"}).at(0).pbc[2]);    // a crystal
}

TEST(LammpsDump, KeepsAColumnInTheOrderOfTheAtoms)
{
  const DumpFile file(snapshot(0, cube, "id type x y z v_hot", "2 1 0 1 2 0.5\n1 1 1 0 3 0\n"));
  for (const char *name : {"v_hot", "v_cold"}) {
    LammpsDump dump(file.path(), {"Si"}, name);
    Frame frame;
    ASSERT_TRUE(dump.next(frame));
    if (std::string(name) == "v_hot")
      EXPECT_THAT(frame.per_atom.at(name), ElementsAre(0, 0.5));
    else
      EXPECT_TRUE(frame.per_atom.empty());
  }
}

TEST(LammpsDump, FindsTheTriclinicCellInItsBoundingBox)
{
  const Frame frame =
      read(snapshot(0, tilted, "element x y z", "Si 10 20 30\nSi 11.5 20 31\n")).at(0);

  EXPECT_THAT(frame.cell, ElementsAre(8, 0, 0, 1, 7, 0, -2, 0.5, 6));
  EXPECT_THAT(frame.pbc, ElementsAre(true, true, false));
  EXPECT_THAT(frame.positions, ElementsAre(0, 0, 0, 1.5, 0, 1));
}

TEST(LammpsDump, ScaledPositionsAreAlongTheCellVectors)
{
  for (const char *columns : {"element xs ys zs", "element xsu ysu zsu"})
    EXPECT_THAT(read(snapshot(0, tilted, columns, "Si 0.5 1 0.25\n")).at(0).positions,
                near(0.5 * 8 + 1.0 * 1 - 0.25 * 2, 1.0 * 7 + 0.25 * 0.5, 0.25 * 6));
}

TEST(LammpsDump, ReadsGeneralTriclinicBoxes)
{
  const Frame frame =
      read(snapshot(0, "abc origin pp pp pp\n8 0.8 0 1\n2.4 8 1.6 2\n0.8 1.6 8.8 3\n",
                    "element xu yu zu", "Si 1 2 3.5\n"))
          .at(0);

  EXPECT_THAT(frame.cell, ElementsAre(8, 0.8, 0, 2.4, 8, 1.6, 0.8, 1.6, 8.8));
  EXPECT_THAT(frame.positions, ElementsAre(0, 0, 0.5));
}

TEST(LammpsDump, ElementsGivenWinOverTheColumn)
{
  const std::string text = snapshot(0, cube, "type element x y z", "1 C 0 0 0\n");
  EXPECT_THAT(read(text).at(0).atomic_numbers, ElementsAre(6));
  EXPECT_THAT(read(text, {"Si"}).at(0).atomic_numbers, ElementsAre(14));
}

TEST(LammpsDump, ReadsGzip)
{
  const std::string text = snapshot(1, cube, "element x y z", "Si 0 0 0\n") +
                           snapshot(2, cube, "element x y z", "Si 0 0 0\nSi 1 1 1\n");
  const DumpFile file("");
  gzFile packed = gzopen(file.path().c_str(), "wb");
  gzwrite(packed, text.data(), static_cast<unsigned>(text.size()));
  gzclose(packed);
  LammpsDump dump(file.path(), {});
  Frame frame;

  ASSERT_TRUE(dump.next(frame));
  ASSERT_TRUE(dump.next(frame));
  EXPECT_EQ(frame.num_atoms(), 2);
  EXPECT_FALSE(dump.next(frame));
}

TEST(LammpsDump, TornSnapshotsArePassedOver)
{
  const std::string whole = snapshot(1, cube, "element x y z", "Si 0 0 0\nSi 2.5 2.5 2.5\n");
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const std::string torn = whole.substr(0, length);
    EXPECT_EQ(read(whole + torn).size(), 1u) << length;
    EXPECT_EQ(read(torn + whole).size(), 1u) << length;    // a restarted run appends
  }
}

TEST(LammpsDump, AGzipStreamThatIsCutOffEndsThere)
{
  std::string text;
  for (int step = 0; step < 200; ++step)
    text += snapshot(step, cube, "element x y z", "Si 0 0 0\nSi 2.5 2.5 2.5\n");
  const std::string packed = test::gzip(text);
  const std::size_t found = read(packed.substr(0, packed.size() * 3 / 4)).size();
  EXPECT_GT(found, 100u);
  EXPECT_LT(found, 200u);
}

TEST(LammpsDump, NoteTellsOfATornSnapshot)
{
  const DumpFile file(snapshot(1, cube, "element x y z", "Si 0 0 0\n") + "ITEM: TIMESTEP\n2\n");
  LammpsDump dump(file.path(), {});
  for (Frame frame; dump.next(frame);) {
  }
  EXPECT_THAT(dump.notes(), ElementsAre(file.path() + ": the snapshot from line 11 on is not "
                                                      "complete and was skipped"));
}

TEST(LammpsDump, ErrorsSayWhereAndWhatToDo)
{
  EXPECT_EQ(error_of(snapshot(0, cube, "id type x y z", "1 1 0 0 0\n"), {}),
            "run.dump, line 9: the elements of the atoms are not known; give --elements with a "
            "symbol for each atom type");
  EXPECT_EQ(
      error_of(snapshot(0, cube, "id type x y z", "1 2 0 0 0\n")),
      "run.dump, line 10: an atom has type 2, but --elements has 1 symbols; give one for each "
      "type");
  EXPECT_EQ(
      error_of(snapshot(0, cube, "id type fx fy fz", "1 1 0 0 0\n")),
      "run.dump, line 9: there are no positions among the columns id type fx fy fz; x y z, xs "
      "ys zs, xu yu zu or xsu ysu zsu are needed");
  EXPECT_EQ(error_of(snapshot(0, cube, "id type x y z", "1 1 0 0\n")),
            "run.dump, line 10: there are 4 words, but 5 columns");
  EXPECT_EQ(
      error_of(snapshot(0, "\n0 4\n0 4\n0 4\n", "id type x y z", "1 1 0 0 0\n")),
      "run.dump, line 5: the boundary is \"BOX BOUNDS\", but three flags such as \"pp pp ff\" "
      "are needed");
  EXPECT_EQ(error_of("ITEM: UNITS\nlj\n" + snapshot(0, cube, "id type x y z", "1 1 0 0 0\n")),
            "run.dump, line 2: the units are lj, but positions must be in Angstrom: units metal or "
            "real");
  EXPECT_EQ(error_of("", {"Xx"}),
            "--elements: \"Xx\" is not a chemical element; give a symbol for each atom type");
}
