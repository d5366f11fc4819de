// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "message_of.h"
#include "pool/pool_descriptors.h"
#include "pool/pool_execute.h"
#include "pool/pool_store.h"
#include "pool/pool_strategy.h"
#include "pool/pool_summary.h"

namespace almlip::pool {
namespace {

using test::message_of;

/// Oxides and carbides with an energy from a formula.
std::vector<PoolEntry> some_entries()
{
  std::vector<PoolEntry> entries;
  const char *metals[] = {"Ti", "Fe", "Ni", "Cu", "Zn", "Mn", "Co", "V", "Cr", "Al", "Mg", "Ca"};
  for (int m = 0; m < 12; ++m)
    for (int n = 1; n <= 3; ++n)
      for (int k = 1; k <= 3; ++k) {
        PoolEntry entry;
        entry.formula = entry.id =
            std::string(metals[m]) + std::to_string(n) + "O" + std::to_string(k);
        entry.frame.atomic_numbers = parse_formula(entry.formula);
        entry.formula = reduced_formula(entry.frame.atomic_numbers);
        entry.formation_energy = -2.0 * k / (n + k) + 0.3 * std::sin(2.0 * m) + 0.05 * n;
        entries.push_back(entry);
      }
  return entries;
}

/// A study of these entries with small networks.
PoolStudy some_study()
{
  PoolStudy study;
  study.sources = {{"pool.jsonl", 80}};
  study.systems = {"O"};
  PoolProtocol protocol;
  protocol.descriptor = "composition17";
  protocol.initial = 8;
  protocol.rounds = 2;
  protocol.batch = 5;
  protocol.clusters = 5;
  protocol.members = 3;
  protocol.hidden = 16;
  protocol.steps = 30;
  protocol.name = protocol.strategy;
  study.series = {protocol};
  return study;
}

std::vector<int> all_of(const std::vector<PoolEntry> &entries)
{
  std::vector<int> result;
  for (std::size_t i = 0; i < entries.size(); ++i) result.push_back(static_cast<int>(i));
  return result;
}

PoolSplit some_split(const PoolStudy &study, const std::vector<PoolEntry> &entries, int seed,
                     bool one_per_formula = false)
{
  return split_pool(study, entries, {all_of(entries)}, {}, {}, one_per_formula, seed, "O");
}

PoolRun some_run(const PoolStudy &study, const PoolProtocol &protocol, int seed)
{
  const std::vector<PoolEntry> entries = some_entries();
  const Rows descriptors = PoolDescriptor(protocol.descriptor)(entries);
  std::vector<double> energies;
  for (const PoolEntry &entry : entries) energies.push_back(entry.formation_energy);
  return run_pool(protocol, study, some_split(study, entries, seed, protocol.one_per_formula),
                  {descriptors, energies, {}, {}});
}

TEST(SplitPool, PartsAreDisjointAndHaveTheirSizes)
{
  const std::vector<PoolEntry> entries = some_entries();    // 108
  const PoolSplit split = some_split(some_study(), entries, 3);
  EXPECT_EQ(split.pool.size(), 64U);
  EXPECT_EQ(split.test.size(), 16U);
  EXPECT_EQ(split.larger.size(), 108U - 80U);
  std::set<int> all(split.pool.begin(), split.pool.end());
  all.insert(split.test.begin(), split.test.end());
  all.insert(split.larger.begin(), split.larger.end());
  EXPECT_EQ(all.size(), 108U);
}

TEST(SplitPool, SeedsDecide)
{
  const std::vector<PoolEntry> entries = some_entries();
  EXPECT_EQ(some_split(some_study(), entries, 3).pool, some_split(some_study(), entries, 3).pool);
  EXPECT_NE(some_split(some_study(), entries, 3).pool, some_split(some_study(), entries, 4).pool);
}

TEST(SplitPool, OnePerFormulaLeavesNoFormulaTwice)
{
  const std::vector<PoolEntry> entries = some_entries();
  const PoolSplit split = some_split(some_study(), entries, 3, true);
  std::set<std::string> formulas;
  std::size_t count = 0;
  for (const std::vector<int> *part : {&split.pool, &split.test, &split.larger})
    for (int i : *part) {
      formulas.insert(entries[i].formula);
      ++count;
    }
  EXPECT_EQ(formulas.size(), count);
  EXPECT_EQ(count, 12U * 7U);    // 1:1, 2:2 and 3:3 are one formula
}

TEST(SplitPool, TargetsHaveNoFormulaOfThePool)
{
  PoolStudy study = some_study();
  study.targets = {{"other", "other.jsonl", 400}};
  const std::vector<PoolEntry> entries = some_entries();
  const PoolSplit split =
      split_pool(study, entries, {all_of(entries)}, {entries}, {all_of(entries)}, false, 1, "O");
  std::set<std::string> pool;
  for (int i : split.pool) pool.insert(entries[i].formula);
  for (int i : split.targets[0].test) EXPECT_EQ(pool.count(entries[i].formula), 0U);
  for (int i : split.targets[0].references) EXPECT_EQ(pool.count(entries[i].formula), 0U);
}

TEST(RunPool, EveryStrategyLabelsDifferentEntriesOfThePool)
{
  const PoolStudy study = some_study();
  const PoolSplit split = some_split(study, some_entries(), 2);
  const std::set<int> pool(split.pool.begin(), split.pool.end());
  for (const std::string &strategy : pool_strategies()) {
    PoolProtocol protocol = study.series[0];
    protocol.strategy = strategy;
    const PoolRun run = some_run(study, protocol, 2);
    ASSERT_EQ(run.rounds.size(), 3U) << strategy;
    EXPECT_EQ(run.rounds[2].labels, 18) << strategy;
    const std::set<int> chosen(run.chosen.begin(), run.chosen.end());
    EXPECT_EQ(chosen.size(), 18U) << strategy;
    for (int i : chosen) EXPECT_EQ(pool.count(i), 1U) << strategy;
    EXPECT_TRUE(std::isfinite(run.rounds[2].errors[0].mae)) << strategy;
  }
}

TEST(RunPool, RepeatsItselfExactly)
{
  const PoolStudy study = some_study();
  PoolProtocol protocol = study.series[0];
  protocol.strategy = "badge";
  const PoolRun a = some_run(study, protocol, 5), b = some_run(study, protocol, 5);
  EXPECT_EQ(a.chosen, b.chosen);
  EXPECT_EQ(a.rounds.back().errors[1].mae, b.rounds.back().errors[1].mae);
}

TEST(RunPool, StrategiesAreComparedOnEqualBeginnings)
{
  const PoolStudy study = some_study();
  PoolProtocol random = study.series[0], alc = random;
  alc.strategy = "alc";
  const PoolRun a = some_run(study, random, 5), b = some_run(study, alc, 5);
  EXPECT_EQ(a.rounds[0].errors[0].mae, b.rounds[0].errors[0].mae);
  EXPECT_TRUE(std::equal(a.chosen.begin(), a.chosen.begin() + 8, b.chosen.begin()));
}

TEST(RunPool, MoreLabelsHelp)
{
  PoolStudy study = some_study();
  study.series[0].rounds = 8;
  study.series[0].steps = 120;
  double before = 0.0, after = 0.0;
  for (int seed = 1; seed <= 4; ++seed) {
    const PoolRun run = some_run(study, study.series[0], seed);
    before += run.rounds.front().errors[1].mae;
    after += run.rounds.back().errors[1].mae;
  }
  EXPECT_LT(after, 0.7 * before);
}

TEST(RunPool, SaysIfThePoolIsSmallerThanTheLabels)
{
  PoolStudy study = some_study();
  study.series[0].initial = 60;
  EXPECT_EQ(message_of([&] { some_run(study, study.series[0], 1); }),
            "series random: the pool has 64 entries, but 60 at the beginning and 2 batches of 5 "
            "need 70; use more entries, or smaller \"initial\", "
            "\"rounds\" or \"batch\"");
}

TEST(PoolStore, GivesBackWhatItWrote)
{
  const std::string folder = (std::filesystem::path(testing::TempDir()) / "store").string();
  const PoolStore store(folder);
  const PoolStudy study = some_study();
  const PoolRun run = some_run(study, study.series[0], 1);
  store.write("Ti-O", "alc, M = 3", 7, "settings", run);
  const std::optional<PoolRun> again = store.read("Ti-O", "alc, M = 3", 7, "settings");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->chosen, run.chosen);
  EXPECT_EQ(again->rounds[2].errors[1].rmse, run.rounds[2].errors[1].rmse);
  EXPECT_EQ(again->reliability, run.reliability);
  EXPECT_FALSE(store.read("Ti-O", "alc, M = 3", 7, "other settings").has_value());
  EXPECT_FALSE(store.read("Ti-O", "alc, M = 3", 8, "settings").has_value());
}

TEST(PrincipalComponents, FindTheLongDirection)
{
  Rows rows{2, {}};
  for (int i = 0; i < 50; ++i) {
    rows.values.push_back(std::sin(0.7 * i));
    rows.values.push_back(5.0 * std::sin(0.7 * i) + 0.01 * std::cos(3.1 * i));
  }
  const std::vector<double> axes = principal_components(rows);
  double first = 0.0, second = 0.0;
  for (int i = 0; i < 50; ++i) {
    first += axes[2 * i] * axes[2 * i];
    second += axes[2 * i + 1] * axes[2 * i + 1];
  }
  EXPECT_NEAR(first, 100.0,
              0.01);    // two standardised features that are nearly the same: 2 x 50 rows
  EXPECT_LT(second, 0.01);
}

std::string write(const std::string &name, const std::string &text)
{
  const std::string path = (std::filesystem::path(testing::TempDir()) / name).string();
  std::ofstream(path) << text;
  return path;
}

TEST(ReadPoolStudy, CombinesVariantsAndStrategies)
{
  const PoolStudy study =
      read_pool_study(write("study.json", R"({"sources": ["p.jsonl"], "members": 4,
    "variants": [{"name": "a"}, {"name": "b", "members": 7}], "strategies": ["random", {"strategy": "hybrid", "alpha": 0.2, "name": "h"}]})"));
  ASSERT_EQ(study.series.size(), 4U);
  EXPECT_EQ(study.series[3].name, "h, b");
  EXPECT_EQ(study.series[3].members, 7);
  EXPECT_EQ(study.series[1].members, 4);
  EXPECT_EQ(study.series[3].alpha, 0.2);
  EXPECT_EQ(study.baseline_of(3), 2);    // random of the same variant
  EXPECT_EQ(std::filesystem::path(study.sources[0].file).parent_path(),
            std::filesystem::path(testing::TempDir()).parent_path());
}

TEST(ReadPoolStudy, ErrorsNameTheKey)
{
  const auto message = [](const std::string &text) {
    return message_of([&] { read_pool_study(write("bad.json", text)); });
  };
  const std::string path = write("bad.json", "");
  const std::string start = R"({"sources": ["p.jsonl"], )";
  EXPECT_EQ(message("{}"), path + ": \"sources\" is missing; name at least one file with entries");
  EXPECT_EQ(message("{\"sources\": [,"),
            path + ": this is not JSON; check commas, quotes and brackets");
  EXPECT_EQ(message(start + R"("seeds": 0})"),
            path + ": \"seeds\" is 0, but it must be a whole number from 1 to 100000");
  EXPECT_EQ(message(start + R"("strategies": ["randon"]})"),
            path +
                ", \"strategies\": \"strategy\" is \"randon\", but it must be one of random, "
                "uncertainty, diversity, hybrid, adaptive, alc, lcmd, badge, "
                "power");
  EXPECT_EQ(message(start + R"("strategies": ["alc"]})"),
            "series \"alc\" has nothing to be compared with: add the strategy random, or name a "
            "\"baseline\"");
  EXPECT_EQ(message(start + R"("strategies": ["random", "random"]})"),
            path + ": two series have the name \"random\"; give each a \"name\" of its own");
  EXPECT_EQ(message(R"({"sources": ["${ALMLIP_NO_SUCH}/p.jsonl"]})"),
            path +
                ": \"${ALMLIP_NO_SUCH}/p.jsonl\" needs the environment variable ALMLIP_NO_SUCH, "
                "which is not set; run \". scripts/env.sh\", or set it to "
                "the folder of the data sets");
}

TEST(ToHtml, KnowsHeadingsTablesAndEmphasis)
{
  const std::string html =
      to_html("# Title\n\ntext **bold** <x>\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", "Title", {});
  EXPECT_NE(html.find("<h1>Title</h1>"), std::string::npos);
  EXPECT_NE(html.find("<p>text <b>bold</b> &lt;x></p>"), std::string::npos);
  EXPECT_NE(html.find("<table>\n<tr><th> a </th><th> b </th></tr>\n<tr><td> 1 </td><td> 2 "
                      "</td></tr>\n</table>"),
            std::string::npos);
}

}    // namespace
}    // namespace almlip::pool
