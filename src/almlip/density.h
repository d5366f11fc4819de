#pragma once

#include "almlip/radial.h"
#include "almlip/shape.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Rows of all neighbours of a pack of atoms, of Lanes numbers: x y z of the direction; 1/r, R_0 ..
/// R_{C-1}, dR_0/dr .. dR_{C-1}/dr. Padding has R = dR/dr = 0.
template <class Real>
struct NeighborRows {
  int count;
  const Real *direction;
  std::size_t direction_step;    ///< from neighbour to neighbour
  const Real *radial;
  std::size_t radial_step;
};

/// Radial functions R_c, density projection A[l,m][c] = sum_j R_c(r_ij) S_lm(r_ij / r_ij) of one
/// pack of atoms, and the reverse.
///
/// A neighbour record is `record_rows` rows: those of NeighborRows, one after the other.
template <class Real, int Lanes, class Shape>
class Density {
  static constexpr int W = Lanes, C = Shape::num_channels, LMax = Shape::lmax,
                       num_radial = Shape::num_radial;
  static constexpr int max_accumulators =
      register_bytes == 64 ? 24 : 12;    ///< what fits the registers beside the operands
  using V = Pack<Real, Lanes>;

 public:
  explicit Density(const Shape &) {}

  static constexpr int record_rows() { return 4 + 2 * C; }

  /// R_c and dR_c/dr at r.
  /// @param weights            Chebyshev coefficients, shape [C][num_radial]
  /// @param[out] value, slope  shape [C][Lanes]
  ALMLIP_INLINE static void radial(const Real *weights, const V &r, Real inverse_cutoff,
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

  /// One sweep over the neighbours per |m| (cosine and sine parts together or apart, all channels
  /// or some of them), such that the accumulators stay in registers. The norms of the harmonics are
  /// included in A.
  /// @param records  of all neighbours
  ALMLIP_STAGE static void project(const Real *records, int num_neighbors, Real *a)
  {
    static_for<LMax + 1>([&](auto m_) {
      constexpr int m = m_, rows = LMax + 1 - m;
      constexpr bool split = m > 0 && 2 * rows * C > max_accumulators;
      constexpr int wanted = (m > 0 && !split ? 2 : 1) * rows * C;
      constexpr int chunk = wanted <= max_accumulators ? C : (C % 2 == 0 ? C / 2 : C);
      static_for<C / chunk>([&](auto i) {
        if constexpr (m == 0) {
          sweep<m, 1, i * chunk, chunk>(records, num_neighbors, a);
        } else if constexpr (!split) {
          sweep<m, 3, i * chunk, chunk>(records, num_neighbors, a);
        } else {
          sweep<m, 1, i * chunk, chunk>(records, num_neighbors, a);
          sweep<m, 2, i * chunk, chunk>(records, num_neighbors, a);
        }
      });
    });
  }

  /// Multiplies the adjoint of A by the norms, as `pair_gradient` needs it.
  ALMLIP_STAGE static void apply_norms(Real *a)
  {
    for_each_lm<LMax>([&](auto l, auto m) {
      Real *row = a + lm_index(l, m) * C * W;
      for (int c = 0; c < C; ++c)
        store(row + c * W, load<V>(row + c * W) * Real(harmonic_norm(l, m)));
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
      const Harmonics<Real, Lanes, LMax> h(rows.direction + k * rows.direction_step);
      for (int s = 0; s < num_adjoints; ++s) {
        V g[3];
        pair_gradient(h, radial, adjoints + static_cast<std::size_t>(s) * Shape::num_lm * C * W, g);
        put(k, s, g);
      }
    }
  }

 private:
  ALMLIP_INLINE static void pair_gradient(const Harmonics<Real, Lanes, LMax> &h, const Real *radial,
                                          const Real *adjoint, V (&g)[3])
  {
    V value[C], y[C];
    static_for<C>([&](auto c) { value[c] = load<V>(radial + (1 + c) * W); });
    static_for<C>([&](auto c) { y[c] = load<V>(adjoint + c * W); });
    // P_lm = sum_c R_c adjoint_clm; y_c += adjoint_clm S_lm
    h.gradient(
        [&](auto l_, auto m_) {
          constexpr int l = l_, m = m_, row = lm_index(l, m) * C;
          const V s = h.template value<l, m>();
          V p{};
          static_for<C>([&](auto c) {
            const V w = load<V>(adjoint + (row + c) * W);
            p = c == 0 ? value[c] * w : p + value[c] * w;
            y[c] = y[c] + s * w;
          });
          return p;
        },
        g);
    V along{};
    static_for<C>([&](auto c) { along = along + load<V>(radial + (1 + C + c) * W) * y[c]; });
    h.add_radial(load<V>(radial), along, g);
  }

  /// Rows l = m .. LMax of one |m|; Part 1 cosine, 2 sine, 3 both; channels C0 .. C0+NC-1.
  template <int m, int Part, int C0, int NC>
  ALMLIP_INLINE static void sweep(const Real *record, int num_neighbors, Real *a)
  {
    constexpr int rows = LMax + 1 - m;
    V cosine_sum[rows][NC], sine_sum[rows][NC];
    static_for<rows * NC>(
        [&](auto i) { cosine_sum[i / NC][i % NC] = sine_sum[i / NC][i % NC] = V{}; });
    for (int k = 0; k < num_neighbors; ++k, record += record_rows() * W) {
      V radial[NC], q[rows < 2 ? 2 : rows], c{}, s{};
      static_for<NC>([&](auto i) { radial[i] = load<V>(record + (4 + C0 + i) * W); });
      const V z = load<V>(record + 2 * W);
      q[1] = z;
      static_for<(rows > 2 ? rows - 2 : 0)>([&](auto i) {
        if constexpr (i == 0)
          q[2] = z * z - Real(harmonic_recurrence(m + 1, m));
        else
          q[i + 2] = z * q[i + 1] - Real(harmonic_recurrence(m + 1 + i, m)) * q[i];
      });
      if constexpr (m > 0) {
        const V x = load<V>(record), y = load<V>(record + W);
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
          store(a + (lm_index(l, m) * C + C0 + n) * W, cosine_sum[i][n] * norm);
        if constexpr (Part & 2)
          store(a + (lm_index(l, -m) * C + C0 + n) * W, sine_sum[i][n] * norm);
      });
    });
  }
};

ALMLIP_END_KERNELS
}    // namespace almlip
