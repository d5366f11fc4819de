// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <vector>

#include "almlip/kernels/harmonics.h"

namespace almlip {

/// A polynomial in z, lowest power first; long enough for a product of three harmonics.
struct Polynomial {
  static constexpr int length = 3 * ModelSettings::max_lmax + 1;
  double c[length] = {};
};
constexpr Polynomial operator*(const Polynomial &a, const Polynomial &b)
{
  Polynomial product{};
  for (int i = 0; i < Polynomial::length; ++i)
    for (int j = 0; i + j < Polynomial::length; ++j) product.c[i + j] += a.c[i] * b.c[j];
  return product;
}

/// q_lm(z) of harmonics.h.
constexpr Polynomial harmonic_polynomial(int l, int m)
{
  Polynomial previous{}, current{};
  current.c[0] = 1;
  for (int k = m; k < l; ++k) {
    Polynomial next{};
    for (int i = 0; i + 1 < Polynomial::length; ++i) next.c[i + 1] = current.c[i];
    for (int i = 0; i < Polynomial::length; ++i)
      next.c[i] -= harmonic_recurrence(k, m) * previous.c[i];
    previous = current;
    current = next;
  }
  return current;
}

/// Average over phi of three trigonometric factors: cos(m phi) for m >= 0, sin(|m| phi) for m < 0.
constexpr double azimuthal_mean(int m1, int m2, int m3)
{
  const int m[3] = {m1, m2, m3};
  int s[3] = {}, c[3] = {}, num_sines = 0, num_cosines = 0;
  for (int i = 0; i < 3; ++i) {
    if (m[i] < 0)
      s[num_sines++] = -m[i];
    else
      c[num_cosines++] = m[i];
  }
  if (num_sines == 0)
    return 0.25 * ((c[0] + c[1] + c[2] == 0) + (c[0] + c[1] == c[2]) + (c[0] + c[2] == c[1]) +
                   (c[1] + c[2] == c[0]));
  if (num_sines == 2)
    return 0.25 * ((s[0] == s[1] + c[0]) + (s[1] == s[0] + c[0]) - (s[0] + s[1] == c[0]) -
                   (s[0] + s[1] + c[0] == 0));
  return 0;
}

/// Real Gaunt coefficient: sqrt((2l1+1)(2l2+1)(2L+1)) times the mean over the sphere of S_l1a S_l2b
/// S_LM.
constexpr double gaunt(int l1, int a, int l2, int b, int L, int M)
{
  const double azimuthal = azimuthal_mean(a, b, M);
  if (azimuthal == 0) return 0;
  const int m1 = a < 0 ? -a : a, m2 = b < 0 ? -b : b, m3 = M < 0 ? -M : M;
  Polynomial q = harmonic_polynomial(l1, m1) * harmonic_polynomial(l2, m2) *
                 harmonic_polynomial(L, m3),
             sine_squared{};
  sine_squared.c[0] = 1;
  sine_squared.c[2] = -1;
  for (int i = 0; i < (m1 + m2 + m3) / 2; ++i) q = q * sine_squared;
  double mean = 0;
  for (int i = 0; i < Polynomial::length; i += 2) mean += q.c[i] / (i + 1);
  mean *= azimuthal * harmonic_norm(l1, m1) * harmonic_norm(l2, m2) * harmonic_norm(L, m3);
  return (mean < 1e-9 && mean > -1e-9)
             ? 0.0
             : mean * constexpr_sqrt((2.0 * l1 + 1) * (2 * l2 + 1) * (2 * L + 1));
}

/// Coefficient g_abM of A_l1a A_l2b in T_M = [A_l1 x A_l2]_L; indices count from 0. For l1 == l2
/// both orders of a and b are added, for a <= b.
constexpr double coupling_coefficient(int l1, int a, int l2, int b, int L, int M)
{
  const double g = gaunt(l1, a - l1, l2, b - l2, L, M - L);
  return l1 == l2 && a != b ? g + gaunt(l1, b - l1, l2, a - l2, L, M - L) : g;
}

/// Coupling [A_l1 x A_l2]_L of one channel: T_M = sum_ab g_abM A_l1a A_l2b, its non-zero terms
/// grouped by the product (a, b), for l1 == l2 only a <= b.
template <int L1, int L2, int L>
struct Coupling {
  static constexpr int l1 = L1, l2 = L2, l = L, max_products = (2 * L1 + 1) * (2 * L2 + 1),
                       max_terms = max_products * (2 * L + 1);
  struct Terms {
    int num_products = 0, num_terms = 0;
    int a[max_products] = {}, b[max_products] = {}, first[max_products + 1] = {};
    int M[max_terms] = {};
    double g[max_terms] = {};
  };
  static constexpr Terms find_terms()
  {
    Terms t{};
    for (int a = 0; a <= 2 * L1; ++a)
      for (int b = (L1 == L2 ? a : 0); b <= 2 * L2; ++b) {
        const int start = t.num_terms;
        for (int M = 0; M <= 2 * L; ++M) {
          const double g = coupling_coefficient(L1, a, L2, b, L, M);
          if (g == 0) continue;
          t.M[t.num_terms] = M;
          t.g[t.num_terms++] = g;
        }
        if (t.num_terms == start) continue;
        t.a[t.num_products] = a;
        t.b[t.num_products] = b;
        t.first[t.num_products++] = start;
        t.first[t.num_products] = t.num_terms;
      }
    return t;
  }
  static constexpr Terms terms = find_terms();
};

/// A list of couplings; each is contracted with A_L of a partner channel to a four-body invariant.
template <class... Members>
struct CouplingSet {
  static constexpr int count = sizeof...(Members);
  static constexpr int num_components = (0 + ... + (2 * Members::l + 1));    ///< all T_M together
  /// l1, l2, L of each.
  static std::vector<std::array<int, 3>> list()
  {
    return {{Members::l1, Members::l2, Members::l}...};
  }
};

/// Lists with a name.
namespace couplings {
using b3 = CouplingSet<Coupling<1, 1, 2>, Coupling<2, 2, 2>, Coupling<1, 2, 3>, Coupling<3, 3, 2>>;
using c4 = CouplingSet<Coupling<1, 1, 2>, Coupling<2, 2, 2>, Coupling<1, 2, 3>, Coupling<3, 3, 2>,
                       Coupling<2, 2, 4>, Coupling<1, 3, 4>, Coupling<3, 3, 4>, Coupling<4, 4, 2>,
                       Coupling<4, 4, 4>>;
using d4 = CouplingSet<Coupling<1, 1, 2>, Coupling<2, 2, 2>, Coupling<1, 2, 3>, Coupling<3, 3, 2>,
                       Coupling<2, 2, 4>, Coupling<1, 3, 4>, Coupling<3, 3, 4>, Coupling<4, 4, 2>,
                       Coupling<4, 4, 4>, Coupling<1, 2, 1>, Coupling<1, 3, 2>, Coupling<2, 3, 1>,
                       Coupling<2, 3, 3>, Coupling<2, 4, 2>, Coupling<1, 4, 3>, Coupling<3, 4, 3>>;
}    // namespace couplings

}    // namespace almlip
