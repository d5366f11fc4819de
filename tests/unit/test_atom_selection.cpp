// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/atom_selection.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <numeric>
#include <random>
#include <set>

#include "almlip/error.h"
#include "almlip/selection.h"
#include "random_potential.h"
#include "train/calibration.h"

namespace almlip {
namespace {

constexpr int num_descriptors = 6;

/// Atoms around a center of their own, with a spread.
AtomPoints cloud(int num_atoms, double center, double spread, std::mt19937_64 &random,
                 int num_elements = 1)
{
  std::normal_distribution<float> normal;
  AtomPoints atoms;
  for (int i = 0; i < num_atoms; ++i) {
    atoms.element.push_back(i % num_elements);
    for (int d = 0; d < num_descriptors; ++d)
      atoms.descriptors.push_back(static_cast<float>(d == 0 ? center : 0.0) +
                                  static_cast<float>(spread) * normal(random));
  }
  return atoms;
}

LabelledAtoms nothing_labelled(int num_elements = 1)
{
  const std::size_t size = num_descriptors + 1;
  return {num_descriptors,
          std::vector<std::vector<double>>(num_elements, std::vector<double>(size * size, 0.0))};
}

struct Pool {
  std::vector<AtomPoints> frames;

  AtomTask task(int batch) const
  {
    AtomTask task;
    for (const AtomPoints &frame : frames) task.candidates.push_back(&frame);
    task.kind.assign(frames.size(), 0);
    task.labelled = {0};
    task.batch = batch;
    return task;
  }
};

std::vector<int> indices(const std::vector<AtomChoice> &choices)
{
  std::vector<int> list;
  for (const AtomChoice &choice : choices) list.push_back(choice.index);
  return list;
}

/// z of all atoms, a column each, in double.
Eigen::MatrixXd points(const AtomPoints &atoms)
{
  Eigen::MatrixXd z(num_descriptors + 1, atoms.num_atoms());
  for (int i = 0; i < atoms.num_atoms(); ++i) {
    for (int d = 0; d < num_descriptors; ++d)
      z(d, i) = atoms.descriptors[i * num_descriptors + d] / std::sqrt(num_descriptors);
    z(num_descriptors, i) = 1.0;
  }
  return z;
}

/// Variances at `at` of Bayesian linear regression (Bishop 2006, eq. 3.59) with prior variance 5 =
/// 0.05/0.01 of every coefficient and unit noise on the labels.
Eigen::VectorXd variances(const std::vector<const AtomPoints *> &labelled, const AtomPoints &at)
{
  Eigen::MatrixXd precision =
      Eigen::MatrixXd::Identity(num_descriptors + 1, num_descriptors + 1) / 5.0;
  for (const AtomPoints *atoms : labelled) precision += points(*atoms) * points(*atoms).transpose();
  const Eigen::MatrixXd z = points(at), covariance = precision.inverse();
  return (z.array() * (covariance * z).array()).colwise().sum();
}

TEST(AtomSelection, GreedyChoiceIsThatOfTheWholePosterior)
{
  std::mt19937_64 random(1);
  Pool pool;
  for (int n = 0; n < 12; ++n) pool.frames.push_back(cloud(5, 0.5 * n, 0.2 + 0.1 * n, random));
  AtomPoints all;    // 60 atoms: all of them are references
  for (const AtomPoints &frame : pool.frames) {
    all.element.insert(all.element.end(), frame.element.begin(), frame.element.end());
    all.descriptors.insert(all.descriptors.end(), frame.descriptors.begin(),
                           frame.descriptors.end());
  }
  const Eigen::VectorXd before = variances({}, all);

  const std::vector<AtomChoice> choices = select_by_atoms(nothing_labelled(), pool.task(4));

  ASSERT_EQ(choices.size(), 4u);
  std::vector<const AtomPoints *> labelled;
  double left = 1.0;
  for (const AtomChoice &choice : choices) {
    double best = 1.0;
    for (const AtomPoints &frame : pool.frames) {
      std::vector<const AtomPoints *> with = labelled;
      with.push_back(&frame);
      if (std::count(labelled.begin(), labelled.end(), &frame) == 0)
        best = std::min(best, (variances(with, all).array() / before.array()).mean());
    }
    EXPECT_NEAR(left - choice.gain, best, 1e-4);    // single precision
    labelled.push_back(&pool.frames[choice.index]);
    left = best;
  }
}

TEST(AtomSelection, WhatIsLabelledIsNotChosenAgain)
{
  std::mt19937_64 random(2);
  Pool pool;
  for (int n = 0; n < 10; ++n) pool.frames.push_back(cloud(8, 0.0, 1.0, random));
  for (int n = 0; n < 10; ++n) pool.frames.push_back(cloud(8, 5.0, 1.0, random));
  LabelledAtoms labelled = nothing_labelled();
  for (int n = 0; n < 200; ++n) labelled.add(cloud(8, 0.0, 1.0, random));
  const std::vector<int> chosen = indices(select_by_atoms(labelled, pool.task(3)));
  for (const int i : chosen) EXPECT_GE(i, 10);
}

TEST(AtomSelection, ReferencesSayWhereTheErrorCounts)
{
  std::mt19937_64 random(3);
  Pool pool;
  const auto keep_half = [](AtomPoints &atoms, bool first) {    // of the descriptors
    for (int i = 0; i < atoms.num_atoms(); ++i)
      for (int d = 0; d < num_descriptors / 2; ++d)
        atoms.descriptors[i * num_descriptors + d + (first ? num_descriptors / 2 : 0)] = 0.0F;
  };
  for (int n = 0; n < 20; ++n) {
    pool.frames.push_back(cloud(8, 0.0, n < 10 ? 1.0 : 2.0, random));
    keep_half(pool.frames.back(), n < 10);
  }
  AtomPoints use = cloud(50, 0.0, 1.0, random);
  keep_half(use, true);
  AtomTask task = pool.task(3);
  task.references = {&use};
  for (const int i : indices(select_by_atoms(nothing_labelled(), task))) EXPECT_LT(i, 10);
}

TEST(AtomSelection, EveryFifthIsOfTheKindWithTheFewestLabels)
{
  std::mt19937_64 random(4);
  Pool pool;
  for (int n = 0; n < 20; ++n) pool.frames.push_back(cloud(8, 0.0, n < 10 ? 1.0 : 1e-3, random));
  AtomTask task = pool.task(10);
  task.kind.assign(20, 0);
  std::fill(task.kind.begin() + 10, task.kind.end(), 1);    // crystals have nothing to tell
  task.labelled = {5, 2};
  const std::vector<int> chosen = indices(select_by_atoms(nothing_labelled(), task));
  ASSERT_EQ(chosen.size(), 10u);
  EXPECT_GE(chosen[4], 10);
  EXPECT_GE(chosen[9], 10);
  EXPECT_EQ(std::set<int>(chosen.begin(), chosen.end()).size(), 10u);

  task.quota = 0;
  const std::vector<int> free = indices(select_by_atoms(nothing_labelled(), task));
  EXPECT_LT(*std::max_element(free.begin(), free.begin() + 5), 10);
}

TEST(AtomSelection, ThousandsOfKindsAreRepresentedBySomeOfThem)
{
  std::mt19937_64 random(14);
  Pool pool;    // one run in ten is elsewhere
  for (int n = 0; n < 3000; ++n) pool.frames.push_back(cloud(2, n % 10 ? 0.0 : 30.0, 0.1, random));
  AtomTask task = pool.task(2);
  std::iota(task.kind.begin(), task.kind.end(), 0);
  task.labelled.assign(3000, 0);
  const std::vector<AtomChoice> chosen = select_by_atoms(nothing_labelled(), task);

  ASSERT_EQ(chosen.size(), 2u);
  EXPECT_NE(chosen[0].index % 10 == 0, chosen[1].index % 10 == 0);    // both places
  EXPECT_LE(chosen[0].gain + chosen[1].gain, 1.0);                    // parts of the variance
}

TEST(AtomSelection, ElementsHaveModelsOfTheirOwn)
{
  std::mt19937_64 random(5);
  LabelledAtoms labelled = nothing_labelled(2);
  Pool pool;
  for (int n = 0; n < 4; ++n) pool.frames.push_back(cloud(6, 0.0, 1.0, random));
  for (int n = 0; n < 4; ++n) {
    pool.frames.push_back(cloud(6, 0.0, 1.0, random));
    pool.frames.back().element.assign(6, 1);
  }
  for (int n = 0; n < 100; ++n) labelled.add(cloud(6, 0.0, 1.0, random));    // all of element 0
  for (const int i : indices(select_by_atoms(labelled, pool.task(3)))) EXPECT_GE(i, 4);
}

TEST(AtomSelection, DoesNotDependOnTheOrderOfCandidatesThroughSelect)
{
  std::mt19937_64 random(6);
  std::vector<AtomPoints> frames;
  for (int n = 0; n < 40; ++n) frames.push_back(cloud(20, 0.1 * n, 0.5, random));
  const LabelledAtoms labelled = nothing_labelled();
  SelectionSettings settings;
  settings.strategy = Strategy::alc_atoms;
  settings.batch = 7;
  const auto chosen = [&](const std::vector<int> &order) {
    Candidates candidates;
    candidates.num_features = 1;
    candidates.labelled_atoms = &labelled;
    for (const int n : order) {
      candidates.features.push_back(n);
      candidates.uncertainty.push_back(0.01 * n);
      candidates.atoms.push_back(&frames[n]);
    }
    std::vector<int> result;
    for (const Choice &choice : select(candidates, settings)) result.push_back(order[choice.index]);
    return result;
  };
  std::vector<int> order(40);
  std::iota(order.begin(), order.end(), 0);
  const std::vector<int> first = chosen(order);
  std::shuffle(order.begin(), order.end(), random);
  EXPECT_EQ(chosen(order), first);
  EXPECT_EQ(first.size(), 7u);
}

TEST(AtomSelection, WithoutKindsClustersShareTheQuota)
{
  std::mt19937_64 random(9);
  std::vector<AtomPoints> frames;
  for (int n = 0; n < 50; ++n) frames.push_back(cloud(10, 0.0, n < 10 ? 2.0 : 0.01, random));
  const LabelledAtoms labelled = nothing_labelled();
  SelectionSettings settings;
  settings.strategy = Strategy::alc_atoms;
  settings.batch = 10;
  Candidates candidates;
  candidates.num_features = 1;
  candidates.labelled_atoms = &labelled;
  for (int n = 0; n < 50; ++n) {
    candidates.features.push_back(100 * (n / 10) + n % 10);    // five clusters
    candidates.uncertainty.push_back(1.0);
    candidates.atoms.push_back(&frames[n]);
  }
  candidates.known = {0.0, 110.0, 210.0, 310.0};    // none of the last
  const std::vector<Choice> choices = select(candidates, settings);
  ASSERT_EQ(choices.size(), 10u);
  EXPECT_EQ(choices[4].index / 10, 4);
  EXPECT_NE(choices[9].index / 10, 0);
  EXPECT_GE(choices[0].cluster, 0);
}

TEST(AtomSelection, LargeCellsAreRepresentedBySomeOfTheirAtoms)
{
  std::vector<double> descriptors, sigma;
  std::vector<int> element;
  for (int i = 0; i < 100; ++i) {
    descriptors.push_back(i);
    sigma.push_back(i % 10 + 0.01 * i);
    element.push_back(0);
  }
  const AtomPoints few = atom_points(descriptors.data(), element.data(), sigma.data(), 100, 1, 10);
  EXPECT_EQ(few.num_atoms(), 10);
  EXPECT_EQ(few.descriptors[0], 99.0F);    // the most uncertain one
  const AtomPoints all = atom_points(descriptors.data(), element.data(), sigma.data(), 100, 1, 100);
  EXPECT_EQ(all.num_atoms(), 100);
  AtomPoints thinned = all;
  thinned.thin(10);
  EXPECT_EQ(thinned.descriptors, few.descriptors);
  std::reverse(descriptors.begin(), descriptors.end());
  std::reverse(sigma.begin(), sigma.end());
  EXPECT_EQ(atom_points(descriptors.data(), element.data(), sigma.data(), 100, 1, 10).descriptors,
            few.descriptors);
}

TEST(AtomSelection, MomentsOfThePotentialStandForItsTrainingAtoms)
{
  std::mt19937_64 random(7);
  Potential potential = test::random_potential(test::shape_settings("fast", {"Si"}), 1);
  const int D = potential.settings.num_descriptors(), num_atoms = 400;
  const Eigen::MatrixXd x = Eigen::MatrixXd::NullaryExpr(
      D, num_atoms, [&] { return std::normal_distribution<double>(0.3, 1.0)(random); });
  potential.novelty = {train::fit_novelty({x.data(), x.data() + x.size()}, D)};
  potential.record.num_atoms = {double(num_atoms)};

  Eigen::MatrixXd z(D + 1, num_atoms);
  z.topRows(D) = x / std::sqrt(D);
  z.row(D).setOnes();
  const Eigen::MatrixXd gram = z * z.transpose();
  const LabelledAtoms atoms = training_atoms(potential);
  const Eigen::Map<const Eigen::MatrixXd> found(atoms.gram[0].data(), D + 1, D + 1);
  EXPECT_LT((found - gram).norm(), 1e-5 * gram.norm());    // six digits of the whitening
}

TEST(AtomSelection, LengthsThatDoNotFitAreErrors)
{
  Pool pool;
  std::mt19937_64 random(8);
  pool.frames.push_back(cloud(3, 0.0, 1.0, random));
  AtomTask task = pool.task(0);
  EXPECT_THROW(select_by_atoms(nothing_labelled(), task), Error);
  task = pool.task(1);
  task.kind = {1};
  EXPECT_THROW(select_by_atoms(nothing_labelled(), task), Error);
  pool.frames[0].descriptors.pop_back();
  EXPECT_THROW(select_by_atoms(nothing_labelled(), pool.task(1)), Error);
}

}    // namespace
}    // namespace almlip
