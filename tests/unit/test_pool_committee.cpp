#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "train/relu_committee.h"

namespace almlip {
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

TEST(ReluCommittee, GradientKernelIsTheProductOfGradients)
{
  ReluCommittee committee(3, small, 4);
  const Eigen::MatrixXf inputs = some_inputs(4, 3);
  const Kernel kernel = committee.gradient_kernel(inputs);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const Eigen::MatrixXd a = gradients(committee, inputs.row(i), 3),
                            b = gradients(committee, inputs.row(j), 3);
      EXPECT_NEAR(kernel.row(i)[j], a.cwiseProduct(b).sum() / 3.0,
                  3e-3);    // float differences with a step of 1e-3
    }
}

TEST(ReluCommittee, RandomFeaturesApproachTheKernel)
{
  constexpr int num_projections = 20000;
  const ReluCommittee committee(3, small, 4);
  const Eigen::MatrixXf inputs = some_inputs(4, 3);
  const FeaturePoints points = committee.gradient_features(inputs, num_projections, 7);
  const Eigen::Map<const Eigen::MatrixXf> features(points.values.data(), num_projections, 4);
  const Kernel kernel = committee.gradient_kernel(inputs);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const double scale = std::sqrt(kernel.row(i)[i] * kernel.row(j)[j]);
      EXPECT_NEAR(features.col(i).dot(features.col(j)), kernel.row(i)[j],
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
}    // namespace almlip
