// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/harmonics.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Rows of all neighbours of a pack of atoms: x y z of the direction; 1/r, R_0 ..
/// R_{C-1}, dR_0/dr .. dR_{C-1}/dr. Padding has R = dR/dr = 0.
template <class Real>
struct NeighborRows {
  int count;
  const Real *direction;
  std::size_t direction_step;    ///< from neighbour to neighbour
  const Real *radial;
  std::size_t radial_step;
};

/// The stages of Density for NumChannels consecutive channels out of C, from `first`. C and `first`
/// are constants or not; all that is unrolled are the given channels.
/// @tparam RowLength  numbers from one row of an array in memory to the next (see Density)
template <class Real, int Lanes, int LMax, int NumChannels, int RowLength = Lanes>
class ChannelBlock {
  static constexpr int W = RowLength, num_lm = (LMax + 1) * (LMax + 1);
  static constexpr int max_accumulators =
      register_bytes == 64 ? 24 : 12;    ///< what fits the registers beside the operands
  using V = Pack<Real, Lanes>;

 public:
  /// A, norms included. One sweep over the neighbours per |m| (cosine and sine parts together or
  /// apart, all channels or some of them), such that the accumulators stay in registers.
  ALMLIP_INLINE static void project(const NeighborRows<Real> &neighbors, int C, int first, Real *a)
  {
    static_for<LMax + 1>([&](auto m_) {
      constexpr int m = m_, rows = LMax + 1 - m, N = NumChannels;
      constexpr bool split = m > 0 && 2 * rows * N > max_accumulators;
      constexpr int wanted = (m > 0 && !split ? 2 : 1) * rows * N;
      constexpr int chunk = wanted <= max_accumulators ? N : (N % 2 == 0 ? N / 2 : N);
      static_for<N / chunk>([&](auto i) {
        if constexpr (m == 0) {
          sweep<m, 1, i * chunk, chunk>(neighbors, C, first, a);
        } else if constexpr (!split) {
          sweep<m, 3, i * chunk, chunk>(neighbors, C, first, a);
        } else {
          sweep<m, 1, i * chunk, chunk>(neighbors, C, first, a);
          sweep<m, 2, i * chunk, chunk>(neighbors, C, first, a);
        }
      });
    });
  }

  /// Gradient of sum(adjoint . A) with respect to the vector from the central atom to a neighbour.
  /// @param radial  row of the neighbour, from 1/r on
  /// @param before  if Continue, what `add` left of other channels
  template <bool Continue>
  ALMLIP_INLINE static void pair_gradient(const Harmonics<Real, Lanes, LMax> &h, const Real *radial,
                                          const Real *adjoint, int C, int first, const Real *before,
                                          V (&g)[3])
  {
    V along{};
    if constexpr (Continue) along = load<V>(before + num_lm * W);
    sum_channels(
        h, radial, adjoint, C, first,
        [&](auto &&term) __attribute__((always_inline)) {
          h.gradient(
              [&](auto l, auto m) __attribute__((always_inline)) {
                if constexpr (Continue)
                  return load<V>(before + lm_index(l, m) * W) + term(l, m);
                else
                  return term(l, m);
              },
              g);
        },
        along);
    h.add_radial(load<V>(radial), along, g);
  }

  /// Adds these channels' share of P_lm and of the derivative along r to `sums`, or without
  /// Continue sets them.
  /// @param sums  shape [num_lm + 1][Lanes]
  template <bool Continue>
  ALMLIP_INLINE static void add(const Harmonics<Real, Lanes, LMax> &h, const Real *radial,
                                const Real *adjoint, int C, int first, Real *sums)
  {
    V along{};
    if constexpr (Continue) along = load<V>(sums + num_lm * W);
    sum_channels(
        h, radial, adjoint, C, first,
        [&](auto &&term) __attribute__((always_inline)) {
          for_each_lm<LMax>([&](auto l, auto m) __attribute__((always_inline)) {
            if constexpr (l > 0) {
              Real *to = sums + lm_index(l, m) * W;
              if constexpr (Continue)
                store(to, load<V>(to) + term(l, m));
              else
                store(to, term(l, m));
            }
          });
        },
        along);
    store(sums + num_lm * W, along);
  }

 private:
  /// use(term) with term(l, m) = P_lm = sum_c R_c adjoint_clm; after all l > 0 were asked for, adds
  /// sum_c dR_c/dr sum_lm adjoint_clm S_lm to `along`.
  template <class Use>
  ALMLIP_INLINE static void sum_channels(const Harmonics<Real, Lanes, LMax> &h, const Real *radial,
                                         const Real *adjoint, int C, int first, Use &&use, V &along)
  {
    constexpr int N = NumChannels;
    const Real *values = radial + (1 + first) * W, *slopes = values + C * W;
    adjoint += first * W;
    V value[N], y[N];
    static_for<N>([&](auto c) { value[c] = load<V>(values + c * W); });
    static_for<N>([&](auto c) { y[c] = load<V>(adjoint + c * W); });
    use([&](auto l_, auto m_) __attribute__((always_inline)) {
      constexpr int l = l_, m = m_;
      const Real *row = adjoint + lm_index(l, m) * C * W;
      const V s = h.template value<l, m>();
      V p{};
      static_for<N>([&](auto c) {
        const V w = load<V>(row + c * W);
        p = c == 0 ? value[c] * w : p + value[c] * w;
        y[c] = y[c] + s * w;
      });
      return p;
    });
    static_for<N>([&](auto c) { along = along + load<V>(slopes + c * W) * y[c]; });
  }

  /// Rows l = m .. LMax of one |m|; Part 1 cosine, 2 sine, 3 both; NC of the channels, from C0.
  template <int m, int Part, int C0, int NC>
  ALMLIP_INLINE static void sweep(const NeighborRows<Real> &neighbors, int C, int first, Real *a)
  {
    constexpr int rows = LMax + 1 - m;
    V cosine_sum[rows][NC], sine_sum[rows][NC];
    static_for<rows * NC>(
        [&](auto i) { cosine_sum[i / NC][i % NC] = sine_sum[i / NC][i % NC] = V{}; });
    const Real *direction = neighbors.direction,
               *functions = neighbors.radial + (1 + first + C0) * W;
    for (int k = 0; k < neighbors.count;
         ++k, direction += neighbors.direction_step, functions += neighbors.radial_step) {
      V radial[NC], q[rows < 2 ? 2 : rows], c{}, s{};
      static_for<NC>([&](auto i) { radial[i] = load<V>(functions + i * W); });
      const V z = load<V>(direction + 2 * W);
      q[1] = z;
      static_for<(rows > 2 ? rows - 2 : 0)>([&](auto i) {
        if constexpr (i == 0)
          q[2] = z * z - Real(harmonic_recurrence(m + 1, m));
        else
          q[i + 2] = z * q[i + 1] - Real(harmonic_recurrence(m + 1 + i, m)) * q[i];
      });
      if constexpr (m > 0) {
        const V x = load<V>(direction), y = load<V>(direction + W);
        c = x;
        s = y;
        static_for<m - 1>([&](auto) {
          const V next = x * c - y * s;
          s = x * s + y * c;
          c = next;
        });
      }
      auto add = [&](auto i, V *sum, const V &azimuthal) {
        V value;
        if constexpr (m == 0)
          value = q[i];
        else if constexpr (i == 0)
          value = azimuthal;
        else
          value = azimuthal * q[i];
        static_for<NC>([&](auto n) {
          if constexpr (m == 0 && i == 0)
            sum[n] = sum[n] + radial[n];
          else
            sum[n] = sum[n] + radial[n] * value;
        });
      };
      static_for<rows>([&](auto i) {
        if constexpr (Part & 1) add(i, cosine_sum[i], c);
        if constexpr (Part & 2) add(i, sine_sum[i], s);
      });
    }
    static_for<rows>([&](auto i) {
      constexpr int l = m + i;
      constexpr Real norm = Real(harmonic_norm(l, m));
      static_for<NC>([&](auto n) {
        if constexpr (Part & 1)
          store(a + (lm_index(l, m) * C + first + C0 + n) * W, cosine_sum[i][n] * norm);
        if constexpr (Part & 2)
          store(a + (lm_index(l, -m) * C + first + C0 + n) * W, sine_sum[i][n] * norm);
      });
    });
  }
};

ALMLIP_END_KERNELS
}    // namespace almlip
