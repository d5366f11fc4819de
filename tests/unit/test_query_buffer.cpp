// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "almlip/error.h"
#include "almlip/query/refusal.h"

using namespace almlip;

namespace {

QueryCandidate candidate_of(int step, double sigma)
{
  QueryCandidate candidate;
  candidate.step = step;
  candidate.max_sigma = sigma;
  return candidate;
}

std::vector<std::int64_t> steps(const QueryBuffer &buffer)
{
  std::vector<std::int64_t> result;
  for (const QueryCandidate &candidate : buffer.candidates()) result.push_back(candidate.step);
  return result;
}

}    // namespace

TEST(QueryBuffer, NeverHoldsMoreThanItsCapacity)
{
  QueryBuffer buffer(3, Strategy::hybrid, 1);
  for (int step = 0; step < 10; ++step) EXPECT_EQ(buffer.add(candidate_of(step, 1.0)), step >= 3);

  EXPECT_EQ(buffer.size(), 3);
}

TEST(QueryBuffer, OfUncertaintyKeepsTheMostUncertain)
{
  QueryBuffer buffer(2, Strategy::uncertainty, 1);
  for (const auto &[step, sigma] : {std::pair{0, 0.5}, {1, 0.2}, {2, 0.1}, {3, 0.9}, {4, 0.5}})
    buffer.add(candidate_of(step, sigma));

  EXPECT_EQ(steps(buffer), (std::vector<std::int64_t>{0, 3}));    // 4 is not more uncertain than 0
}

TEST(QueryBuffer, OfOtherStrategiesIsAUniformSample)
{
  constexpr int runs = 2000, capacity = 5, seen = 20;
  std::vector<int> kept(seen, 0);
  for (int seed = 0; seed < runs; ++seed) {
    QueryBuffer buffer(capacity, Strategy::diversity, 1000 * seed);
    for (int step = 0; step < seen; ++step) buffer.add(candidate_of(step, 1.0));
    for (std::int64_t step : steps(buffer)) ++kept[step];
  }

  for (int count : kept)
    EXPECT_NEAR(count, runs * 0.25, 5 * std::sqrt(runs * 0.25 * 0.75));    // 5 standard deviations
}

TEST(QueryBuffer, FollowsTheSeed)
{
  const auto sample = [](std::uint64_t seed) {
    QueryBuffer buffer(10, Strategy::random, seed);
    for (int step = 0; step < 100; ++step) buffer.add(candidate_of(step, 1.0));
    return steps(buffer);
  };

  EXPECT_EQ(sample(1), sample(1));
  EXPECT_NE(sample(1), sample(2));
}

TEST(QueryBuffer, ClearStartsANewSample)
{
  QueryBuffer buffer(2, Strategy::random, 1);
  for (int step = 0; step < 10; ++step) buffer.add(candidate_of(step, 1.0));
  buffer.clear();

  EXPECT_FALSE(buffer.add(candidate_of(10, 1.0)));
  EXPECT_EQ(steps(buffer), std::vector<std::int64_t>{10});
}

TEST(QueryBuffer, KeepsWhatIsToBeKept)
{
  for (const Strategy strategy : {Strategy::hybrid, Strategy::uncertainty}) {
    QueryBuffer buffer(4, strategy, 1);
    for (int step = 0; step < 4; ++step) buffer.add(candidate_of(step, 1.0));
    QueryCandidate valuable = candidate_of(100, 0.0);
    valuable.keep = true;
    buffer.add(valuable);
    for (int step = 4; step < 50; ++step) buffer.add(candidate_of(step, step));

    const std::vector<std::int64_t> held = steps(buffer);
    EXPECT_EQ(held.size(), 4u);
    EXPECT_EQ(std::count(held.begin(), held.end(), 100), 1);
  }
}

TEST(QueryBuffer, RejectsNoCapacity)
{
  try {
    QueryBuffer(0, Strategy::random, 1);
    FAIL();
  } catch (const Error &error) {
    EXPECT_STREQ(error.what(), "buffer is 0, but it must be at least 1");
  }
}

TEST(RefusalTally, KeepsCountStepsAndTheWorstValue)
{
  RefusalTally tally;
  tally.add(Refusal::fmax, 10, 20.0);
  tally.add(Refusal::fmax, 30, 15.0);
  tally.add(Refusal::mindist, 40, 1.1);
  tally.add(Refusal::mindist, 50, 1.3);
  tally.add(Refusal::density, 52, 2.0);
  tally.add(Refusal::density, 54, 3.0);
  tally.add(Refusal::passed_over, 60, 0.0, 0);

  EXPECT_EQ(tally.of(Refusal::fmax).count, 2);
  EXPECT_EQ(tally.of(Refusal::fmax).first_step, 10);
  EXPECT_EQ(tally.of(Refusal::fmax).last_step, 30);
  EXPECT_EQ(tally.of(Refusal::fmax).worst(Refusal::fmax), 20.0);
  EXPECT_EQ(tally.of(Refusal::mindist).worst(Refusal::mindist), 1.1);    // the least is the worst
  EXPECT_EQ(tally.of(Refusal::density).least, 2.0);                      // of two limits
  EXPECT_EQ(tally.of(Refusal::density).largest, 3.0);
  EXPECT_EQ(tally.of(Refusal::passed_over).count, 0);
}
