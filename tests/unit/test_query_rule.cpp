// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/rule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "almlip/error.h"

using namespace almlip;
using Verdict = Decision::Verdict;

namespace {

/// lo 0.1 and hi 0.5 eV/Angstrom, no gates.
QueryRule some_rule(Measure measure = Measure::any)
{
  QueryRule rule;
  rule.measure = measure;
  rule.force = {0.1, 0.5};
  rule.spacing = 50;
  return rule;
}

Observation with_sigma(double sigma)
{
  Observation seen;
  seen.step = 100;
  seen.sigma = {sigma, 7};
  return seen;
}

}    // namespace

TEST(QueryRule, BelowLoIsKnown)
{
  const Decision decision = some_rule().decide(with_sigma(0.099));

  EXPECT_EQ(decision.verdict, Verdict::known);
  EXPECT_FALSE(decision.flagged || decision.untrusted);
}

TEST(QueryRule, FromLoToHiIsACandidate)
{
  for (const double sigma : {0.1, 0.3, 0.5}) {
    const Decision decision = some_rule().decide(with_sigma(sigma));
    EXPECT_EQ(decision.verdict, Verdict::candidate);
    EXPECT_TRUE(decision.flagged && !decision.untrusted);
  }
}

TEST(QueryRule, FirstAboveHiIsACandidateWhateverTheSpacing)
{
  Observation seen = with_sigma(0.51);
  seen.since_stored = 1;
  const Decision decision = some_rule().decide(seen);

  EXPECT_EQ(decision.verdict, Verdict::candidate);
  EXPECT_TRUE(decision.untrusted);
  EXPECT_EQ(decision.why, "sigma of atom 7 is 0.51 eV/Angstrom, which is above 0.5");
  EXPECT_EQ(decision.atom, 7);
}

TEST(QueryRule, NoRunGoesOnWhereAtomsPassThroughOthers)
{
  Observation seen = with_sigma(0.0);
  seen.move = {1.0, 9};
  EXPECT_EQ(some_rule().decide(seen).verdict, Verdict::known);

  seen.move.value = 1.01;
  const Decision decision = some_rule(Measure::energy).decide(seen);
  EXPECT_TRUE(decision.exploded && decision.untrusted);
  EXPECT_EQ(decision.verdict, Verdict::candidate);    // unless a gate refuses it
  EXPECT_EQ(decision.why, "atom 9 moves 1.01 Angstrom in one timestep, which is above 1");
  EXPECT_EQ(decision.atom, 9);
}

TEST(QueryRule, AConfigurationThatHasLostAtomsIsRefused)
{
  Observation seen = with_sigma(0.3);
  seen.num_lost = 3;
  const Decision decision = some_rule().decide(seen);

  EXPECT_TRUE(decision.exploded && decision.untrusted && decision.flagged);
  EXPECT_EQ(decision.refusal, Refusal::lost_atoms);
  EXPECT_EQ(decision.value, 3.0);
  EXPECT_EQ(decision.why, "lost atoms: 3");
}

TEST(QueryRule, OfAnExcursionOnlyOneIsTaken)
{
  Observation seen = with_sigma(0.7);
  seen.excursion_taken = true;
  const Decision decision = some_rule().decide(seen);

  EXPECT_EQ(decision.verdict, Verdict::refused);
  EXPECT_EQ(decision.refusal, Refusal::above_hi);
  EXPECT_EQ(decision.value, 0.7);
  EXPECT_TRUE(decision.untrusted);
}

TEST(QueryRule, SpacingCountsFromTheLastCandidate)
{
  Observation seen = with_sigma(0.3);
  seen.since_stored = 49;
  EXPECT_EQ(some_rule().decide(seen).refusal, Refusal::spacing);
  EXPECT_EQ(some_rule().decide(seen).verdict, Verdict::refused);

  seen.since_stored = 50;
  EXPECT_EQ(some_rule().decide(seen).verdict, Verdict::candidate);
}

TEST(QueryRule, NoveltyAloneIsEnoughForAny)
{
  Observation seen = with_sigma(0.0);
  seen.novelty = {2.0, 3};
  EXPECT_EQ(some_rule().decide(seen).verdict, Verdict::candidate);
  EXPECT_EQ(some_rule(Measure::force).decide(seen).verdict, Verdict::known);

  seen.novelty.value = 10.5;
  EXPECT_EQ(some_rule().decide(seen).why, "novelty of atom 3 is 10.5, which is above 10");
  EXPECT_FALSE(some_rule(Measure::force).decide(seen).untrusted);
}

TEST(QueryRule, NoveltyDoesNotLookAtSigma)
{
  const QueryRule rule = some_rule(Measure::novelty);

  EXPECT_EQ(rule.decide(with_sigma(100.0)).verdict, Verdict::known);
}

TEST(QueryRule, EnergyComparesTheSpreadPerAtom)
{
  QueryRule rule = some_rule(Measure::energy);
  rule.energy = {0.01, 0.1};
  Observation seen = with_sigma(100.0);
  seen.energy_spread = 0.005;
  EXPECT_EQ(rule.decide(seen).verdict, Verdict::known);

  seen.energy_spread = 0.02;
  EXPECT_EQ(rule.decide(seen).verdict, Verdict::candidate);

  seen.energy_spread = 0.2;
  EXPECT_EQ(rule.decide(seen).why, "the energy spread is 0.2 eV per atom, which is above 0.1");
}

TEST(QueryRule, APairNearerThanInTrainingIsNotTrustedButACandidate)
{
  Observation seen = with_sigma(0.0);
  seen.nearness = {1.0 / 0.89, 12};    // at 0.89 of the least distance in training
  const Decision decision = some_rule().decide(seen);

  EXPECT_EQ(decision.verdict, Verdict::candidate);
  EXPECT_TRUE(decision.untrusted);
  EXPECT_EQ(decision.why,
            "atom 12 has a neighbour at 0.89 times the least distance of these elements in the "
            "training set, which is below 0.9");

  seen.nearness.value = 1.0 / 0.91;
  EXPECT_EQ(some_rule().decide(seen).verdict, Verdict::known);
}

TEST(QueryRule, GatesRefuseWhatIsUnphysical)
{
  QueryRule rule = some_rule();
  rule.max_force = 20.0;
  rule.min_distance = 1.5;
  rule.min_distance_ratio = 0.7;
  rule.min_density = 1.0;
  rule.max_density = 5.0;
  rule.max_temperature = 4000.0;
  Observation good = with_sigma(0.3);
  good.force.value = 19.0;
  good.least_distance = 1.6;
  good.density = 2.3;
  good.temperature = 300.0;
  ASSERT_EQ(rule.decide(good).verdict, Verdict::candidate);
  ASSERT_TRUE(rule.passes_gates(good));

  const auto refusal_of = [&](auto &&spoil) {
    Observation seen = good;
    spoil(seen);
    EXPECT_EQ(rule.decide(seen).verdict, Verdict::refused);
    EXPECT_FALSE(rule.passes_gates(seen));
    return rule.decide(seen).refusal;
  };
  EXPECT_EQ(refusal_of([](Observation &o) { o.force.value = 21.0; }), Refusal::fmax);
  EXPECT_EQ(refusal_of([](Observation &o) { o.least_distance = 1.4; }), Refusal::mindist);
  EXPECT_EQ(refusal_of([](Observation &o) { o.nearness.value = 1.0 / 0.69; }), Refusal::mindist);
  EXPECT_EQ(refusal_of([](Observation &o) { o.density = 0.9; }), Refusal::density);
  EXPECT_EQ(refusal_of([](Observation &o) { o.density = 5.1; }), Refusal::density);
  EXPECT_EQ(refusal_of([](Observation &o) { o.temperature = 4001.0; }), Refusal::temperature);
  EXPECT_EQ(refusal_of([](Observation &o) { o.num_without_element = 1; }), Refusal::no_element);
}

TEST(QueryRule, GatesHoldAboveHiAsWell)
{
  QueryRule rule = some_rule();
  rule.max_force = 20.0;
  Observation seen = with_sigma(5.0);
  seen.force.value = 300.0;
  const Decision decision = rule.decide(seen);

  EXPECT_EQ(decision.refusal, Refusal::fmax);
  EXPECT_EQ(decision.value, 300.0);
  EXPECT_TRUE(decision.untrusted);    // the run ends all the same
}

TEST(QueryRule, NoNumberIsRefusedAndNotTrusted)
{
  Observation seen = with_sigma(0.0);
  seen.not_finite = "force of atom 3";
  const Decision decision = some_rule().decide(seen);

  EXPECT_EQ(decision.refusal, Refusal::not_finite);
  EXPECT_TRUE(decision.untrusted);
  EXPECT_EQ(decision.why, "force of atom 3 is not a number");
}

TEST(Measure, NamesGoBothWays)
{
  for (const char *name : {"force", "energy", "novelty", "any"})
    EXPECT_EQ(to_string(parse_measure(name)), name);
  try {
    parse_measure("foo");
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "measure is 'foo', but it must be force, energy, novelty or any");
  }
}

TEST(EnergySpread, IsTheSampleDeviation)
{
  EXPECT_NEAR(energy_spread({1.0, 2.0, 3.0}), 1.0, 1e-15);
  EXPECT_EQ(energy_spread({1.0}), 0.0);
}
