// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <vector>

#include "almlip/kernels/dense.h"
#include "train/loss/committee_loss.h"

namespace almlip::train {
ALMLIP_BEGIN_KERNELS

/// The parameters of a committee as the loss kernel reads them, and the gradient of the loss as it
/// adds it up; outside, both are flat vectors (CommitteeLoss::layout).
///
/// Members are stacked, each padded to `padded_hidden` units with zero weights.
template <class Real, int Lanes>
class LossParameters {
  static constexpr int W = Lanes;

 public:
  static constexpr int row_block = 8;
  using Matrix = PackedMatrix<Real, row_block>;

  /// Packed weights of all members of one central element.
  struct Network {
    Matrix forward;    ///< [M padded_H, then M linear outputs] x D
    Matrix reverse;    ///< D x [M padded_H], output weights and 1/deviation included
    std::vector<Real> output, output_bias,
        skip_reverse;    ///< [M padded_H]; [M]; [M][padded rows of reverse]
  };

  explicit LossParameters(const TrainingModel &model)
      : E_(static_cast<int>(model.settings.elements.size())),
        M_(model.settings.num_members),
        D_(model.settings.num_descriptors()),
        H_(model.settings.num_hidden),
        C_(model.settings.num_channels),
        N_(model.settings.num_radial),
        whitening_(model.whitening),
        blocks_(CommitteeLoss::layout(model.settings)),
        networks_(E_),
        radial_(static_cast<std::size_t>(E_) * E_ * C_ * N_)
  {
    for (Network &n : networks_) {
      n.forward = Matrix(num_hidden() + M_, D_);
      n.reverse = Matrix(D_, num_hidden());
      n.output.assign(num_hidden(), Real(0));
      n.output_bias.assign(M_, Real(0));
      n.skip_reverse.assign(static_cast<std::size_t>(M_) * n.reverse.padded_rows(), Real(0));
    }
    clear_gradient();
  }

  /// Hidden units of a member, rounded up to whole packs and row blocks.
  int padded_hidden() const
  {
    constexpr int quantum = W > row_block ? W : row_block;
    return (H_ + quantum - 1) / quantum * quantum;
  }
  /// D rounded up; 12 is a multiple of every row tile of the weight gradient.
  int padded_descriptors() const { return (D_ + 11) / 12 * 12; }

  /// @param theta              flat vector
  /// @param inverse_deviation  of the standardisation, shape [E][D]
  void set(const std::vector<double> &theta, const std::vector<double> &inverse_deviation)
  {
    for (const ParameterBlock &b : blocks_) unpack(b, &theta[b.offset]);
    for (int e = 0; e < E_; ++e)
      pack_reverse(networks_[e], &inverse_deviation[static_cast<std::size_t>(e) * D_]);
  }

  const Network &network(int element) const { return networks_[element]; }
  /// K of a pair of elements, shape [C][num_radial].
  const Real *radial(int element, int other) const
  {
    return &radial_[static_cast<std::size_t>(element * E_ + other) * C_ * N_];
  }

  void clear_gradient()
  {
    const std::size_t members = static_cast<std::size_t>(E_) * M_;
    weight_gradient_.assign(members * padded_descriptors() * padded_hidden(), Real(0));
    bias_gradient_.assign(members * padded_hidden() * W, Real(0));
    output_gradient_.assign(members * padded_hidden() * W, Real(0));
    skip_gradient_.assign(members * D_ * W, Real(0));
    radial_gradient_.assign(static_cast<std::size_t>(E_) * E_ * C_ * N_ * W, Real(0));
    output_bias_gradient_.assign(members, 0.0);
  }

  /// Row of hidden units; without the factor w[h], which `gradient` puts in.
  Real *weight_gradient(int element, int member, int descriptor)
  {
    return &weight_gradient_[(index(element, member) * padded_descriptors() + descriptor) *
                             padded_hidden()];
  }
  /// Packs, to be summed over their lanes. `unit` is that of the stacked members.
  /// The bias's is without the factor w[h], too.
  Real *bias_gradient(int element, int unit)
  {
    return &bias_gradient_[(static_cast<std::size_t>(element) * num_hidden() + unit) * W];
  }
  Real *output_gradient(int element, int unit)
  {
    return &output_gradient_[(static_cast<std::size_t>(element) * num_hidden() + unit) * W];
  }
  Real *skip_gradient(int element, int member, int descriptor)
  {
    return &skip_gradient_[(index(element, member) * D_ + descriptor) * W];
  }
  /// Packs, shape [C][num_radial].
  Real *radial_gradient(int element, int other)
  {
    return &radial_gradient_[static_cast<std::size_t>(element * E_ + other) * C_ * N_ * W];
  }
  double &output_bias_gradient(int element, int member)
  {
    return output_bias_gradient_[index(element, member)];
  }

  /// @param out  flat vector
  void gradient(std::vector<double> &out) const
  {
    const ParameterBlock &last = blocks_.back();
    out.assign(last.offset + static_cast<std::size_t>(last.rows) * last.cols, 0.0);
    for (const ParameterBlock &b : blocks_) block_gradient(b, &out[b.offset]);
  }

 private:
  using Kind = ParameterBlock::Kind;

  int num_hidden() const { return M_ * padded_hidden(); }
  std::size_t index(int element, int member) const
  {
    return static_cast<std::size_t>(element) * M_ + member;
  }

  void unpack(const ParameterBlock &b, const double *theta)
  {
    Network &n = networks_[b.element];
    const int k = b.other, first_unit = k * padded_hidden();
    switch (b.kind) {
      case Kind::hidden:
        for (int h = 0; h < H_; h += row_block) {
          const int count = std::min(row_block, H_ - h);
          Real *to = &n.forward.at(first_unit + h, 0);
          for (int d = 0; d < D_; ++d, to += row_block)
            for (int i = 0; i < count; ++i) to[i] = Real(theta[d * H_ + h + i]);
        }
        break;
      case Kind::hidden_bias:
        for (int h = 0; h < H_; ++h) n.forward.bias[first_unit + h] = Real(theta[h]);
        break;
      case Kind::output:
        for (int h = 0; h < H_; ++h) n.output[first_unit + h] = Real(theta[h]);
        break;
      case Kind::skip:
        for (int d = 0; d < D_; ++d) n.forward.at(num_hidden() + k, d) = Real(theta[d]);
        break;
      case Kind::output_bias:
        n.forward.bias[num_hidden() + k] = n.output_bias[k] = Real(theta[0]);
        break;
      case Kind::radial: {
        Real *to = &radial_[static_cast<std::size_t>(b.element * E_ + b.other) * C_ * N_];
        for (int c = 0; c < C_; ++c)
          for (int m = 0; m < N_; ++m) {
            double sum = 0;
            for (int q = 0; q < N_; ++q) sum += theta[c * N_ + q] * whitening_[q * N_ + m];
            to[c * N_ + m] = Real(sum);
          }
        break;
      }
    }
  }

  void pack_reverse(Network &n, const double *inverse_deviation)
  {
    for (int d0 = 0; d0 < D_; d0 += row_block) {    // blocks of the transposed matrix
      const int count = std::min(row_block, D_ - d0);
      for (int unit0 = 0; unit0 < num_hidden(); unit0 += row_block) {
        const Real *from = &n.forward.at(unit0, d0);
        Real *to = &n.reverse.at(d0, unit0);
        for (int i = 0; i < count; ++i)
          for (int q = 0; q < row_block; ++q)
            to[q * row_block + i] =
                from[i * row_block + q] * n.output[unit0 + q] * Real(inverse_deviation[d0 + i]);
      }
    }
    for (int k = 0; k < M_; ++k)
      for (int d = 0; d < D_; ++d)
        n.skip_reverse[k * n.reverse.padded_rows() + d] =
            n.forward.at(num_hidden() + k, d) * Real(inverse_deviation[d]);
  }

  void block_gradient(const ParameterBlock &b, double *out) const
  {
    const int k = b.other;
    const std::size_t member = index(b.element, k);
    const Real *output = &networks_[b.element].output[k * padded_hidden()];
    const auto sum = [](const AlignedArray<Real> &from, std::size_t row) {
      return lane_sum<Real, Lanes>(load<Pack<Real, Lanes>>(from.data() + row * W));
    };
    switch (b.kind) {
      case Kind::hidden:
        for (int d = 0; d < D_; ++d)
          for (int h = 0; h < H_; ++h)
            out[d * H_ + h] = static_cast<double>(
                output[h] *
                weight_gradient_[(member * padded_descriptors() + d) * padded_hidden() + h]);
        break;
      case Kind::hidden_bias:
        for (int h = 0; h < H_; ++h)
          out[h] =
              static_cast<double>(output[h]) * sum(bias_gradient_, member * padded_hidden() + h);
        break;
      case Kind::output:
        for (int h = 0; h < H_; ++h) out[h] = sum(output_gradient_, member * padded_hidden() + h);
        break;
      case Kind::skip:
        for (int d = 0; d < D_; ++d) out[d] = sum(skip_gradient_, member * D_ + d);
        break;
      case Kind::output_bias:
        out[0] = output_bias_gradient_[member];
        break;
      case Kind::radial: {
        const std::size_t pair = static_cast<std::size_t>(b.element * E_ + b.other) * C_ * N_;
        for (int c = 0; c < C_; ++c)
          for (int m = 0; m < N_; ++m) {
            const double g = sum(radial_gradient_, pair + c * N_ + m);
            for (int q = 0; q < N_; ++q) out[c * N_ + q] += g * whitening_[q * N_ + m];
          }
        break;
      }
    }
  }

  const int E_, M_, D_, H_, C_, N_;
  const std::vector<double> whitening_;
  const std::vector<ParameterBlock> blocks_;
  std::vector<Network> networks_;
  AlignedArray<Real> radial_;    ///< K, shape [E][E][C][num_radial]
  AlignedArray<Real> weight_gradient_, bias_gradient_, output_gradient_, skip_gradient_,
      radial_gradient_;    ///< all but the first per lane
  std::vector<double> output_bias_gradient_;
};

ALMLIP_END_KERNELS
}    // namespace almlip::train
