// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/relu_adam.h"

#include <cmath>
#include <cstddef>

#include "almlip/kernels/dense.h"

// Compiled once for each instruction set.

namespace almlip::pool {
ALMLIP_BEGIN_KERNELS

/// The fit of one member with all it needs in the second-level cache.
///
/// Points are rows, lanes are units: layers are padded to whole tiles by units of weight zero,
/// whose gradients are zero, and column `padded_` of the hidden layers is 1, so that the last row
/// of the next layer's weights is its bias.
class MemberFit {
  static constexpr int W = native_lanes<float>;
  static constexpr bool many_registers = register_bytes == 64;
  static constexpr int tile_rows = many_registers ? 5 : 4, tile_packs = many_registers ? 4 : 2;
  static constexpr int tile_columns = tile_packs * W;
  static constexpr double decay1 = 0.9, decay2 = 0.999;    ///< of the means, per step
  using V = Pack<float, W>;

 public:
  MemberFit(const ReluMember &member, int num_points, const float *inputs, const float *targets)
      : member_(member),
        num_points_(num_points),
        num_inputs_(member.num_features + 1),
        padded_((member.num_hidden + tile_columns - 1) / tile_columns * tile_columns),
        stride_(padded_ + W),
        targets_(targets),
        layer1_(num_inputs_, padded_),
        layer2_(padded_ + 1, padded_),
        layer3_(1, stride_),
        transposed2_(std::size_t(padded_) * padded_),
        inputs_(std::size_t(num_points) * num_inputs_, 1.0F),
        hidden1_(std::size_t(num_points) * stride_),
        hidden2_(hidden1_.size()),
        adjoint1_(hidden1_.size()),
        adjoint2_(hidden1_.size()),
        residual_(num_points)
  {
    for (int p = 0; p < num_points; ++p) {
      for (int f = 0; f < member.num_features; ++f)
        inputs_[p * num_inputs_ + f] = inputs[p * member.num_features + f];
      hidden1_[row(p) + padded_] = hidden2_[row(p) + padded_] = 1.0F;
    }
    copy_weights([](float &packed, float &weight) { packed = weight; });
  }

  void run(int num_steps, double learning_rate)
  {
    double rest1 = 1.0, rest2 = 1.0;
    for (int step = 0; step < num_steps; ++step) {
      rest1 *= decay1;
      rest2 *= decay2;
      rate_ = float(learning_rate / (1.0 - rest1));
      correction_ = float(1.0 / (1.0 - rest2));
      forward();
      backward();
      descend();
    }
    copy_weights([](float &packed, float &weight) { weight = packed; });
  }

 private:
  /// Weights and running means of their gradients and squared gradients, shape [rows][columns].
  struct Layer {
    AlignedArray<float> weights, mean, square;

    Layer(int rows, int columns)
        : weights(std::size_t(rows) * columns), mean(weights.size()), square(weights.size())
    {
    }
  };

  std::size_t row(int point) const { return std::size_t(point) * stride_; }

  /// copy(packed weight, the member's weight) for all weights.
  template <class Copy>
  void copy_weights(Copy copy)
  {
    const int F = member_.num_features, H = member_.num_hidden;
    for (int h = 0; h < H; ++h) {
      for (int f = 0; f < F; ++f)
        copy(layer1_.weights[f * padded_ + h], member_.weight1[h * F + f]);
      copy(layer1_.weights[F * padded_ + h], member_.bias1[h]);
      for (int g = 0; g < H; ++g)
        copy(layer2_.weights[g * padded_ + h], member_.weight2[h * H + g]);
      copy(layer2_.weights[padded_ * padded_ + h], member_.bias2[h]);
      copy(layer3_.weights[h], member_.weight3[h]);
    }
    copy(layer3_.weights[padded_], *member_.bias3);
  }

  /// A matrix as the left factor of a product.
  struct Left {
    const float *values;
    std::size_t row_stride, column_stride;
  };

  /// finish(row, column, pack) with the product's packs of the rows from `first_row` on and the
  /// columns from `first_column` on.
  template <int Rows, class Finish>
  static ALMLIP_INLINE void tile(int first_row, int first_column, int inner, const Left &left,
                                 const float *right, int right_stride, Finish &finish)
  {
    V sum[Rows][tile_packs]{};
    const float *a = left.values + first_row * left.row_stride, *b = right + first_column;
    for (int k = 0; k < inner; ++k, a += left.column_stride, b += right_stride) {
      V v[tile_packs];
      static_for<tile_packs>([&](auto p) { v[p] = in_register(load<V>(b + p * W)); });
      static_for<Rows>([&](auto r) {
        const float factor = a[r * left.row_stride];
        static_for<tile_packs>([&](auto p) { sum[r][p] = sum[r][p] + factor * v[p]; });
      });
    }
    static_for<Rows>([&](auto r) {
      static_for<tile_packs>(
          [&](auto p) { finish(first_row + r, first_column + p * W, sum[r][p]); });
    });
  }

  /// finish(row, column, pack) with all packs of the product left right.
  /// @param rows, inner   shape of the left factor
  /// @param right         shape [inner][right_stride], of which the first padded_ columns are used
  template <class Finish>
  ALMLIP_STAGE void multiply(int rows, int inner, const Left &left, const float *right,
                             int right_stride, Finish finish) const
  {
    for (int c = 0; c < padded_; c += tile_columns) {
      int r = 0;
      for (; r + tile_rows <= rows; r += tile_rows)
        tile<tile_rows>(r, c, inner, left, right, right_stride, finish);
      for (; r + 2 <= rows; r += 2) tile<2>(r, c, inner, left, right, right_stride, finish);
      for (; r < rows; ++r) tile<1>(r, c, inner, left, right, right_stride, finish);
    }
  }

  void forward()
  {
    multiply(
        num_points_, num_inputs_, {inputs_.data(), std::size_t(num_inputs_), 1},
        layer1_.weights.data(), padded_, [&](int p, int h, V z) __attribute__((always_inline)) {
          store(&hidden1_[row(p) + h], z > 0.0F ? z : V{});
        });
    multiply(
        num_points_, padded_ + 1, {hidden1_.data(), std::size_t(stride_), 1},
        layer2_.weights.data(), padded_, [&](int p, int h, V z) __attribute__((always_inline)) {
          store(&hidden2_[row(p) + h], z > 0.0F ? z : V{});
        });
  }

  /// Derivatives of the loss with respect to the outputs and the inputs of the hidden units.
  ALMLIP_STAGE void backward()
  {
    const float *weight3 = layer3_.weights.data();
    for (int p = 0; p < num_points_; ++p) {
      V sum{};
      for (int h = 0; h < stride_; h += W)
        sum = sum + load<V>(&hidden2_[row(p) + h]) * load<V>(weight3 + h);
      const float output = float(lane_sum<float, W>(sum));
      residual_[p] = 2.0F / float(num_points_) * (output - targets_[p]);
      for (int h = 0; h < padded_; h += W) {
        const V active = load<V>(&hidden2_[row(p) + h]);
        store(&adjoint2_[row(p) + h], active > 0.0F ? residual_[p] * load<V>(weight3 + h) : V{});
      }
    }
    for (int g = 0; g < padded_; g += W)
      for (int h = 0; h < padded_; h += W)
        transpose_tile<float, W>(&layer2_.weights[g * padded_ + h], padded_,
                                 &transposed2_[h * padded_ + g], padded_);
    multiply(
        num_points_, padded_, {adjoint2_.data(), std::size_t(stride_), 1}, transposed2_.data(),
        padded_, [&](int p, int h, V z) __attribute__((always_inline)) {
          const V active = load<V>(&hidden1_[row(p) + h]);
          store(&adjoint1_[row(p) + h], active > 0.0F ? z : V{});
        });
  }

  /// One pack of weights goes against its gradient.
  ALMLIP_INLINE void descend(Layer &layer, std::size_t at, V gradient) const
  {
    const V mean = float(decay1) * load<V>(&layer.mean[at]) + float(1.0 - decay1) * gradient,
            square = float(decay2) * load<V>(&layer.square[at]) +
                     float(1.0 - decay2) * gradient * gradient;
    store(&layer.mean[at], mean);
    store(&layer.square[at], square);
    V root = square * correction_;
    for (int w = 0; w < W; ++w) root[w] = std::sqrt(root[w]);
    store(&layer.weights[at], load<V>(&layer.weights[at]) - rate_ * mean / (root + 1e-8F));
  }

  /// All weights go against their gradients, which are never stored.
  ALMLIP_STAGE void descend()
  {
    for (int h = 0; h < stride_; h += W) {
      V gradient{};
      for (int p = 0; p < num_points_; ++p)
        gradient = gradient + residual_[p] * load<V>(&hidden2_[row(p) + h]);
      descend(layer3_, h, gradient);
    }
    multiply(
        padded_ + 1, num_points_, {hidden1_.data(), 1, std::size_t(stride_)}, adjoint2_.data(),
        stride_, [&](int g, int h, V gradient) __attribute__((always_inline)) {
          descend(layer2_, std::size_t(g) * padded_ + h, gradient);
        });
    multiply(
        num_inputs_, num_points_, {inputs_.data(), 1, std::size_t(num_inputs_)}, adjoint1_.data(),
        stride_, [&](int f, int h, V gradient) __attribute__((always_inline)) {
          descend(layer1_, std::size_t(f) * padded_ + h, gradient);
        });
  }

  const ReluMember &member_;
  int num_points_, num_inputs_, padded_, stride_;
  const float *targets_;
  float rate_ = 0.0F, correction_ = 0.0F;
  Layer layer1_, layer2_, layer3_;
  AlignedArray<float> transposed2_, inputs_;
  AlignedArray<float> hidden1_, hidden2_, adjoint1_, adjoint2_;    ///< shape [num_points][stride_]
  AlignedArray<float> residual_;    ///< derivative of the loss with respect to the outputs
};

void fit_member(const ReluMember &member, int num_points, const float *inputs, const float *targets,
                int num_steps, double learning_rate)
{
  MemberFit(member, num_points, inputs, targets).run(num_steps, learning_rate);
}

ALMLIP_END_KERNELS
}    // namespace almlip::pool
