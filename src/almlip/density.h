#pragma once

#include "almlip/harmonics.h"

namespace almlip {

/// Density projection A[l,m][c] = sum_j R_c(r_ij) S_lm(r_ij / r_ij) of one pack of atoms and its
/// reverse.
///
/// A neighbour record is `record_rows` rows of Lanes numbers: direction x y z, 1/r, R_0 .. R_{C-1},
/// dR_0/dr .. dR_{C-1}/dr. Padding has R = dR/dr = 0.
template <class Real, int Lanes, int NumChannels, int LMax>
class Density {
  static constexpr int W = Lanes, C = NumChannels;
  static constexpr int max_accumulators =
      register_bytes == 64 ? 24 : 12;    ///< what fits the registers beside the operands
  using V = Pack<Real, Lanes>;

 public:
  static constexpr int record_rows = 4 + 2 * NumChannels;

  /// One sweep over the neighbours per |m| (cosine and sine parts together or apart, all channels
  /// or some of them), such that the accumulators stay in registers. The norms of the harmonics are
  /// included in A.
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

  /// Gradient of sum(adjoint . A) with respect to the vector from the central atom to one
  /// neighbour.
  /// @param h             bare harmonics of the direction
  /// @param radial        R_c, shape [C][Lanes]; likewise radial_slope, dR_c/dr
  /// @param adjoint       of A, norms applied, shape [num_lm][C][Lanes]
  /// @param[out] g        x, y, z
  ALMLIP_INLINE static void pair_gradient(const Harmonics<Real, Lanes, LMax> &h, const V &inverse_r,
                                          const Real *radial, const Real *radial_slope,
                                          const Real *adjoint, V (&g)[3])
  {
    V value[C], y[C], gx{}, gy{}, gz{};
    static_for<C>([&](auto c) { value[c] = load<V>(radial + c * W); });
    static_for<C>([&](auto c) { y[c] = load<V>(adjoint + c * W); });
    auto term = [&](auto l_, auto m_) {    // P_lm = sum_c R_c adjoint_clm; y_c += adjoint_clm S_lm
      constexpr int l = l_, m = m_, row = lm_index(l, m) * C;
      const V s = h.template value<l, m>();
      V p{};
      static_for<C>([&](auto c) {
        const V w = load<V>(adjoint + (row + c) * W);
        p = c == 0 ? value[c] * w : p + value[c] * w;
        y[c] = y[c] + s * w;
      });
      return p;
    };
    static_for<LMax + 1>([&](auto m_) {
      constexpr int m = m_, l0 = m ? m : 1;
      V pc{}, ps{}, dc{}, ds{};    // sum_l P q and sum_l P dq/dz, cosine and sine parts
      static_for<LMax + 1 - l0>([&](auto i) {
        constexpr int l = l0 + i;
        V dq{};
        if constexpr (l > m + 1) dq = Real(l - m) * h.template q<l, m + 1>();
        auto add = [&](const V &p, V &v, V &d) {
          if constexpr (m > 0) {
            if constexpr (l == m)
              v = p;
            else
              v = v + p * h.template q<l, m>();
          }
          if constexpr (l == m + 1)
            d = p;
          else if constexpr (l > m + 1)
            d = d + p * dq;
        };
        add(term(std::integral_constant<int, l>{}, std::integral_constant<int, m>{}), pc, dc);
        if constexpr (m > 0)
          add(term(std::integral_constant<int, l>{}, std::integral_constant<int, -m>{}), ps, ds);
      });
      if constexpr (m == 0) gz = dc;
      if constexpr (m == 1) {
        gx = pc;
        gy = ps;
      }
      if constexpr (m > 1) {
        pc = pc * Real(m);
        ps = ps * Real(m);
        gx = gx + h.cosine[m - 1] * pc + h.sine[m - 1] * ps;
        gy = gy + h.cosine[m - 1] * ps - h.sine[m - 1] * pc;
      }
      if constexpr (m > 0 && m < LMax) gz = gz + h.cosine[m] * dc + h.sine[m] * ds;
    });
    V along{};
    static_for<C>([&](auto c) { along = along + load<V>(radial_slope + c * W) * y[c]; });
    along = along - inverse_r * (h.x * gx + h.y * gy +
                                 h.z * gz);    // the harmonics depend on the direction only
    g[0] = h.x * along + gx * inverse_r;
    g[1] = h.y * along + gy * inverse_r;
    g[2] = h.z * along + gz * inverse_r;
  }

 private:
  /// Rows l = m .. LMax of one |m|; Part 1 cosine, 2 sine, 3 both; channels C0 .. C0+NC-1.
  template <int m, int Part, int C0, int NC>
  ALMLIP_INLINE static void sweep(const Real *record, int num_neighbors, Real *a)
  {
    constexpr int rows = LMax + 1 - m;
    V cosine_sum[rows][NC], sine_sum[rows][NC];
    static_for<rows * NC>(
        [&](auto i) { cosine_sum[i / NC][i % NC] = sine_sum[i / NC][i % NC] = V{}; });
    for (int k = 0; k < num_neighbors; ++k, record += record_rows * W) {
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

}    // namespace almlip
