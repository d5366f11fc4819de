// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "almlip/error.h"
#include "almlip/query/report.h"

using namespace almlip;
using Verdict = Decision::Verdict;

namespace {

QueryRule force_rule()
{
  QueryRule rule;
  rule.force = {0.1, 0.5};
  rule.spacing = 50;
  return rule;
}

QueryState new_state() { return {SelectionSettings(), 10}; }

/// A look at a step where the largest sigma is as given.
Decision look(QueryState &state, std::int64_t step, double sigma)
{
  Observation seen;
  seen.step = step;
  seen.sigma.value = sigma;
  return state.look(force_rule(), seen, {step, 64, {1, 1, 1, 0, 0, 0}, sigma, 1.0});
}

QueryCandidate some_candidate()
{
  QueryCandidate candidate;
  candidate.step = 3;
  candidate.max_sigma = 0.1 + 0.2;    // needs all digits
  candidate.fingerprint = {1.0, 2.0};
  candidate.frame.cell = {5, 0, 0, 0, 5, 0, 0, 0, 5};
  candidate.frame.pbc = {true, false, true};
  candidate.frame.atomic_numbers = {14};
  candidate.frame.positions = {0.1, 0.2, 0.3};
  candidate.frame.per_atom["sigma"] = {0.3};
  candidate.frame.info["predicted_energy"] = "-5.0";
  candidate.why = "above_hi";
  return candidate;
}

}    // namespace

TEST(QueryState, CountsEveryLook)
{
  QueryState state = new_state();
  look(state, 0, 0.05);
  look(state, 10, 0.2);
  look(state, 20, 0.9);

  EXPECT_EQ(state.total.looks, 3);
  EXPECT_EQ(state.total.flagged, 2);
  EXPECT_EQ(state.total.untrusted, 1);
  EXPECT_EQ(state.run.sigma.count(), 3);
  EXPECT_EQ(state.run.sigma.largest(), 0.9);
}

TEST(QueryState, SpacingCountsFromWhatWasStored)
{
  QueryState state = new_state();
  ASSERT_EQ(look(state, 0, 0.2).verdict, Verdict::candidate);
  state.count_stored(0, false, 1);

  EXPECT_EQ(look(state, 40, 0.2).refusal, Refusal::spacing);
  EXPECT_EQ(look(state, 50, 0.2).verdict, Verdict::candidate);
  EXPECT_EQ(state.total.rejected, 0);    // spacing is no judgement about the configuration
}

TEST(QueryState, AnotherConfigurationAtTheSameStepIsAnotherSimulation)
{
  QueryState state = new_state();
  look(state, 0, 0.2);
  state.count_stored(0, false, 1);

  EXPECT_TRUE(state.is_last_look({0, 64, {1, 1, 1, 0, 0, 0}, 0.2, 1.0}));
  EXPECT_FALSE(state.is_last_look({0, 64, {1, 1, 1, 0.001, 0, 0}, 0.2, 1.0}));    // sheared
  EXPECT_FALSE(state.is_last_look({0, 64, {1, 1, 1, 0, 0, 0}, 0.2, 1.01}));
  EXPECT_EQ(look(state, 0, 0.3).verdict, Verdict::candidate);    // spacing is of no concern
}

TEST(QueryState, AnExcursionAboveHiGivesOneCandidate)
{
  QueryState state = new_state();
  EXPECT_EQ(look(state, 0, 0.9).verdict, Verdict::candidate);
  state.count_stored(0, true, 1);
  EXPECT_TRUE(state.in_excursion());
  EXPECT_EQ(look(state, 10, 0.9).refusal, Refusal::above_hi);

  look(state, 20, 0.05);
  EXPECT_EQ(look(state, 30, 0.9).verdict, Verdict::candidate);
}

TEST(QueryState, ABlockBringsEverythingBack)
{
  QueryState state = new_state();
  state.potential = "0123456789abcdef";
  look(state, 0, 0.9);
  state.count_stored(0, true, 1);
  state.refuse(Refusal::fmax, 3, 20.0);
  state.buffer.add(some_candidate());
  state.known.reset(2);
  state.known.add({0.5, 0.25});
  state.threshold = {0.125, 0.5};
  state.spool = "spool state";

  QueryState other = new_state();
  other.load(state.save().bytes.c_str());
  EXPECT_EQ(other.save().bytes, state.save().bytes);
  EXPECT_EQ(other.potential, state.potential);
  EXPECT_EQ(other.buffer.candidates()[0].max_sigma, 0.1 + 0.2);
  EXPECT_EQ(other.buffer.candidates()[0].frame.pbc, some_candidate().frame.pbc);
  EXPECT_TRUE(other.known.contains({0.5, 0.25}, 0.01));
  EXPECT_EQ(look(other, 10, 0.9).refusal, Refusal::above_hi);    // still the same excursion
}

TEST(QueryState, ABlockHasRoomForSomeCandidatesOnly)
{
  QueryState state = {SelectionSettings(), 40}, other = new_state();
  for (int i = 0; i < 40; ++i) {
    QueryCandidate candidate = some_candidate();
    candidate.step = i;
    candidate.keep = i == 17;
    candidate.frame.positions.assign(300, 0.1 * i);
    state.buffer.add(std::move(candidate));
  }
  const QueryState::Block block = state.save(30000);
  other.load(block.bytes.c_str());

  EXPECT_LE(block.bytes.size(), 30000);
  EXPECT_GT(block.bytes.size(), 25000);    // a candidate has less than 5000
  EXPECT_EQ(other.num_buffered, 40 - block.num_left_out);
  std::vector<std::int64_t> steps;
  for (const auto &candidate : other.buffer.candidates()) steps.push_back(candidate.step);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(std::count(steps.begin(), steps.end(), 17), 1);
  EXPECT_EQ(state.buffer.size(), 40);    // the run that goes on has all
}

TEST(QueryState, ABlockWithoutRoomHasTheMostUncertain)
{
  SelectionSettings selection;
  selection.strategy = Strategy::uncertainty;
  QueryState state = {selection, 40}, other = {selection, 40};
  for (int i = 0; i < 40; ++i) {
    QueryCandidate candidate = some_candidate();
    candidate.max_sigma = (i * 7) % 40;
    candidate.frame.positions.assign(300, 0.1);
    state.buffer.add(std::move(candidate));
  }
  const QueryState::Block block = state.save(30000);
  other.load(block.bytes.c_str());

  ASSERT_GT(block.num_left_out, 0);
  for (const auto &candidate : other.buffer.candidates())
    EXPECT_GE(candidate.max_sigma, block.num_left_out);    // those left out have less
}

TEST(QueryState, ABlockHasWhatIsKnownBesideTheTrainingSet)
{
  QueryState state = new_state(), other = new_state();
  const std::vector<double> training(1000, 0.1), chosen = {0.5, 0.25, 1.5, 1.25, 2.5, 2.25};
  state.know_training_set(2, training);
  const std::size_t empty = state.save().bytes.size();
  state.known.add(chosen);

  EXPECT_LE(state.save().bytes.size(), empty + 9 * chosen.size() + 8);
  other.load(state.save().bytes.c_str());
  EXPECT_TRUE(other.lacks_training_set());
  other.add_training_set(training);
  EXPECT_EQ(other.known.values(), state.known.values());
  EXPECT_EQ(other.save().bytes, state.save().bytes);

  const QueryState::Block block = state.save(80);    // half of it has room for 2 of 3
  EXPECT_EQ(block.num_known_left_out, 1);
  other.load(block.bytes.c_str());
  EXPECT_TRUE(other.known.contains({2.5, 2.25}, 0.01));
  EXPECT_FALSE(other.known.contains({0.5, 0.25}, 0.01));
}

TEST(QueryState, OtherRanksHaveTheCountsOfABlockOnly)
{
  QueryState state = new_state(), other = new_state();
  state.buffer.add(some_candidate());
  look(state, 0, 0.9);
  other.load(state.save().bytes.c_str(), false);

  EXPECT_EQ(other.total.looks, 1);
  EXPECT_EQ(other.num_buffered, 1);
  EXPECT_EQ(other.buffer.size(), 0);
}

TEST(QueryState, AThresholdThatMovesGoesOnWhereItWas)
{
  QueryState state = new_state(), fixed = new_state(), other = new_state();
  state.threshold.begin(0.125, 0.5);
  fixed.threshold.begin(0.125, 0.0);

  other.load(state.save().bytes.c_str());
  other.threshold.begin(7.0, 0.25);
  EXPECT_EQ(other.threshold.lo(), 0.125);
  EXPECT_TRUE(other.threshold.moves());

  other.load(fixed.save().bytes.c_str());    // that of a user is none to begin with
  other.threshold.begin(7.0, 0.25);
  EXPECT_EQ(other.threshold.lo(), 7.0);
}

TEST(QueryState, ABlockOfAnotherKindIsRefused)
{
  const std::vector<double> old(39, 1.0);    // what versions before 1 wrote
  QueryState state = new_state();

  EXPECT_THROW(state.load(reinterpret_cast<const char *>(old.data())), Error);
}

TEST(QueryState, ADamagedBlockIsRefused)
{
  QueryState state = new_state();
  std::string block = state.save().bytes;
  block.back() ^= 1;

  EXPECT_THROW(state.load(block.c_str()), Error);
}

TEST(KnownConfigurations, FindsWhatDiffersByLess)
{
  KnownConfigurations known;
  known.reset(4);
  known.add({1, 2, 3, 4, 0, 0, 0, 0});

  EXPECT_TRUE(known.contains({1.009, 2.009, 3.009, 4.009}, 0.01));    // rms 0.009
  EXPECT_TRUE(known.contains({1.019, 2, 3, 4}, 0.01));                // rms 0.0095
  EXPECT_FALSE(known.contains({1.011, 2.011, 3.011, 4.011}, 0.01));
  EXPECT_FALSE(known.contains({2, 1, 3, 4}, 0.01));    // the same projection, but far away
  EXPECT_EQ(known.latest(1), (std::vector<double>{0, 0, 0, 0}));
}

TEST(LogHistogram, QuantilesAreThoseOfTheNumbers)
{
  LogHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.add(0.001 * i);

  EXPECT_NEAR(histogram.quantile(0.5), 0.5, 0.05 * 0.5);    // half a bin is 5 %
  EXPECT_NEAR(histogram.quantile(0.9), 0.9, 0.05 * 0.9);
  EXPECT_EQ(histogram.largest(), 1.0);
}

TEST(QueryReport, NamesTheCauseAndOrderedSteps)
{
  QueryState state = new_state();
  state.run.counts.looks = state.run.counts.flagged = 3;
  state.refuse(Refusal::duplicate, 5);
  state.refuse(Refusal::no_element, 10);
  EXPECT_THAT(run_report(state, force_rule(), {}, {false, 64}, ""),
              ::testing::HasSubstr("to do: some atoms have no element of the potential"));

  state.refuse(Refusal::duplicate, 0);
  EXPECT_THAT(run_report(state, force_rule(), {}, {false, 64}, ""),
              ::testing::HasSubstr("duplicate 2 (steps 0 to 5)"));
}
