// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/relu_committee.h"

#include <algorithm>
#include <cmath>

#include "almlip/error.h"
#include "almlip/kernels/instruction_set.h"
#include "almlip/random.h"
#include "pool/relu_adam.h"

namespace almlip::pool {

using Eigen::MatrixXf;
using Eigen::VectorXf;

/// The parts of a vector of all weights.
struct ReluCommittee::Layers {
  using Matrix = Eigen::Map<MatrixXf>;
  using Vector = Eigen::Map<VectorXf>;
  Matrix weight1;    ///< shape [num_features][M H]
  Vector bias1;      ///< shape [M H]
  Matrix weight2;    ///< shape [H][M H]
  Vector bias2;      ///< shape [M H]
  Vector weight3;    ///< shape [M H]
  Vector bias3;      ///< shape [M]

  Layers(float *at, int num_features, int num_hidden, int num_members)
      : weight1(at, num_features, num_hidden * num_members),
        bias1(weight1.data() + weight1.size(), num_hidden * num_members),
        weight2(bias1.data() + bias1.size(), num_hidden, num_hidden * num_members),
        bias2(weight2.data() + weight2.size(), num_hidden * num_members),
        weight3(bias2.data() + bias2.size(), num_hidden * num_members),
        bias3(weight3.data() + weight3.size(), num_members)
  {
  }
  Layers(const VectorXf &all, const ReluCommittee &c)
      : Layers(const_cast<float *>(all.data()), c.num_features_, c.num_hidden_, c.num_members_)
  {
  }
};

ReluCommittee::ReluCommittee(int num_features, const ReluSettings &settings, std::uint64_t seed)
    : num_features_(num_features),
      num_hidden_(settings.num_hidden),
      num_members_(settings.num_members),
      settings_(settings)
{
  require(num_features >= 1, "committee: ", num_features,
          " features, but there must be at least 1");
  require(num_members_ >= 2, "committee: ", num_members_,
          " members, but there must be at least 2 for a spread");
  require(num_hidden_ >= 1, "committee: ", num_hidden_,
          " hidden units, but there must be at least 1");
  const int width = num_hidden_ * num_members_;
  const Eigen::Index size = Eigen::Index(width) * (num_features + num_hidden_ + 3) + num_members_;
  parameters_.resize(size);
  Random random(seed);
  const Eigen::Index first_layer = Eigen::Index(width) * (num_features + 1);
  const float scale1 = 1.0F / std::sqrt(float(num_features)),
              scale2 = 1.0F / std::sqrt(float(num_hidden_));
  for (Eigen::Index i = 0; i < size; ++i)
    parameters_[i] = (i < first_layer ? scale1 : scale2) * float(2.0 * random.uniform() - 1.0);
}

void ReluCommittee::forward(const MatrixXf &inputs, Activations &a) const
{
  const Layers layers(parameters_, *this);
  const int h = num_hidden_;
  a.first.noalias() = inputs * layers.weight1;
  a.first = (a.first.rowwise() + layers.bias1.transpose()).cwiseMax(0.0F);
  a.second.resize(inputs.rows(), a.first.cols());
  a.output.resize(inputs.rows(), num_members_);
  for (int k = 0; k < num_members_; ++k) {
    auto second = a.second.middleCols(k * h, h);
    second.noalias() = a.first.middleCols(k * h, h) * layers.weight2.middleCols(k * h, h);
    second = (second.rowwise() + layers.bias2.segment(k * h, h).transpose()).cwiseMax(0.0F);
    a.output.col(k).noalias() = second * layers.weight3.segment(k * h, h);
    a.output.col(k).array() += layers.bias3[k];
  }
}

void ReluCommittee::fit(const MatrixXf &inputs, const VectorXf &targets)
{
  require(inputs.rows() == targets.size() && inputs.rows() > 0 && inputs.cols() == num_features_,
          "committee: ", inputs.rows(), " points with ", inputs.cols(), " features and ",
          targets.size(), " targets, but there must be as many targets as points, and ",
          num_features_, " features");
  using Points = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Points points = inputs;
  const std::string chosen = chosen_instruction_set();
  Layers layers(parameters_, *this);
  for (int k = 0; k < num_members_; ++k) {
    const int first = k * num_hidden_;
    const ReluMember member{num_features_,
                            num_hidden_,
                            layers.weight1.col(first).data(),
                            &layers.bias1[first],
                            layers.weight2.col(first).data(),
                            &layers.bias2[first],
                            &layers.weight3[first],
                            &layers.bias3[k]};
#define ALMLIP_FIT(target)                                                        \
  if (chosen == #target)                                                          \
    target::fit_member(member, int(points.rows()), points.data(), targets.data(), \
                       settings_.num_steps, settings_.learning_rate);
    ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_FIT)
#undef ALMLIP_FIT
  }
}

MatrixXf ReluCommittee::predict(const MatrixXf &inputs) const
{
  Activations activations;
  forward(inputs, activations);
  return activations.output;
}

MatrixXf ReluCommittee::last_hidden(const MatrixXf &inputs) const
{
  Activations activations;
  forward(inputs, activations);
  return activations.second;
}

ReluCommittee::Backward ReluCommittee::backward(const Activations &a) const
{
  const Layers layers(parameters_, *this);
  const int h = num_hidden_;
  Backward result;
  result.second = (a.second.array() > 0.0F)
                      .select(layers.weight3.transpose().replicate(a.second.rows(), 1),
                              MatrixXf::Zero(a.second.rows(), a.second.cols()));
  result.first.resize(a.first.rows(), a.first.cols());
  for (int k = 0; k < num_members_; ++k)
    result.first.middleCols(k * h, h).noalias() =
        result.second.middleCols(k * h, h) * layers.weight2.middleCols(k * h, h).transpose();
  result.first = (a.first.array() > 0.0F).select(result.first, 0.0F);
  return result;
}

Covariance ReluCommittee::gradient_covariance(const MatrixXf &inputs) const
{
  const Eigen::Index n = inputs.rows();
  const int h = num_hidden_;
  Activations a;
  forward(inputs, a);
  const Backward d = backward(a);
  const auto gram = [n](const auto &rows, float bias) {
    MatrixXf result = MatrixXf::Constant(n, n, bias);
    result.template selfadjointView<Eigen::Lower>().rankUpdate(rows);
    return result;
  };
  // a layer with inputs u and derivatives v has the gradient v u^T, and v for its bias: scalar
  // products (u.u' + 1)(v.v')
  const MatrixXf from_inputs = gram(inputs, 1.0F);
  MatrixXf sum = MatrixXf::Zero(n, n);
  for (int k = 0; k < num_members_; ++k) {
    sum += gram(a.second.middleCols(k * h, h), 1.0F);
    sum.array() += gram(a.first.middleCols(k * h, h), 1.0F).array() *
                   gram(d.second.middleCols(k * h, h), 0.0F).array();
    sum.array() += from_inputs.array() * gram(d.first.middleCols(k * h, h), 0.0F).array();
  }
  sum /= float(num_members_);
  Covariance covariance{int(n), std::vector<float>(std::size_t(n) * n)};
  Eigen::Map<MatrixXf>(covariance.values.data(), n, n) = sum.selfadjointView<Eigen::Lower>();
  return covariance;
}

namespace {

/// (rows, 1) times independent random signs.
MatrixXf project_signs(const Eigen::Ref<const MatrixXf> &rows, int num_projections, bool bias,
                       Random &random)
{
  const auto sign = [&random] { return random.uniform() < 0.5 ? -1.0F : 1.0F; };
  MatrixXf signs(rows.cols(), num_projections);
  for (Eigen::Index i = 0; i < signs.size(); ++i) signs.data()[i] = sign();
  MatrixXf result = rows * signs;
  if (bias)
    for (int p = 0; p < num_projections; ++p) result.col(p).array() += sign();
  return result;
}

}    // namespace

FeaturePoints ReluCommittee::gradient_features(const MatrixXf &inputs, int num_projections,
                                               std::uint64_t seed) const
{
  constexpr Eigen::Index block = 2048;    // bounds the memory of the activations
  FeaturePoints result{num_projections,
                       std::vector<float>(std::size_t(inputs.rows()) * num_projections)};
  for (Eigen::Index begin = 0; begin < inputs.rows(); begin += block) {
    const Eigen::Index count = std::min(block, inputs.rows() - begin);
    const MatrixXf rows =
        projected_gradients(inputs.middleRows(begin, count), num_projections, seed);
    Eigen::Map<MatrixXf>(result.values.data() + begin * num_projections, num_projections, count) =
        rows.transpose();
  }
  return result;
}

MatrixXf ReluCommittee::projected_gradients(const MatrixXf &inputs, int num_projections,
                                            std::uint64_t seed) const
{
  const int h = num_hidden_;
  Activations a;
  forward(inputs, a);
  const Backward d = backward(a);
  Random random(seed);
  MatrixXf sum = MatrixXf::Zero(inputs.rows(), num_projections);
  for (int k = 0; k < num_members_; ++k) {
    sum += project_signs(a.second.middleCols(k * h, h), num_projections, true, random);
    sum.array() +=
        project_signs(a.first.middleCols(k * h, h), num_projections, true, random).array() *
        project_signs(d.second.middleCols(k * h, h), num_projections, false, random).array();
    sum.array() +=
        project_signs(inputs, num_projections, true, random).array() *
        project_signs(d.first.middleCols(k * h, h), num_projections, false, random).array();
  }
  return sum / std::sqrt(float(num_members_) * float(num_projections));
}

}    // namespace almlip::pool
