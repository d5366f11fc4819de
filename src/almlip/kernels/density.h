// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/channel_block.h"
#include "almlip/kernels/radial.h"
#include "almlip/kernels/shape.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Radial functions R_c, density projection A[l,m][c] = sum_j R_c(r_ij) S_lm(r_ij / r_ij) of one
/// pack of atoms, and the reverse.
///
/// A neighbour record is `record_rows` rows: those of NeighborRows, one after the other.
///
/// @tparam RowLength  numbers from one row of an array in memory to the next: the lanes of a pack,
/// or more where the pack is a part of a longer row, as on a device, whose threads have a lane each
template <class Real, int Lanes, class Shape, int RowLength = Lanes>
class Density {
  static constexpr int W = RowLength, C = Shape::num_channels, LMax = Shape::lmax,
                       num_radial = Shape::num_radial;
  using Block = ChannelBlock<Real, Lanes, LMax, C, RowLength>;
  using V = Pack<Real, Lanes>;

 public:
  explicit Density(const Shape &) {}

  static constexpr int record_rows() { return 4 + 2 * C; }

  /// R_c and dR_c/dr at r.
  /// @param weights            Chebyshev coefficients, shape [C][num_radial]: numbers or
  /// LaneWeights
  /// @param[out] value, slope  C rows
  template <class Weights>
  ALMLIP_INLINE static void radial(const Weights &weights, const V &r, Real inverse_cutoff,
                                   Real *value, Real *slope)
  {
    const RadialBasis<Real, Lanes, num_radial> basis(r, inverse_cutoff);
    static_for<C>([&](auto c) {
      V sum{}, rate{};
      static_for<num_radial>(
          [&](auto n) { sum = sum + weights[c * num_radial + n] * basis.chebyshev[n]; });
      static_for<num_radial - 1>(
          [&](auto n) { rate = rate + weights[c * num_radial + n + 1] * basis.derivative[n + 1]; });
      store(value + c * W, basis.envelope * sum);
      store(slope + c * W, basis.envelope_rate * rate + basis.envelope_slope * sum);
    });
  }

  /// A, norms included.
  /// @param records  of all neighbours
  ALMLIP_STAGE static void project(const Real *records, int num_neighbors, Real *a)
  {
    constexpr std::size_t size = record_rows() * W;
    Block::project({num_neighbors, records, size, records + 3 * W, size}, C, 0, a);
  }

  /// Multiplies the adjoint of A by the norms, as `pair_gradient` needs it.
  ALMLIP_STAGE static void apply_norms(Real *a)
  {
    for_each_lm<LMax>([&](auto l, auto m) {
      constexpr Real norm = Real(harmonic_norm(l, m));
      Real *row = a + lm_index(l, m) * C * W;
      for (int c = 0; c < C; ++c) store(row + c * W, load<V>(row + c * W) * norm);
    });
  }

  /// Gradients of sum(adjoint . A) with respect to the vectors from the central atom to its
  /// neighbours, for several adjoints.
  /// @param adjoints  of A, norms applied, shape [num_adjoints][num_lm][C][Lanes]
  /// @param put       put(k, s, g) receives x, y, z of neighbour k for adjoint s; those of one
  ///                  neighbour in order
  template <class Put>
  ALMLIP_INLINE static void pair_gradients(const NeighborRows<Real> &rows, const Real *adjoints,
                                           int num_adjoints, Put &&put)
  {
    for (int k = 0; k < rows.count; ++k) {
      const Real *radial = rows.radial + k * rows.radial_step;
      const Harmonics<Real, Lanes, LMax> h(rows.direction + k * rows.direction_step, W);
      for (int s = 0; s < num_adjoints; ++s) {
        V g[3];
        Block::template pair_gradient<false>(
            h, radial, adjoints + static_cast<std::size_t>(s) * Shape::num_lm * C * W, C, 0,
            nullptr, g);
        put(k, s, g);
      }
    }
  }
};

ALMLIP_END_KERNELS
}    // namespace almlip
