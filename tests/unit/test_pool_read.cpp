// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "message_of.h"
#include "pool/pool_convert.h"
#include "pool/pool_filter.h"
#include "pool/pool_read.h"

namespace almlip::pool {
namespace {

using test::message_of;

std::string write(const std::string &name, const std::string &text)
{
  const std::string path = (std::filesystem::path(testing::TempDir()) / name).string();
  std::ofstream(path) << text;
  return path;
}

TEST(Formula, IsReadWithBracketsAndBlanks)
{
  EXPECT_EQ(parse_formula("TiO2"), (std::vector<int>{22, 8, 8}));
  EXPECT_EQ(parse_formula("Ca(OH)2"), (std::vector<int>{20, 8, 1, 8, 1}));
  EXPECT_EQ(parse_formula("Cs1 Cl1"), (std::vector<int>{55, 17}));
  EXPECT_EQ(parse_formula("Fe2.0"), (std::vector<int>{26, 26}));
  for (const char *bad : {"Xx2", "TiO2)", "(TiO2", "Fe0.5Ni0.5", "2TiO", "Ti0", ""})
    EXPECT_TRUE(parse_formula(bad).empty()) << bad;
}

TEST(Formula, IsReducedInAlphabeticalOrder)
{
  EXPECT_EQ(reduced_formula({22, 8, 8, 22, 8, 8}), "O2Ti");
  EXPECT_EQ(reduced_formula({26, 26}), "Fe");
}

const std::string salt =
    R"({"id": "s", "formula": "ClNa", "species": ["Na", "Cl"], "lattice": [[4, 0, 0], [0, 4, 0], [0, 1, 4]],
 "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]], "formation_energy_per_atom": -2.1, "band_gap": 5, "e_above_hull_est": 0.01,
 "fermi_energy": null, "total_magnetization": 0.0})";

std::string one_line(std::string text)
{
  for (char &c : text)
    if (c == '\n') c = ' ';
  return text + "\n";
}

TEST(ReadPool, TakesStructuresFromJsonLines)
{
  const Pool pool = read_pool(write("salt.jsonl", one_line(salt)));
  ASSERT_EQ(pool.entries.size(), 1U);
  const PoolEntry &entry = pool.entries[0];
  EXPECT_EQ(entry.formula, "ClNa");
  EXPECT_NEAR(entry.frame.positions[4], 0.5 * 4 + 0.5 * 1,
              1e-12);    // y: second and third cell vector
  EXPECT_EQ(entry.energy_above_hull, 0.01);
  EXPECT_FALSE(entry.fermi_energy.has_value());
  EXPECT_EQ(pool.dropped_text(), "none");
}

TEST(ReadPool, WritesWhatItReads)
{
  const Pool pool = read_pool(write("salt.jsonl", one_line(salt)));
  const std::string path = write("again.jsonl", "");
  write_pool(path, pool.entries);
  const PoolEntry again = read_pool(path).entries.at(0);
  for (int i = 0; i < 6; ++i)
    EXPECT_NEAR(again.frame.positions[i], pool.entries[0].frame.positions[i], 1e-8);
  EXPECT_EQ(again.formation_energy, -2.1);
  EXPECT_EQ(again.band_gap, 5.0);
}

TEST(ReadPool, CountsUnusableRowsByReason)
{
  const std::string rest = R"("formula": "TiO2", )";
  const Pool pool = read_pool(write(
      "bad.jsonl", "{" + rest +
                       R"("formation_energy_per_atom": -3, "band_gap": 2})"
                       "\n"
                       "{" +
                       rest +
                       R"("band_gap": 2})"
                       "\n"
                       "{" +
                       rest +
                       R"("formation_energy_per_atom": NaN, "band_gap": 2})"
                       "\n"
                       "{" +
                       rest +
                       R"("formation_energy_per_atom": -3, "band_gap": null})"
                       "\n"
                       "{" +
                       rest +
                       R"("formation_energy_per_atom": "low", "band_gap": 2})"
                       "\n"
                       R"({"formula": "XxO", "formation_energy_per_atom": -3, "band_gap": 2})"
                       "\n"
                       R"({"species": ["Xx"], "formation_energy_per_atom": -3, "band_gap": 2})"
                       "\n"
                       R"({"formation_energy_per_atom": -3, "band_gap": -2})"
                       "\n"
                       R"({"formation_energy_per_atom": -3, "band_gap": 2})"
                       "\n"));
  EXPECT_EQ(pool.entries.size(), 1U);
  EXPECT_EQ(pool.dropped_text(),
            "1 with a formation_energy_per_atom that is not a number, 1 with a formula that is not "
            "understood, 1 with a negative band_gap, "
            "1 with an unknown element, 1 without band_gap, 2 without formation_energy_per_atom, 1 "
            "without formula");
}

TEST(ReadPool, CountsDamagedStructures)
{
  std::string short_list = salt, flat = salt;
  short_list.replace(short_list.find(", [0.5, 0.5, 0.5]"), 17, "");
  flat.replace(flat.find("[0, 1, 4]"), 9, "[0, 1, 0]");
  const Pool pool =
      read_pool(write("damaged.jsonl", one_line(salt) + one_line(short_list) + one_line(flat)));
  EXPECT_EQ(pool.dropped_text(), "1 with a cell that has no volume, 1 with a damaged frac_coords");
}

TEST(ReadPool, TakesCsvWithQuotedFields)
{
  const Pool pool = read_pool(write("p.csv",
                                    "id,formula,formation_energy_per_atom,band_gap,note\n"
                                    "\"a,1\",TiO2,-3.2,1.5,\"say \"\"x\"\"\"\n"
                                    "b,FeO,,0.0,\n"));
  ASSERT_EQ(pool.entries.size(), 1U);
  EXPECT_EQ(pool.entries[0].id, "a,1");
  EXPECT_FALSE(pool.entries[0].has_structure());
  EXPECT_EQ(pool.entries[0].frame.num_atoms(), 3);
  EXPECT_EQ(pool.dropped_text(), "1 without formation_energy_per_atom");
}

TEST(ReadPool, TakesExtendedXyz)
{
  const Pool pool = read_pool(
      write("p.extxyz",
            "2\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" "
            "formation_energy_per_atom=-0.4 band_gap=0 id=csc\nCs 0 0 0\nCl 2 2 2\n"));
  ASSERT_EQ(pool.entries.size(), 1U);
  EXPECT_EQ(pool.entries[0].formula, "ClCs");
  EXPECT_TRUE(pool.entries[0].has_structure());
  EXPECT_EQ(pool.entries[0].formation_energy, -0.4);
}

TEST(ReadPool, ErrorsNameFileAndLine)
{
  const std::string broken = write("broken.jsonl", one_line(salt) + "{\"formula\": \n"),
                    empty = write("empty.jsonl", "");
  const std::string ragged = write("ragged.csv", "formula,band_gap\nFe,1,2\n"),
                    other = write("pool.txt", "x");
  EXPECT_EQ(
      message_of([&] { read_pool(broken); }),
      broken +
          ", line 2: this is not a JSON object; a pool has one {\"formula\": ..., ...} per line");
  EXPECT_EQ(message_of([&] { read_pool(empty); }),
            empty + ": there is no usable entry; left out: none");
  EXPECT_EQ(message_of([&] { read_pool(ragged); }),
            ragged + ", line 2: 3 fields, but the header has 2");
  EXPECT_EQ(message_of([&] { read_pool(other); }),
            other +
                ": the kind of this file is not known; a pool is .jsonl, .csv, .xyz or .extxyz, or "
                "one of these with .gz");
}

TEST(Convert, TakesAResponseOfTheMaterialsProject)
{
  const std::string path = write("mp.json", R"({"data": [
    {"material_id": "mp-1", "formula_pretty": "CsCl", "formation_energy_per_atom": -2.2, "band_gap": 5.1, "energy_above_hull": 0.0, "efermi": 0.3,
     "total_magnetization": 0.0, "structure": {"lattice": {"matrix": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]}, "sites": [
       {"species": [{"element": "Cs", "occu": 1}], "abc": [0, 0, 0]}, {"species": [{"element": "Cl", "occu": 1}], "abc": [0.5, 0.5, 0.5]}]}},
    {"material_id": "mp-2", "formation_energy_per_atom": -1, "band_gap": 0, "structure": {"lattice": {"matrix": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]},
     "sites": [{"species": [{"element": "Fe", "occu": 0.5}, {"element": "Ni", "occu": 0.5}], "abc": [0, 0, 0]}]}},
    {"material_id": "mp-3", "formula_pretty": "FeO", "formation_energy_per_atom": null, "band_gap": 0}], "meta": {}})");
  const Pool pool = convert_responses({path});
  ASSERT_EQ(pool.entries.size(), 1U);
  EXPECT_EQ(pool.entries[0].id, "mp-1");
  EXPECT_EQ(pool.entries[0].fermi_energy, 0.3);
  EXPECT_NEAR(pool.entries[0].frame.positions[3], 2.0, 1e-12);
  EXPECT_EQ(pool.dropped_text(),
            "1 with partly occupied sites, 1 without formation_energy_per_atom");
}

TEST(Convert, TakesAResponseOfOqmd)
{
  const std::string path = write(
      "oqmd.json",
      R"({"links": {}, "data": [{"name": "CsCl", "entry_id": 4061139, "delta_e": -2.0, "stability": 0.0,
    "band_gap": 5.3, "unit_cell": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], "sites": ["Cl @ 0 0 0", "Cs @ 0.5 0.5 0.5"]}]})");
  const Pool pool = convert_responses({path});
  ASSERT_EQ(pool.entries.size(), 1U);
  EXPECT_EQ(pool.entries[0].id, "oqmd-4061139");
  EXPECT_EQ(pool.entries[0].energy_above_hull, 0.0);
  EXPECT_EQ(pool.entries[0].frame.atomic_numbers, (std::vector<int>{17, 55}));
}

TEST(Convert, RefusesOtherFiles)
{
  const std::string other = write("other.json", "[{\"energy\": 1}]"),
                    text = write("text.json", "<html>");
  EXPECT_EQ(message_of([&] { convert_responses({other}); }),
            other +
                ", record 1: this is neither a record of the Materials Project (it would have "
                "\"material_id\" and \"formation_energy_per_atom\") "
                "nor one of OQMD (\"delta_e\")");
  EXPECT_EQ(message_of([&] { convert_responses({text}); }),
            text + ": this is not JSON; save the response of the interface as it came");
}

PoolEntry entry_of(const std::string &formula, double energy)
{
  PoolEntry entry;
  entry.id = entry.formula = formula;
  entry.frame.atomic_numbers = parse_formula(formula);
  entry.formation_energy = energy;
  return entry;
}

TEST(PoolFilter, CountsWhatItLeavesOut)
{
  Pool pool;
  for (const auto &[formula, energy] : {std::pair("TiO2", -3.0),
                                        {"TiO2", -3.1},
                                        {"Fe", 0.0},
                                        {"C60", 0.4},
                                        {"AmLr", -1.0},
                                        {"FeO", -99.0},
                                        {"FeC", 0.1}})
    pool.entries.push_back(entry_of(formula, energy));
  pool.entries.back().suspect = true;
  apply({}, pool, "pool");
  ASSERT_EQ(pool.entries.size(), 1U);
  EXPECT_EQ(pool.entries[0].formation_energy, -3.1);    // the lower of the two
  EXPECT_EQ(pool.dropped_text(),
            "1 marked as suspect, 1 of the same formula and structure as another, 1 with a "
            "formation energy out of range, 1 with an "
            "element that is not allowed, 1 with fewer than 2 atoms, 1 with more than 50 atoms");
}

TEST(PoolFilter, KeepsPolymorphsAndDropsCopies)
{
  Pool pool = read_pool(write("salt.jsonl", one_line(salt) + one_line(salt) + one_line(salt)));
  pool.entries[1].frame.positions[3] += 0.5;    // Angstrom: another structure
  pool.entries[2].frame.positions[3] += 0.001;
  apply({}, pool, "pool");
  EXPECT_EQ(pool.entries.size(), 2U);
}

TEST(PoolFilter, SaysIfNothingIsLeft)
{
  Pool pool;
  pool.entries.push_back(entry_of("Fe", 0.0));
  EXPECT_EQ(message_of([&] { apply({}, pool, "p.jsonl"); }),
            "p.jsonl: no entry passes the filters; left out: 1 with fewer than 2 atoms");
}

TEST(PoolFilter, SystemsHoldAllTheirElements)
{
  const std::vector<PoolEntry> entries = {entry_of("TiO2", 0), entry_of("FeO", 0),
                                          entry_of("TiFeO3", 0), entry_of("TiC", 0)};
  EXPECT_EQ(entries_of_system(entries, "Ti-O"), (std::vector<int>{0, 2}));
  EXPECT_EQ(entries_of_system(entries, "C"), (std::vector<int>{3}));
  EXPECT_EQ(message_of([&] { entries_of_system(entries, "Ti-Ox"); }),
            "system \"Ti-Ox\": \"Ox\" is not a chemical symbol; write \"C\" or \"Ti-O\"");
}

}    // namespace
}    // namespace almlip::pool
