// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "pool/relu_committee.h"

namespace almlip::pool {
namespace {

Eigen::MatrixXf some_inputs(int count, int num_features)
{
  Eigen::MatrixXf result(count, num_features);
  for (int i = 0; i < count; ++i)
    for (int f = 0; f < num_features; ++f)
      result(i, f) = std::sin(1.3F * float(i * (f + 2))) + 0.1F * float(f);
  return result;
}

constexpr ReluSettings small{3, 6, 1, 1e-3};

/// Gradients of all members' outputs at one point by central differences, shape [M][parameters].
Eigen::MatrixXd gradients(ReluCommittee &committee, const Eigen::MatrixXf &point, int num_members)
{
  constexpr float h = 1e-3F;
  Eigen::VectorXf &parameters = committee.parameters();
  Eigen::MatrixXd result(num_members, parameters.size());
  for (Eigen::Index p = 0; p < parameters.size(); ++p) {
    const float before = parameters[p];
    parameters[p] = before + h;
    const Eigen::VectorXd high = committee.predict(point).row(0).transpose().cast<double>();
    parameters[p] = before - h;
    const Eigen::VectorXd low = committee.predict(point).row(0).transpose().cast<double>();
    parameters[p] = before;
    result.col(p) = (high - low) / (2.0 * h);
  }
  return result;
}

TEST(ReluCommittee, GradientCovarianceIsTheProductOfGradients)
{
  ReluCommittee committee(3, small, 4);
  const Eigen::MatrixXf inputs = some_inputs(4, 3);
  const Covariance covariance = committee.gradient_covariance(inputs);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const Eigen::MatrixXd a = gradients(committee, inputs.row(i), 3),
                            b = gradients(committee, inputs.row(j), 3);
      EXPECT_NEAR(covariance.row(i)[j], a.cwiseProduct(b).sum() / 3.0,
                  3e-3);    // float differences with a step of 1e-3
    }
}

TEST(ReluCommittee, RandomFeaturesApproachTheCovariance)
{
  constexpr int num_projections = 20000;
  const ReluCommittee committee(3, small, 4);
  const Eigen::MatrixXf inputs = some_inputs(4, 3);
  const FeaturePoints points = committee.gradient_features(inputs, num_projections, 7);
  const Eigen::Map<const Eigen::MatrixXf> features(points.values.data(), num_projections, 4);
  const Covariance covariance = committee.gradient_covariance(inputs);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const double scale = std::sqrt(covariance.row(i)[i] * covariance.row(j)[j]);
      EXPECT_NEAR(features.col(i).dot(features.col(j)), covariance.row(i)[j],
                  6.0 * scale / std::sqrt(num_projections));
    }
}

TEST(ReluCommittee, FirstStepOfAdamGoesAgainstTheSlope)
{
  constexpr float h = 1e-3F;
  const Eigen::MatrixXf inputs = some_inputs(8, 2);
  const Eigen::VectorXf targets = inputs.col(0) - 2.0F * inputs.col(1);
  ReluCommittee start(2, small, 9), stepped(2, small, 9);
  stepped.fit(inputs, targets);
  const auto loss = [&] {
    return (start.predict(inputs).colwise() - targets)
        .cast<double>()
        .array()
        .square()
        .colwise()
        .mean()
        .sum();
  };
  int compared = 0;
  for (Eigen::Index p = 0; p < start.parameters().size(); ++p) {
    const float before = start.parameters()[p];
    start.parameters()[p] = before + h;
    const double high = loss();
    start.parameters()[p] = before - h;
    const double slope = (high - loss()) / (2.0 * h);
    start.parameters()[p] = before;
    if (std::abs(slope) < 1e-2) continue;    // too small for differences of floats
    ++compared;
    EXPECT_NEAR(stepped.parameters()[p] - before, slope > 0 ? -1e-3 : 1e-3, 1e-6)
        << p;    // Adam's first step: the rate, whatever the slope
  }
  EXPECT_GT(compared, 30);
}

/// Adam in double precision on one network, as the paper's algorithm 1 is written; all weights as
/// columns: W1, b1, W2, b2, w3, b3 of ReluCommittee::parameters for one member.
Eigen::VectorXd adam(const Eigen::VectorXd &start, const Eigen::MatrixXd &x,
                     const Eigen::VectorXd &targets, int H, int num_steps)
{
  const Eigen::Index F = x.cols(), n = x.rows();
  Eigen::VectorXd all = start, mean = 0.0 * start, square = mean, slope = mean;
  for (int step = 1; step <= num_steps; ++step) {
    const auto part = [&](Eigen::VectorXd &v, Eigen::Index at, Eigen::Index rows,
                          Eigen::Index columns) {
      return Eigen::Map<Eigen::MatrixXd>(v.data() + at, rows, columns);
    };
    const Eigen::Index b1 = F * H, w2 = b1 + H, b2 = w2 + H * H, w3 = b2 + H, b3 = w3 + H;
    const auto relu = [](const Eigen::MatrixXd &z) { return z.cwiseMax(0.0).eval(); };
    const auto active = [](const Eigen::MatrixXd &y) {
      return (y.array() > 0.0).cast<double>().eval();
    };
    const Eigen::MatrixXd one = Eigen::MatrixXd::Ones(n, 1);
    const Eigen::MatrixXd first = relu(x * part(all, 0, F, H) + one * part(all, b1, 1, H)),
                          second = relu(first * part(all, w2, H, H) + one * part(all, b2, 1, H));
    const Eigen::MatrixXd residual =
        2.0 / double(n) * (second * part(all, w3, H, 1) + one * all[b3] - targets);
    const Eigen::MatrixXd d2 =
        (residual * part(all, w3, H, 1).transpose()).array() * active(second);
    const Eigen::MatrixXd d1 = (d2 * part(all, w2, H, H).transpose()).array() * active(first);
    part(slope, 0, F, H) = x.transpose() * d1;
    part(slope, b1, 1, H) = d1.colwise().sum();
    part(slope, w2, H, H) = first.transpose() * d2;
    part(slope, b2, 1, H) = d2.colwise().sum();
    part(slope, w3, H, 1) = second.transpose() * residual;
    slope[b3] = residual.sum();
    mean = 0.9 * mean + 0.1 * slope;
    square.array() = 0.999 * square.array() + 0.001 * slope.array().square();
    all.array() -= 1e-3 * mean.array() / (1.0 - std::pow(0.9, step)) /
                   ((square.array() / (1.0 - std::pow(0.999, step))).sqrt() + 1e-8);
  }
  return all;
}

/// The weights of member k.
Eigen::VectorXd of_member(const Eigen::VectorXf &parameters, int k, int F, int H, int M)
{
  std::vector<double> result;
  Eigen::Index at = 0;
  for (const int size : {F * H, H, H * H, H, H, 1}) {    // each stacked over the members
    for (int i = 0; i < size; ++i) result.push_back(parameters[at + k * size + i]);
    at += M * size;
  }
  return Eigen::Map<Eigen::VectorXd>(result.data(), result.size());
}

TEST(ReluCommittee, FitIsAdam)
{
  constexpr int M = 2, num_steps = 5;
  struct Size {
    int num_points, F, H;
  };
  // one to seven rows and up to three tiles of columns, full or not
  for (const Size &size : {Size{1, 1, 1}, {3, 2, 7}, {7, 5, 64}, {30, 17, 128}, {14, 3, 130}}) {
    const Eigen::MatrixXf inputs = some_inputs(size.num_points, size.F);
    const Eigen::VectorXf targets =
        inputs.col(0).array() * inputs.col(size.F - 1).array() - inputs.col(size.F / 2).array();
    ReluCommittee committee(size.F, {M, size.H, num_steps, 1e-3}, 5);
    const Eigen::VectorXf start = committee.parameters();
    committee.fit(inputs, targets);
    for (int k = 0; k < M; ++k) {
      const Eigen::VectorXd expected =
          adam(of_member(start, k, size.F, size.H, M), inputs.cast<double>(),
               targets.cast<double>(), size.H, num_steps);
      const Eigen::VectorXd got = of_member(committee.parameters(), k, size.F, size.H, M);
      const Eigen::VectorXd error = (got - expected).cwiseAbs();
      // all but the weights of a unit that rounding switches on or off at one point
      EXPECT_LT((error.array() > 1e-7).cast<double>().mean(), 0.02)
          << size.num_points << " " << size.F << " " << size.H;
      EXPECT_GT((expected - of_member(start, k, size.F, size.H, M)).norm(), 1e-3);
    }
  }
}

TEST(ReluCommittee, LearnsALine)
{
  const Eigen::MatrixXf inputs = some_inputs(60, 2);
  const Eigen::VectorXf targets = inputs.col(0) - 0.5F * inputs.col(1);
  ReluCommittee committee(2, {5, 64, 300, 1e-3}, 1);
  committee.fit(inputs, targets);
  const Eigen::MatrixXf predicted = committee.predict(inputs);
  for (int k = 0; k < 5; ++k)
    EXPECT_LT((predicted.col(k) - targets).cwiseAbs().mean(),
              0.05F);    // the targets' deviation is about 0.8
}

TEST(ReluCommittee, MembersDifferAndSeedsDecide)
{
  const Eigen::MatrixXf inputs = some_inputs(5, 2);
  const Eigen::MatrixXf first = ReluCommittee(2, small, 1).predict(inputs);
  EXPECT_EQ(first, ReluCommittee(2, small, 1).predict(inputs));
  EXPECT_NE(first, ReluCommittee(2, small, 2).predict(inputs));
  EXPECT_GT((first.col(0) - first.col(1)).norm(), 0.01F);
}

}    // namespace
}    // namespace almlip::pool
