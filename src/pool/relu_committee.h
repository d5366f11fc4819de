// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <Eigen/Core>
#include <cstdint>

#include "almlip/query/covariance_selection.h"

namespace almlip::pool {

struct ReluSettings {
  int num_members = 5;
  int num_hidden = 128;    ///< units of each of the two hidden layers
  int num_steps = 120;     ///< of Adam, on all points at once
  double learning_rate = 1e-3;
};

/// Committee of networks num_features - H - H - 1 with ReLU. Predictions of all members are one
/// pass of stacked matrices; fits go member by member, so that one member's weights stay in cache.
///
/// H hidden units, M members, one column per hidden unit of a member: f_k(x) = w3_k . relu(W2_k^T
/// relu(W1_k^T x + b1_k) + b2_k) + b3_k. Weights and biases start uniformly within 1/sqrt(inputs of
/// the layer). Points are rows.
class ReluCommittee {
 public:
  /// @param seed  of the initial weights; every member has its own
  ReluCommittee(int num_features, const ReluSettings &settings, std::uint64_t seed);

  /// Adam on the mean squared error of every member.
  /// @param inputs   shape [num_points][num_features]
  /// @param targets  shape [num_points]
  /// Betas are 0.9 and 0.999.
  void fit(const Eigen::MatrixXf &inputs, const Eigen::VectorXf &targets);

  /// Outputs of every member, shape [num_points][M].
  Eigen::MatrixXf predict(const Eigen::MatrixXf &inputs) const;

  /// Second hidden layers of all members side by side, shape [num_points][M H].
  Eigen::MatrixXf last_hidden(const Eigen::MatrixXf &inputs) const;

  /// Scalar products of the gradients of two outputs with respect to all weights, averaged over the
  /// members (the empirical neural tangent kernel).
  Covariance gradient_covariance(const Eigen::MatrixXf &inputs) const;

  /// Random projections of these gradients whose scalar products have the covariance as their mean;
  /// num_projections features per point. The error of a covariance value relative to the two
  /// variances is of the order of 1/sqrt(num_projections). Source: Kronecker structure and random
  /// signs after Holzmueller et al., J. Mach. Learn. Res. 24, 164 (2023), section 4.2
  FeaturePoints gradient_features(const Eigen::MatrixXf &inputs, int num_projections,
                                  std::uint64_t seed) const;

  /// All weights: W1, b1, W2, b2, w3, b3, each stacked over members, matrices by columns.
  Eigen::VectorXf &parameters() { return parameters_; }

 private:
  struct Layers;
  struct Activations {
    Eigen::MatrixXf first, second,
        output;    ///< after ReLU, shape [num_points][M H]; output [num_points][M]
  };
  /// Derivatives of the outputs with respect to the inputs of the hidden units, shape
  /// [num_points][M H].
  struct Backward {
    Eigen::MatrixXf first, second;
  };

  void forward(const Eigen::MatrixXf &inputs, Activations &activations) const;
  Backward backward(const Activations &activations) const;
  Eigen::MatrixXf projected_gradients(const Eigen::MatrixXf &inputs, int num_projections,
                                      std::uint64_t seed) const;

  int num_features_, num_hidden_, num_members_;
  ReluSettings settings_;
  Eigen::VectorXf parameters_;
};

}    // namespace almlip::pool
