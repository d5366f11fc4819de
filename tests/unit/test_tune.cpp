// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "almlip/error.h"
#include "train/tune/tune.h"

namespace almlip::train {
namespace {

TEST(TuningMoves, LeaveAloneWhatTheUserHasFixed)
{
  TrainingSettings settings;
  settings.cutoff = 5.0;
  settings.epochs = 10;
  settings.lmax = 4;
  std::set<std::string> keys;
  for (const TuneMove &move : tuning_moves(settings, 5.0))
    for (const auto &[key, value] : move.changes) keys.insert(key);

  EXPECT_EQ(keys.count("cutoff") + keys.count("epochs") + keys.count("preset"), 0u);
  EXPECT_EQ(keys.count("weight_decay") + keys.count("num_hidden"), 2u);

  settings = {};
  settings.preset = "default";
  for (const TuneMove &move : tuning_moves(settings, 5.0)) EXPECT_NE(move.group, "preset");
}

TEST(TuningMoves, AreSettingsThatCanBeApplied)
{
  const TrainingSettings settings;
  for (const TuneMove &move : tuning_moves(settings, 5.0))
    EXPECT_NE(to_json(with_changes(settings, move.changes, 100)), to_json(settings)) << move.group;
}

TEST(WithChanges, EpochsMayBeAFactorOfTheSchedule)
{
  const TrainingSettings settings;
  EXPECT_EQ(*with_changes(settings, {{"epochs", "2x"}}, 300).epochs,
            2 * make_schedule(settings, 300).epochs);
}

TEST(Tune, NeedsEnoughFrames)
{
  TrainingData data;
  data.train.resize(19);
  TrainingSettings settings;
  settings.tune = 1.0;
  EXPECT_THROW(tune(settings, data, Ranks()), Error);
}

TEST(TuningRecord, IsFoundAgainByTheSameSearchOnly)
{
  const std::string folder = testing::TempDir() + "almlip_tuning" + std::to_string(getpid());
  const std::string record = R"({"chosen":{"weight_decay":"1.5"}})";
  EXPECT_EQ(read_tuned(folder, "this"), "");
  write_tuned(folder, "this", record);

  TrainingData data;
  EXPECT_EQ(settings_of_record({}, read_tuned(folder, "this"), data).weight_decay, 1.5);
  EXPECT_EQ(read_tuned(folder, "that"), "");
  std::filesystem::remove_all(folder);
}

}    // namespace
}    // namespace almlip::train
