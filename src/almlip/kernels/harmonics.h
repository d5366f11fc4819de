// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/pack.h"
#include "almlip/potential.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

// Real solid-angle harmonics in Racah normalisation (sum over m of S_lm^2 is 1):
//   S_l,+m = norm(l,m) q_lm(z) Re (x + iy)^m,   S_l,-m = norm(l,m) q_lm(z) Im (x + iy)^m
// with q_lm monic in z: q_mm = 1, q_l+1,m = z q_lm - recurrence(l,m) q_l-1,m, and dq_lm/dz = (l-m)
// q_l,m+1. "Bare" harmonics leave norm(l,m) out; it is applied once to the density and to its
// adjoint.

constexpr double constexpr_sqrt(double value)
{
  double root = value > 1 ? value : 1;
  for (int i = 0; i < 60; ++i) root = 0.5 * (root + value / root);
  return root;
}
constexpr double factorial(int n) { return n < 2 ? 1.0 : n * factorial(n - 1); }
constexpr double harmonic_recurrence(int l, int m)
{
  return static_cast<double>(l * l - m * m) / (4 * l * l - 1);
}
constexpr double harmonic_norm(int l, int m)
{
  const int a = m < 0 ? -m : m;
  double power = 1;
  for (int i = 0; i < l; ++i) power *= 2;
  return constexpr_sqrt((a ? 2.0 : 1.0) * factorial(l - a) / factorial(l + a)) * factorial(2 * l) /
         (power * factorial(l) * factorial(l - a));
}

/// Index of (l, m) among the (lmax+1)^2 components, m = -l .. l.
constexpr int lm_index(int l, int m) { return l * l + l + m; }

/// function(l, m) for all components up to LMax, as compile-time constants.
template <int LMax, class Function>
ALMLIP_INLINE void for_each_lm(Function &&function)
{
  static_for<LMax + 1>([&](auto l_) {
    constexpr int l = l_;
    static_for<2 * l + 1>([&](auto m_) {
      constexpr int m = m_ - l;
      function(std::integral_constant<int, l>{}, std::integral_constant<int, m>{});
    });
  });
}

/// Bare harmonics of one direction per lane.
template <class Real, int Lanes, int LMax>
struct Harmonics {
  using V = Pack<Real, Lanes>;
  V x, y, z;
  V cosine[LMax + 1], sine[LMax + 1];    ///< Re and Im of (x + iy)^m, m >= 1
  V q_[(LMax + 1) * (LMax + 2) / 2];

  template <int l, int m>
  ALMLIP_INLINE const V &q() const
  {
    return q_[l * (l + 1) / 2 + m];
  }

  /// @param direction   unit vectors, rows x, y, z
  /// @param row_length  numbers from one row to the next
  ALMLIP_INLINE explicit Harmonics(const Real *direction, int row_length = Lanes)
      : x(load<V>(direction)),
        y(load<V>(direction + row_length)),
        z(load<V>(direction + 2 * row_length))
  {
    static_for<LMax>([&](auto i) {
      constexpr int m = i + 1;
      cosine[m] = m == 1 ? x : x * cosine[m - 1] - y * sine[m - 1];
      sine[m] = m == 1 ? y : x * sine[m - 1] + y * cosine[m - 1];
    });
    q_[0] = V{} + Real(1);
    static_for<LMax>([&](auto i) {
      constexpr int l = i + 1;
      static_for<l>([&](auto m_) {    // q_mm = 1 is not stored
        constexpr int m = m_, at = l * (l + 1) / 2 + m;
        if constexpr (l == m + 1)
          q_[at] = z;
        else if constexpr (l == m + 2)
          q_[at] = z * q<l - 1, m>() - Real(harmonic_recurrence(l - 1, m));
        else
          q_[at] = z * q<l - 1, m>() - Real(harmonic_recurrence(l - 1, m)) * q<l - 2, m>();
      });
    });
  }

  template <int l, int m>
  ALMLIP_INLINE V value() const
  {
    constexpr int a = m < 0 ? -m : m;
    if constexpr (a == 0)
      return q<l, 0>();
    else if constexpr (l == a)
      return m < 0 ? sine[a] : cosine[a];
    else
      return (m < 0 ? sine[a] : cosine[a]) * q<l, a>();
  }

  /// sum_lm p(l, m) grad S_lm, the harmonics taken as polynomials of x, y, z. Asks for p once, by
  /// |m|, then l, cosine first.
  template <class Term>
  ALMLIP_INLINE void gradient(Term &&term, V (&g)[3]) const
  {
    V gx{}, gy{}, gz{};
    static_for<LMax + 1>([&](auto m_) {
      constexpr int m = m_, l0 = m ? m : 1;
      V pc{}, ps{}, dc{}, ds{};    // sum_l P q and sum_l P dq/dz, cosine and sine parts
      static_for<LMax + 1 - l0>([&](auto i) {
        constexpr int l = l0 + i;
        V dq{};
        if constexpr (l > m + 1) dq = Real(l - m) * q<l, m + 1>();
        auto add = [&](const V &p, V &v, V &d) {
          if constexpr (m > 0) {
            if constexpr (l == m)
              v = p;
            else
              v = v + p * q<l, m>();
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
        gx = gx + cosine[m - 1] * pc + sine[m - 1] * ps;
        gy = gy + cosine[m - 1] * ps - sine[m - 1] * pc;
      }
      if constexpr (m > 0 && m < LMax) gz = gz + cosine[m] * dc + sine[m] * ds;
    });
    g[0] = gx;
    g[1] = gy;
    g[2] = gz;
  }

  /// From `gradient` and the derivative along r to the gradient with respect to the vector of which
  /// this is the direction.
  ALMLIP_INLINE void add_radial(const V &inverse_r, const V &slope, V (&g)[3]) const
  {
    // the harmonics depend on the direction only
    const V along = slope - inverse_r * (x * g[0] + y * g[1] + z * g[2]);
    g[0] = x * along + g[0] * inverse_r;
    g[1] = y * along + g[1] * inverse_r;
    g[2] = z * along + g[2] * inverse_r;
  }

  /// Tangent of S_lm along a tangent of x, y, z.
  template <int l, int m>
  ALMLIP_INLINE V tangent(const V (&dot)[3]) const
  {
    constexpr int a = m < 0 ? -m : m;
    V azimuthal{}, polar{};    // tangents of the two factors, without the other factor
    if constexpr (a == 1) azimuthal = m < 0 ? dot[1] : dot[0];
    if constexpr (a > 1)
      azimuthal = Real(a) * (m < 0 ? sine[a - 1] * dot[0] + cosine[a - 1] * dot[1]
                                   : cosine[a - 1] * dot[0] - sine[a - 1] * dot[1]);
    if constexpr (l == a + 1) polar = dot[2];
    if constexpr (l > a + 1) polar = Real(l - a) * (q<l, a + 1>() * dot[2]);
    if constexpr (a == 0)
      return polar;
    else if constexpr (l == a)
      return azimuthal;
    else
      return azimuthal * q<l, a>() + (m < 0 ? sine[a] : cosine[a]) * polar;
  }
};

/// function(LMax as compile-time constant) for an lmax that is known at run time.
template <class Function>
ALMLIP_INLINE void with_lmax(int lmax, Function &&function)
{
  static_for<ModelSettings::max_lmax + 1>([&](auto l) {
    if (l == lmax) function(l);
  });
}

/// Bare harmonics of many directions, to [count][num_lm][Lanes].
/// @param step  from one direction to the next
template <class Real, int Lanes, int LMax>
ALMLIP_STAGE void harmonic_rows(const Real *directions, std::size_t step, int count, Real *to)
{
  for (int k = 0; k < count; ++k, directions += step, to += (LMax + 1) * (LMax + 1) * Lanes) {
    const Harmonics<Real, Lanes, LMax> h(directions);
    for_each_lm<LMax>(
        [&](auto l, auto m) { store(to + lm_index(l, m) * Lanes, h.template value<l, m>()); });
  }
}

ALMLIP_END_KERNELS
}    // namespace almlip
