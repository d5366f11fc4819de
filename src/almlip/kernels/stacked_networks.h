// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/dense.h"
#include "almlip/potential.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// silu(z) = z / (1 + exp(-z)) of a hidden unit, and its derivative.
template <class Real, int Lanes>
struct Activation {
  Pack<Real, Lanes> value, slope;

  ALMLIP_INLINE explicit Activation(const Pack<Real, Lanes> &z)
  {
    const Pack<Real, Lanes> logistic = Real(1) / (Real(1) + pack_exp<Real, Lanes>(-z));
    value = z * logistic;
    slope = logistic + value * (Real(1) - logistic);
  }
};

/// Networks of all members for one central element, as matrices for packs of atoms. RowBlock x
/// NumPacks packs are a register tile.
template <class Real, int Lanes, int RowBlock, int NumPacks>
struct StackedNetworks {
  using Matrix = PackedMatrix<Real, RowBlock>;

  double reference_energy;
  std::vector<Real> mean, inverse_deviation, output;
  Matrix forward;                 ///< [M H hidden units, M linear outputs] x D
  Matrix reverse_mean;            ///< D x M H: mean over the members
  std::vector<Matrix> reverse;    ///< per member D x H

  StackedNetworks(const ElementCommittee &c, int num_members, int num_hidden, int num_descriptors)
      : reference_energy(c.reference_energy),
        mean(c.mean.begin(), c.mean.end()),
        inverse_deviation(c.inverse_deviation.begin(), c.inverse_deviation.end()),
        output(c.output.begin(), c.output.end()),
        forward(num_members * (num_hidden + 1), num_descriptors),
        reverse_mean(num_descriptors, num_members * num_hidden),
        reverse(num_members, Matrix(num_descriptors, num_hidden))
  {
    const int num_units = num_members * num_hidden;
    for (int k = 0; k < num_members; ++k) {
      for (int h = 0; h < num_hidden; ++h) {
        const int unit = k * num_hidden + h;
        forward.bias[unit] = Real(c.hidden_bias[unit]);
        for (int d = 0; d < num_descriptors; ++d) {
          const double w = c.hidden[static_cast<std::size_t>(unit) * num_descriptors + d];
          forward.at(unit, d) = Real(w);
          reverse[k].at(d, h) = Real(w * c.inverse_deviation[d]);
          reverse_mean.at(d, unit) = Real(w * c.inverse_deviation[d] / num_members);
        }
      }
      forward.bias[num_units + k] = Real(c.output_bias[k]);
      for (int d = 0; d < num_descriptors; ++d) {
        const double w = c.skip[static_cast<std::size_t>(k) * num_descriptors + d];
        forward.at(num_units + k, d) = Real(w);
        reverse[k].bias[d] = Real(w * c.inverse_deviation[d]);
        reverse_mean.bias[d] += Real(w * c.inverse_deviation[d] / num_members);
      }
    }
  }

  /// y = m x for `num_packs` packs; rows of x and y are NumPacks packs apart.
  static void product(const Matrix &m, const Real *x, Real *y, int num_packs)
  {
    constexpr std::size_t stride = static_cast<std::size_t>(NumPacks) * Lanes;
    if (num_packs == NumPacks) {
      multiply<Real, Lanes, RowBlock, NumPacks>(m.weights.data(), m.num_blocks(), m.num_columns,
                                                m.num_columns, m.bias.data(), x, y, stride);
      return;
    }
    for (int p = 0; p < num_packs; ++p)
      multiply<Real, Lanes, RowBlock, 1>(m.weights.data(), m.num_blocks(), m.num_columns,
                                         m.num_columns, m.bias.data(), x + p * Lanes, y + p * Lanes,
                                         stride);
  }
};

ALMLIP_END_KERNELS
}    // namespace almlip
