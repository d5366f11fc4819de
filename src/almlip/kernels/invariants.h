// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/shape.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Invariants G of the density A of one pack of atoms, their reverse and their tangents.
///
/// Layouts, all in rows as Density has them: A and its adjoint [num_lm][C]; components T
/// [coupling][M][C]; G by rows whose distance the caller chooses. Order of G: A_c00; sum_m A_clm
/// A_c'lm for l = 1 .. lmax and c <= c'; for every coupling sum_M T_Mc A_c'LM, c' = c or all.
template <class Real, int Lanes, class Shape, int RowLength = Lanes>
class Invariants {
  static constexpr int W = RowLength, C = Shape::num_channels, LMax = Shape::lmax;
  static constexpr int num_pairs = Shape::num_pairs, num_partners = Shape::num_partners;
  static constexpr bool all_partners = Shape::all_partners;
  using V = Pack<Real, Lanes>;
  template <int l>
  using Int = std::integral_constant<int, l>;

 public:
  explicit Invariants(const Shape &) {}

  /// Writes G; put(d, value) receives every invariant. Keeps the components T for the reverse step.
  template <class Put>
  ALMLIP_STAGE static void forward(const Real *a, Real *t, Put &&put)
  {
    for (int c = 0; c < C; ++c) put(c, load<V>(a + c * W));
    int d = C;
    three_body<false>(a, a, d, put);
    four_body<false>(typename Shape::Couplings{}, a, a, t, t, d, put);
  }

  /// Derivative of G along a tangent of A; needs T of `forward`, keeps the tangent of T.
  template <class Put>
  ALMLIP_STAGE static void tangent(const Real *a, const Real *a_dot, const Real *t, Real *t_dot,
                                   Put &&put)
  {
    for (int c = 0; c < C; ++c) put(c, load<V>(a_dot + c * W));
    int d = C;
    three_body<true>(a, a_dot, d, put);
    four_body<true>(typename Shape::Couplings{}, a, a_dot, t, t_dot, d, put);
  }

  /// Adjoint of A for the adjoint of G, which get(d) returns: out = J^T g.
  template <class Get>
  ALMLIP_STAGE static void forward_reverse(const Real *a, const Real *t, Get &&get, Real *out)
  {
    for (int c = 0; c < C; ++c) store(out + c * W, get(c));
    int d = C;
    three_body_reverse(a, d, get, [&](int at, const V &v) { store(out + at, v); });
    four_body_reverse<false>(typename Shape::Couplings{}, a, a, t, d, get, out);
  }

  /// Subtracts the derivative of J^T along a tangent of A, applied to g: out -= (dJ^T) g. Needs the
  /// tangent of T.
  template <class Get>
  ALMLIP_STAGE static void subtract_reverse_tangent(const Real *a, const Real *a_dot,
                                                    const Real *t_dot, Get &&get, Real *out)
  {
    int d = C;
    three_body_reverse(a_dot, d, get,
                       [&](int at, const V &v) { store(out + at, load<V>(out + at) - v); });
    four_body_reverse<true>(typename Shape::Couplings{}, a, a_dot, t_dot, d, get, out);
  }

 private:
  static constexpr int at(int lm, int c) { return (lm * C + c) * W; }

  template <bool Tangent, class Put>
  ALMLIP_INLINE static void three_body(const Real *a, const Real *b, int &d, Put &put)
  {
    static_for<LMax>([&](auto l_) {
      constexpr int l = l_ + 1;
      V sum[num_pairs] = {};
      for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
        V u[C], v[C];
        static_for<C>([&](auto c) { u[c] = load<V>(a + at(lm, c)); });
        static_for<C>([&](auto c) { v[c] = load<V>(b + at(lm, c)); });
        static_for<C>([&](auto c) {
          static_for<C - c>([&](auto e) {
            V &s = sum[Shape::pair_index(c, c + e)];
            s = s + u[c] * v[c + e];
            if constexpr (Tangent) s = s + v[c] * u[c + e];
          });
        });
      }
      for (int q = 0; q < num_pairs; ++q) put(d++, sum[q]);
    });
  }

  template <class Get, class Put>
  ALMLIP_INLINE static void three_body_reverse(const Real *a, int &d, Get &get, const Put &put)
  {
    static_for<LMax>([&](auto l_) {
      constexpr int l = l_ + 1;
      V weight[num_pairs];
      static_for<C>([&](auto c) {
        static_for<C - c>([&](auto e) {
          const V g = get(d + Shape::pair_index(c, c + e));
          weight[Shape::pair_index(c, c + e)] = e == 0 ? g + g : g;
        });
      });
      for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
        V v[C];
        static_for<C>([&](auto c) { v[c] = load<V>(a + at(lm, c)); });
        static_for<C>([&](auto c) {
          V sum = weight[Shape::pair_index(c, 0)] * v[0];
          static_for<C - 1>(
              [&](auto e) { sum = sum + weight[Shape::pair_index(c, e + 1)] * v[e + 1]; });
          put(at(lm, c), sum);
        });
      }
      d += num_pairs;
    });
  }

  template <bool Tangent, class Put, class... Q>
  ALMLIP_INLINE static void four_body(CouplingSet<Q...>, const Real *a, const Real *b,
                                      const Real *t, Real *out, int d, Put &put)
  {
    (couple<Tangent, Q>(a, b, t, out, d, put), ...);
  }

  /// One coupling: T (or, Tangent, its derivative along b) to `out`, then the contraction with the
  /// partner channels.
  template <bool Tangent, class Q, class Put>
  ALMLIP_STAGE static void couple(const Real *a, const Real *b, const Real *&t, Real *&out, int &d,
                                  Put &put)
  {
    constexpr int row1 = Q::l1 * Q::l1, row2 = Q::l2 * Q::l2, row = Q::l * Q::l,
                  num_M = 2 * Q::l + 1;
    for (int c = 0; c < C; ++c) {
      V sum[num_M] = {};
      static_for<Q::terms.num_products>([&](auto i) {
        constexpr int ia = Q::terms.a[i], ib = Q::terms.b[i];
        const int at1 = at(row1 + ia, c), at2 = at(row2 + ib, c);
        V product = load<V>(a + at1) * load<V>(b + at2);
        if constexpr (Tangent) product = product + load<V>(b + at1) * load<V>(a + at2);
        static_for<Q::terms.first[i + 1] - Q::terms.first[i]>([&](auto q_) {
          constexpr int q = Q::terms.first[i] + q_, M = Q::terms.M[q];
          constexpr Real g = Real(Q::terms.g[q]);
          sum[M] = sum[M] + g * product;
        });
      });
      for (int M = 0; M < num_M; ++M) store(out + at(M, c), sum[M]);
    }
    V invariant[num_partners] = {};
    for (int M = 0; M < num_M; ++M)
      static_for<num_partners>([&](auto i) {
        constexpr int c = all_partners ? i / C : i, e = all_partners ? i % C : i;
        invariant[i] = invariant[i] + load<V>(out + at(M, c)) * load<V>(a + at(row + M, e));
        if constexpr (Tangent)
          invariant[i] = invariant[i] + load<V>(t + at(M, c)) * load<V>(b + at(row + M, e));
      });
    for (int i = 0; i < num_partners; ++i) put(d++, invariant[i]);
    t += num_M * C * W;
    out += num_M * C * W;
  }

  template <bool Tangent, class Get, class... Q>
  ALMLIP_INLINE static void four_body_reverse(CouplingSet<Q...>, const Real *a, const Real *b,
                                              const Real *t, int d, Get &get, Real *out)
  {
    (couple_reverse<Tangent, Q>(a, b, t, d, get, out), ...);
  }

  /// Reverse of `couple`; with Tangent the negative derivative of that along b (t is then the
  /// tangent of T).
  template <bool Tangent, class Q, class Get>
  ALMLIP_STAGE static void couple_reverse(const Real *a, const Real *b, const Real *&t, int &d,
                                          Get &get, Real *out)
  {
    constexpr int row1 = Q::l1 * Q::l1, row2 = Q::l2 * Q::l2, row = Q::l * Q::l,
                  num_M = 2 * Q::l + 1;
    constexpr double sign = Tangent ? -1 : 1;
    V u[num_M][C], u_dot[num_M][C];    // adjoint of T and (Tangent) its derivative
    {
      V g[num_partners];
      static_for<num_partners>([&](auto i) { g[i] = get(d + i); });
      for (int M = 0; M < num_M; ++M) {
        V components[C], adjoint[C];
        static_for<C>([&](auto c) { components[c] = load<V>(t + at(M, c)); });
        static_for<C>([&](auto e) { adjoint[e] = load<V>(out + at(row + M, e)); });
        static_for<C>([&](auto c) { u[M][c] = u_dot[M][c] = V{}; });
        static_for<num_partners>([&](auto i) {
          constexpr int c = all_partners ? i / C : i, e = all_partners ? i % C : i;
          u[M][c] = u[M][c] + g[i] * load<V>(a + at(row + M, e));
          if constexpr (Tangent) {
            u_dot[M][c] = u_dot[M][c] + g[i] * load<V>(b + at(row + M, e));
            adjoint[e] = adjoint[e] - g[i] * components[c];
          } else {
            adjoint[e] = adjoint[e] + g[i] * components[c];
          }
        });
        static_for<C>([&](auto e) { store(out + at(row + M, e), adjoint[e]); });
      }
    }
    constexpr bool same = Q::l1 == Q::l2;
    for (int c = 0; c < C; ++c) {
      V d1[2 * Q::l1 + 1], d2[2 * Q::l2 + 1];
      static_for<2 * Q::l1 + 1>([&](auto i) { d1[i] = load<V>(out + at(row1 + i, c)); });
      if constexpr (!same)
        static_for<2 * Q::l2 + 1>([&](auto i) { d2[i] = load<V>(out + at(row2 + i, c)); });
      static_for<Q::terms.num_products>([&](auto i) {
        constexpr int first = Q::terms.first[i], count = Q::terms.first[i + 1] - first,
                      ia = Q::terms.a[i], ib = Q::terms.b[i];
        const int at1 = at(row1 + ia, c), at2 = at(row2 + ib, c);
        auto contract = [&](const V(&w)[num_M][C]) {
          constexpr int first_M = Q::terms.M[first];
          constexpr Real first_g = Real(sign * Q::terms.g[first]);
          V k = w[first_M][c] * first_g;
          static_for<count - 1>([&](auto q_) {
            constexpr int q = first + 1 + q_, M = Q::terms.M[q];
            constexpr Real g = Real(sign * Q::terms.g[q]);
            k = k + w[M][c] * g;
          });
          return k;
        };
        V *db = same ? d1 : d2;
        const V k = contract(u);
        d1[ia] = d1[ia] + k * load<V>(b + at2);
        db[ib] = db[ib] + k * load<V>(b + at1);
        if constexpr (Tangent) {
          const V k_dot = contract(u_dot);
          d1[ia] = d1[ia] + k_dot * load<V>(a + at2);
          db[ib] = db[ib] + k_dot * load<V>(a + at1);
        }
      });
      static_for<2 * Q::l1 + 1>([&](auto i) { store(out + at(row1 + i, c), d1[i]); });
      if constexpr (!same)
        static_for<2 * Q::l2 + 1>([&](auto i) { store(out + at(row2 + i, c), d2[i]); });
    }
    d += num_partners;
    t += num_M * C * W;
  }
};

ALMLIP_END_KERNELS
}    // namespace almlip
