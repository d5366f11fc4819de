// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/batch.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/files/extxyz.h"

using namespace almlip;
using Json = nlohmann::json;

namespace {

QueryCandidate silicon_at(std::int64_t step, double sigma)
{
  QueryCandidate candidate;
  candidate.step = step;
  candidate.max_sigma = sigma;
  candidate.mean_sigma = sigma / 2;
  candidate.worst_atom = 7;
  candidate.frame.cell = {5.43, 0, 0, 0, 5.43, 0, 0, 0, 5.43};    // Angstrom, silicon
  candidate.frame.atomic_numbers = {14};
  candidate.frame.positions = {0.0, 0.0, 0.0};
  candidate.frame.per_atom["sigma"] = {sigma};
  return candidate;
}

BatchRecord some_record()
{
  BatchRecord record;
  record.reason = "trigger";
  record.step = 300;
  record.potential = "0123456789abcdef";
  record.lammps = "22 Jul 2025";
  record.units = "metal";
  record.rule.force = {0.1, 0.5};
  record.rule.min_distance = 1.8;
  record.rule.max_force = 20.0;
  record.periods = {{"every", 10}};
  record.counts = {{"flagged", 5}};
  record.refusals.add(Refusal::mindist, 250, 1.5);
  return record;
}

/// A new empty folder that is removed at the end.
class QueryBatch : public testing::Test {
 protected:
  QueryBatch()
      : folder(std::filesystem::path(testing::TempDir()) /
               ("almlip_query_batch" + std::to_string(getpid())))
  {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
  }
  ~QueryBatch() override { std::filesystem::remove_all(folder); }

  std::string prefix() const { return (folder / "batch").string(); }

  std::filesystem::path folder;
};

}    // namespace

TEST_F(QueryBatch, ManifestSaysWhyEachFrameWasTaken)
{
  const std::vector<QueryCandidate> candidates{silicon_at(100, 0.2), silicon_at(200, 0.3)};
  const Json json = Json::parse(manifest(candidates, {{1, 4, 0.9, 2.5}}, some_record()));

  const Json frame = {{"frame", 0},         {"step", 200},        {"num_atoms", 1},
                      {"max_sigma", 0.3},   {"mean_sigma", 0.15}, {"worst_atom", 7},
                      {"cluster", 4},       {"score", 0.9},       {"distance", 2.5},
                      {"max_novelty", 0.0}, {"why", "window"}};
  EXPECT_EQ(json["frames"], Json::array({frame}));
  EXPECT_EQ(json["candidates"], 2);
}

TEST_F(QueryBatch, ManifestTellsSettingsAndRejections)
{
  const Json json = Json::parse(manifest({}, {}, some_record()));

  const Json rejection = {
      {"reason", "mindist"}, {"count", 1}, {"first_step", 250}, {"last_step", 250}, {"worst", 1.5}};
  EXPECT_EQ(json["rejections"], Json::array({rejection}));
  EXPECT_EQ(json["settings"]["threshold"], Json::array({0.1, 0.5}));
  EXPECT_EQ(json["settings"]["strategy"], "hybrid");
  EXPECT_EQ(json["settings"]["every"], 10);
  EXPECT_EQ(json["counts"]["flagged"], 5);
  EXPECT_EQ(json["potential"], "0123456789abcdef");
  EXPECT_EQ(json["format_version"], 1);
}

TEST_F(QueryBatch, NamesOfFilesNeedNotBeUtf8)
{
  std::vector<QueryCandidate> candidates{silicon_at(100, 0.2)};
  candidates[0].frame.source = "b\xe4tch/0001.extxyz";    // in Latin-1
  const Json json = Json::parse(manifest(candidates, {{0}}, some_record()));

  EXPECT_EQ(json["frames"][0]["from"], "b\xef\xbf\xbdtch/0001.extxyz");    // U+FFFD instead
}

TEST_F(QueryBatch, InfiniteDistanceIsNull)
{
  const Json json =
      Json::parse(manifest({silicon_at(1, 0.2)},
                           {{0, -1, 0.2, std::numeric_limits<double>::infinity()}}, some_record()));

  EXPECT_TRUE(json["frames"][0]["distance"].is_null());
  EXPECT_TRUE(json["frames"][0]["cluster"].is_null());
}

TEST_F(QueryBatch, TakesTheFirstFreeNumber)
{
  write_atomically(prefix() + ".0001.extxyz", "");
  write_atomically(prefix() + ".0002.json", "");

  EXPECT_EQ(write_batch(prefix(), {silicon_at(100, 0.2)}, {{0, -1, 0.2, 1.0}}, some_record()), 3);
  EXPECT_EQ(write_batch(prefix(), {silicon_at(200, 0.2)}, {{0, -1, 0.2, 1.0}}, some_record()), 4);
}

TEST_F(QueryBatch, FramesCarryWhyTheyWereTaken)
{
  const int number =
      write_batch(prefix(), {silicon_at(100, 0.2)}, {{0, 3, 0.75, 1.5}}, some_record());
  const std::vector<Frame> frames = read_extxyz(batch_stem(prefix(), number) + ".extxyz");

  ASSERT_EQ(frames.size(), 1u);
  const std::map<std::string, std::string> expected{
      {"cluster", "3"}, {"distance", "1.5"},    {"max_sigma", "0.2"}, {"score", "0.75"},
      {"step", "100"},  {"strategy", "hybrid"}, {"why", "window"}};
  EXPECT_EQ(frames[0].info, expected);
  EXPECT_EQ(frames[0].per_atom.at("sigma"), std::vector<double>{0.2});
}

TEST_F(QueryBatch, ManyProcessesGetDifferentNumbers)
{
  constexpr int processes = 4, batches = 25;
  for (int p = 0; p < processes; ++p)
    if (fork() == 0) {
      for (int n = 0; n < batches; ++n)
        write_batch(prefix(), {silicon_at(p, 0.2)}, {{0, -1, 0.2, 1.0}}, some_record());
      _exit(0);
    }
  for (int p = 0; p < processes; ++p) wait(nullptr);

  std::map<std::string, int> frames_of;
  for (int number = 1; number <= processes * batches; ++number) {
    const std::string stem = batch_stem(prefix(), number);
    const std::string step = read_extxyz(stem + ".extxyz").at(0).info.at("step");
    const Json json = Json::parse(read_text(stem + ".json"));
    EXPECT_EQ(step, std::to_string(json["frames"][0]["step"].get<int>()));    // its own manifest
    ++frames_of[step];
  }
  for (const auto &[step, count] : frames_of) EXPECT_EQ(count, batches);
}

TEST_F(QueryBatch, AKillWhileItIsWrittenLeavesNoPartOfIt)
{
  const std::vector<QueryCandidate> candidates{silicon_at(100, 0.2)};
  if (fork() == 0) {
    const rlimit few_bytes{10, 10}, no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_FSIZE, &few_bytes);    // the signal for more kills
    std::signal(SIGXFSZ, SIG_DFL);
    write_batch(prefix(), candidates, {{0, -1, 0.2, 1.0}}, some_record());
    _exit(0);
  }
  int status = 0;
  wait(&status);

  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(std::filesystem::exists(batch_stem(prefix(), 1) + ".extxyz"));
  EXPECT_EQ(write_batch(prefix(), candidates, {{0, -1, 0.2, 1.0}}, some_record()), 1);
}

TEST_F(QueryBatch, LeavesNothingHalfWritten)
{
  const std::string nowhere = (folder / "missing" / "batch").string();

  EXPECT_THROW(write_batch(nowhere, {silicon_at(1, 0.2)}, {{0, -1, 0.2, 1.0}}, some_record()),
               Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}
