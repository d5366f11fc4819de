// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/kernels/pack.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Weights that differ from lane to lane: weight q of lane w is that of the lane's element.
template <class Real, int Lanes>
struct LaneWeights {
  using V = Pack<Real, Lanes>;
  using Lane = Pack<LaneInt<Real>, Lanes>;

  const Real *by_element;    ///< shape [E][num_weights]
  int num_weights;
  const Real *by_lane;    ///< the same turned, shape [num_weights][Lanes], lane = element; null if
                          ///< there are more elements than lanes
  Lane element;           ///< of every lane

  ALMLIP_INLINE V operator[](int q) const
  {
    if constexpr (Lanes == 1) {
      return by_element[element * num_weights + q];
    } else {
      if (by_lane) return permute(load<V>(by_lane + q * Lanes), element);
      V v;
      for (int w = 0; w < Lanes; ++w) v[w] = by_element[element[w] * num_weights + q];
      return v;
    }
  }
};

/// Radial basis B_n(r) = T_n(2x - 1) (1 - x)^3, x = r/cutoff, T_n the Chebyshev polynomials, n = 0
/// .. NumRadial-1, and dB_n/dr. Two continuous derivatives at the cutoff; zero beyond. Here only
/// the parts that do not depend on n: `at`, then `value(n)`, `slope(n)`.
///
/// At run time fewer functions than NumRadial may be asked for (`count`, at least 2).
///
/// r and cutoff in Angstrom; slope in 1/Angstrom.
template <class Real, int Lanes, int NumRadial>
struct RadialBasis {
  using V = Pack<Real, Lanes>;
  V chebyshev[NumRadial], derivative[NumRadial];    ///< T_n and dT_n/dt at t = 2x - 1
  V envelope, envelope_slope;    ///< (1-x)^3 and its derivative with respect to r
  V envelope_rate;               ///< (1-x)^3 dt/dr

  ALMLIP_INLINE RadialBasis(const V &r, Real inverse_cutoff, int count = NumRadial)
  {
    V g = Real(1) - r * inverse_cutoff;
    g = g > Real(0) ? g : g - g;
    const V t = Real(1) - (g + g), t2 = t + t, g2 = g * g;
    envelope = g2 * g;
    envelope_slope = g2 * (Real(-3) * inverse_cutoff);
    envelope_rate = envelope * (Real(2) * inverse_cutoff);
    chebyshev[0] = V{} + Real(1);
    chebyshev[1] = t;
    derivative[0] = V{};
    derivative[1] = chebyshev[0];
    static_for<NumRadial - 2>([&](auto n) {
      if (n + 2 >= count) return;
      chebyshev[n + 2] = t2 * chebyshev[n + 1] - chebyshev[n];
      derivative[n + 2] = t2 * derivative[n + 1] + (Real(2) * chebyshev[n + 1] - derivative[n]);
    });
  }
  ALMLIP_INLINE V value(int n) const { return envelope * chebyshev[n]; }
  ALMLIP_INLINE V slope(int n) const
  {
    return envelope_rate * derivative[n] + envelope_slope * chebyshev[n];
  }
};

ALMLIP_END_KERNELS
}    // namespace almlip
