// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "train/tune/tune_search.h"

namespace almlip::train {
namespace {

/// Every change multiplies both errors by a fixed factor; a fit of one network takes one second per
/// effort, times the factors of its changes, a committee twice as long.
class TableBench : public TuneBench {
 public:
  std::map<std::string, double> force, energy, cost;       ///< factors by key of the change
  std::map<std::string, double> committee;                 ///< further factors of the force error
  std::vector<double> fold = {1.0, 1.0, 1.0, 1.0, 1.0};    ///< further factors, of any change
  std::vector<TuneJob> jobs;

  std::vector<FoldErrors> run(const std::vector<TuneJob> &wanted, double deadline) override
  {
    std::vector<FoldErrors> errors;
    for (const TuneJob &job : wanted) {
      FoldErrors e;
      double time = job.effort * (job.committee ? 2.0 : 1.0);
      for (const auto &[key, value] : job.changes) time *= factor(cost, key);
      if (now_ + time <= deadline) {
        jobs.push_back(job);
        e = {true, 0.1 + 0.01 * job.fold, 0.002, time};    // folds differ in difficulty
        for (const auto &[key, value] : job.changes) {
          e.force_mae *= factor(force, key);
          e.energy_mae *= factor(energy, key);
          if (job.committee) e.force_mae *= factor(committee, key);
        }
        if (!job.changes.empty()) e.force_mae *= fold[static_cast<std::size_t>(job.fold)];
        now_ += time;
      }
      errors.push_back(e);
    }
    return errors;
  }
  double seconds() override { return now_; }
  int num_parallel() const override { return 1; }

 private:
  double now_ = 0.0;

  static double factor(const std::map<std::string, double> &factors, const std::string &key)
  {
    const auto found = factors.find(key);
    return found == factors.end() ? 1.0 : found->second;
  }
};

std::vector<TuneMove> moves_of(const std::vector<std::string> &keys)
{
  std::vector<TuneMove> moves;
  for (const std::string &key : keys) moves.push_back({key, {{key, "1"}}});
  return moves;
}

TEST(TuneSearch, CombinesWhatHelpsAndLeavesTheRest)
{
  TableBench bench;
  bench.force = {{"good", 0.9}, {"better", 0.8}, {"bad", 1.2}};
  const TuneOutcome outcome = TuneSearch(bench, moves_of({"bad", "good", "better"}), 100).run();

  EXPECT_EQ(outcome.chosen, (SettingChanges{{"good", "1"}, {"better", "1"}}));
  EXPECT_NEAR(outcome.score, std::pow(0.9 * 0.8, 2.0 / 3.0), 1e-12);    // the energy is the same
}

TEST(TuneSearch, WeighsForcesTwiceAsMuchAsEnergies)
{
  TableBench bench;
  bench.energy = {{"a", 0.8}};
  const TuneOutcome outcome = TuneSearch(bench, moves_of({"a"}), 100).run();

  EXPECT_NEAR(outcome.score, std::cbrt(0.8), 1e-12);
}

TEST(TuneSearch, KeepsTheSettingsWhenNothingHelpsByMoreThanOnePercent)
{
  TableBench bench;
  bench.force = {{"a", 0.992}, {"b", 1.1}};    // score 0.9947
  const TuneOutcome outcome = TuneSearch(bench, moves_of({"a", "b"}), 100).run();

  EXPECT_TRUE(outcome.chosen.empty());
  EXPECT_EQ(outcome.score, 1.0);
  EXPECT_FALSE(outcome.trials.empty());
}

TEST(TuneSearch, DoesNotBuyEnergiesWithForces)
{
  TableBench bench;
  bench.force = {{"a", 1.05}};
  bench.energy = {{"a", 0.5}};    // score 0.82
  EXPECT_TRUE(TuneSearch(bench, moves_of({"a"}), 100).run().chosen.empty());
}

TEST(TuneSearch, DropsWhatIsNotConfirmedOnFreshFolds)
{
  TableBench bench;
  bench.force = {{"lucky", 0.9}};
  bench.fold = {1.0, 1.0, 1.2, 1.2, 1.2};
  EXPECT_TRUE(TuneSearch(bench, moves_of({"lucky"}), 100).run().chosen.empty());
}

TEST(TuneSearch, ChangesNothingIfFoldsDisagreeByMoreThanTheGain)
{
  TableBench bench;
  bench.force = {{"a", 1.0}};
  bench.fold = {0.9, 0.9, 1.3, 0.7, 0.9};    // mean of the logarithms -0.08 +- 0.10
  EXPECT_TRUE(TuneSearch(bench, moves_of({"a"}), 100).run().chosen.empty());

  TableBench agreeing;
  agreeing.force = {{"a", 1.0}};
  agreeing.fold = {0.9, 0.9, 1.0, 0.9, 0.95};    // -0.07 +- 0.02
  EXPECT_EQ(TuneSearch(agreeing, moves_of({"a"}), 100).run().chosen.size(), 1u);
}

TEST(TuneSearch, JudgesLongSchedulesByWholeFitsOnly)
{
  TableBench bench;
  std::vector<TuneMove> moves = moves_of({"long"});
  moves[0].judge = Judge::whole_fit;
  bench.force = {{"long", 0.9}};
  const TuneOutcome outcome = TuneSearch(bench, moves, 100).run();

  EXPECT_EQ(outcome.chosen.count("long"), 1u);
  for (const TuneJob &job : bench.jobs) EXPECT_TRUE(job.changes.empty() || job.effort == 1.0);
}

TEST(TuneSearch, JudgesLargerModelsByCommitteesOnly)
{
  TableBench bench;
  std::vector<TuneMove> moves = moves_of({"large", "good"});
  moves[0].judge = Judge::committee;
  bench.force = {{"large", 1.1}, {"good", 0.9}};
  bench.committee = {{"large", 0.8}};
  const TuneOutcome outcome = TuneSearch(bench, moves, 100).run();

  EXPECT_EQ(outcome.chosen, (SettingChanges{{"large", "1"}, {"good", "1"}}));
  for (const TuneJob &job : bench.jobs)
    EXPECT_TRUE(job.changes.count("large") == 0 || job.committee);
}

TEST(TuneSearch, TakesALargerModelUnlessTheFoldsSpeakAgainstIt)
{
  const auto search = [](double force, std::vector<double> fold) {
    TableBench bench;
    std::vector<TuneMove> moves = moves_of({"large"});
    moves[0].judge = Judge::committee;
    bench.force = {{"large", force}};
    bench.fold = std::move(fold);
    return TuneSearch(bench, moves, 100).run();
  };

  const TuneOutcome scattered = search(1.0, {0.9, 1.05, 0.85, 1.05, 0.9});    // log -0.04 +- 0.03
  EXPECT_EQ(scattered.chosen.count("large"), 1u);
  EXPECT_LT(scattered.score, 0.97);
  // Better by 1 %, but half of the epochs, by which it is judged, favour it by more.
  EXPECT_TRUE(search(1.0, {0.9, 1.1, 1.0, 1.05, 0.9}).chosen.empty());
}

TEST(TuneSearch, JudgesCommitteesByHalfOfTheEpochsUnlessAMoveNeedsAWholeFit)
{
  for (const Judge judge : {Judge::short_fit, Judge::whole_fit}) {
    TableBench bench;
    std::vector<TuneMove> moves = moves_of({"large", "good"});
    moves[0].judge = Judge::committee;
    moves[1].judge = judge;
    bench.force = {{"large", 0.8}, {"good", 0.9}};
    EXPECT_EQ(TuneSearch(bench, moves, 100).run().chosen.size(), 2u);
    int count = 0;
    for (const TuneJob &job : bench.jobs)
      if (job.committee && job.changes.count("good") == 1) {
        EXPECT_EQ(job.effort, judge == Judge::whole_fit ? 1.0 : 0.5);
        ++count;
      }
    EXPECT_EQ(count, 5);
  }
}

TEST(TuneSearch, EndsEarlyIfNothingCouldBeConfirmed)
{
  TableBench bench;
  std::vector<TuneMove> moves = moves_of({"large", "good"});
  moves[0].judge = Judge::committee;
  bench.force = {{"large", 0.8}, {"good", 0.9}};
  bench.cost = {{"large", 10.0}};
  const TuneOutcome outcome = TuneSearch(bench, moves, 80).run();
  EXPECT_EQ(outcome.chosen, (SettingChanges{{"large", "1"}}));
  EXPECT_LT(outcome.seconds, 70.0);
}

TEST(TuneSearch, JudgesOnlyTheBetterSizeOnAllFolds)
{
  TableBench bench;
  std::vector<TuneMove> moves = moves_of({"large", "larger"});
  moves[0].judge = moves[1].judge = Judge::committee;
  bench.force = {{"large", 0.8}, {"larger", 0.9}};
  EXPECT_EQ(TuneSearch(bench, moves, 100).run().chosen, (SettingChanges{{"large", "1"}}));

  std::map<std::string, std::set<int>> folds;
  for (const TuneJob &job : bench.jobs)
    for (const auto &[key, value] : job.changes) folds[key].insert(job.fold);
  EXPECT_EQ(folds["large"].size(), 5u);
  EXPECT_EQ(folds["larger"].size(), 2u);
}

TEST(TuneSearch, ComparesOtherMovesWithTheLargerModel)
{
  TableBench bench;
  std::vector<TuneMove> moves = moves_of({"large", "small"});
  moves[0].judge = Judge::committee;
  bench.force = {{"large", 0.8}, {"small", 0.9}};
  bench.committee = {{"small", 1.2}};    // together 0.86, better than neither, but worse than 0.8
  EXPECT_EQ(TuneSearch(bench, moves, 100).run().chosen, (SettingChanges{{"large", "1"}}));
}

TEST(TuneSearch, FitsNothingTwice)
{
  TableBench bench;
  std::vector<TuneMove> moves = moves_of({"large", "small", "good"});
  moves[0].judge = Judge::committee;
  moves[0].group = moves[1].group = "units";    // with `large`, good and good + small are the same
  bench.force = {{"large", 0.8}, {"small", 0.9}, {"good", 0.8}};
  TuneSearch(bench, moves, 200).run();

  std::set<std::tuple<SettingChanges, double, int, bool>> jobs;
  for (const TuneJob &job : bench.jobs)
    EXPECT_TRUE(jobs.insert({job.changes, job.effort, job.fold, job.committee}).second);
}

TEST(TuneSearch, DropsWhatHelpsOnlyNetworksAlone)
{
  TableBench bench;
  bench.force = {{"a", 0.9}};
  bench.committee = {{"a", 1.2}};
  const TuneOutcome outcome = TuneSearch(bench, moves_of({"a"}), 100).run();
  EXPECT_TRUE(outcome.chosen.empty());
  for (const TuneTrial &trial : outcome.trials) EXPECT_NE(trial.stage, "confirm");
}

TEST(TuneSearch, TakesOneMoveOfAGroup)
{
  TableBench bench;
  std::vector<TuneMove> moves = moves_of({"a", "b"});
  moves[0].group = moves[1].group = "same";
  bench.force = {{"a", 0.95}, {"b", 0.9}};
  EXPECT_EQ(TuneSearch(bench, moves, 100).run().chosen, (SettingChanges{{"b", "1"}}));
}

TEST(TuneSearch, ConfirmsWhatThereIsTimeFor)
{
  TableBench bench;
  bench.force = {{"good", 0.8}, {"slow", 0.85}};
  bench.cost = {{"slow", 8.0}};
  const TuneOutcome outcome = TuneSearch(bench, moves_of({"good", "slow"}), 65).run();

  const auto tried_both = [](const TuneTrial &t) {
    return t.stage == "combine" && t.changes.size() == 2;
  };
  EXPECT_TRUE(std::any_of(outcome.trials.begin(), outcome.trials.end(), tried_both));
  EXPECT_EQ(outcome.chosen, (SettingChanges{{"good", "1"}}));    // both: 8 seconds for half of one
}

TEST(TuneSearch, EndsInTimeAndWithoutChangesIfThereIsTooLittleOfIt)
{
  for (const double limit : {0.2, 5.0, 20.0, 40.0, 45.0, 70.0}) {
    TableBench bench;
    bench.force = {{"a", 0.8}, {"b", 0.9}};
    const TuneOutcome outcome = TuneSearch(bench, moves_of({"a", "b", "c", "d"}), limit).run();
    EXPECT_LE(outcome.seconds, limit);
    EXPECT_TRUE(limit > 5.0 || outcome.chosen.empty());
  }
}

TEST(TuneSearch, TriesInTheSameOrder)
{
  std::vector<TuneTrial> trials[2];
  for (auto &list : trials) {
    TableBench bench;
    bench.force = {{"a", 0.8}, {"b", 0.9}};
    list = TuneSearch(bench, moves_of({"a", "b", "c"}), 60).run().trials;
  }
  ASSERT_EQ(trials[0].size(), trials[1].size());
  for (std::size_t t = 0; t < trials[0].size(); ++t)
    EXPECT_EQ(trials[0][t].changes, trials[1][t].changes);
}

}    // namespace
}    // namespace almlip::train
