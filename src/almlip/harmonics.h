#pragma once

#include "almlip/pack.h"

namespace almlip {

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

  /// @param direction  unit vectors, rows x, y, z of Lanes numbers
  ALMLIP_INLINE explicit Harmonics(const Real *direction)
      : x(load<V>(direction)), y(load<V>(direction + Lanes)), z(load<V>(direction + 2 * Lanes))
  {
    cosine[1] = x;
    sine[1] = y;
    static_for<LMax - 1>([&](auto i) {
      constexpr int m = i + 2;
      cosine[m] = x * cosine[m - 1] - y * sine[m - 1];
      sine[m] = x * sine[m - 1] + y * cosine[m - 1];
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
};

}    // namespace almlip
