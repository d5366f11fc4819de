// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cmath>

#include "almlip/kernels/pack.h"

namespace almlip {

struct ValueSlope {
  double value = 0.0, slope = 0.0;
};

/// What the short range of a pair of elements depends on (see short_range.h).
struct ShortRangePair {
  int atomic_number_a, atomic_number_b;
  double inner, outer;    ///< Angstrom

  /// See ShortRange::repulsion.
  ALMLIP_FUNCTION ValueSlope repulsion(double r) const;
  /// See ShortRange::network_distance.
  ALMLIP_FUNCTION ValueSlope network_distance(double r) const;

 private:
  /// Derivative of the repulsion between inner and outer. The force is switched on, not the energy:
  /// its switch would push harder than the nuclei do.
  ALMLIP_FUNCTION double switched_slope(double r) const;
  /// Integral of it from r to outer.
  ALMLIP_FUNCTION double switched_energy(double r) const;
};

/// Polynomial from 0 at u = 0 to 1 at u = 1 with two continuous derivatives.
ALMLIP_FUNCTION inline double smooth_step(double u)
{
  return u * u * u * (10.0 + u * (-15.0 + 6.0 * u));
}
ALMLIP_FUNCTION inline double smooth_step_integral(double u)
{
  return u * u * u * u * (2.5 + u * (-3.0 + u));
}

/// Screened Coulomb repulsion of two nuclei at the distance r (Angstrom), eV; slope in eV/Angstrom.
/// Source: Ziegler, Biersack, Littmark, The Stopping and Range of Ions in Matter (1985); the same
/// as LAMMPS's pair_style zbl
ALMLIP_FUNCTION inline ValueSlope zbl_energy(int atomic_number_a, int atomic_number_b, double r)
{
  constexpr double coulomb = 14.399645;    // e^2 / (4 pi epsilon_0), eV Angstrom
  constexpr double weight[4] = {0.18175, 0.50986, 0.28022, 0.02817};
  constexpr double decay[4] = {3.19980, 0.94229, 0.40290, 0.20162};
  const double inverse_length = (std::pow(static_cast<double>(atomic_number_a), 0.23) +
                                 std::pow(static_cast<double>(atomic_number_b), 0.23)) /
                                0.46850;    // 1/Angstrom
  const double bare = coulomb * atomic_number_a * atomic_number_b / r;
  ValueSlope screening;
  for (int n = 0; n < 4; ++n) {
    const double term = weight[n] * std::exp(-decay[n] * inverse_length * r);
    screening.value += term;
    screening.slope -= decay[n] * inverse_length * term;
  }
  return {bare * screening.value, bare * (screening.slope - screening.value / r)};
}

ALMLIP_FUNCTION inline double ShortRangePair::switched_slope(double r) const
{
  return smooth_step((outer - r) / (outer - inner)) *
         zbl_energy(atomic_number_a, atomic_number_b, r).slope;
}

// By Gauss and Legendre, exact for polynomials of degree 11.
ALMLIP_FUNCTION inline double ShortRangePair::switched_energy(double r) const
{
  constexpr double node[3] = {0.2386191860831969, 0.6612093864662645, 0.9324695142031521},
                   weight[3] = {0.4679139345726910, 0.3607615730481386, 0.1713244923791704};
  const double middle = 0.5 * (r + outer), half = 0.5 * (outer - r);
  double sum = 0.0;
  for (int n = 0; n < 3; ++n)
    sum += weight[n] *
           (switched_slope(middle - half * node[n]) + switched_slope(middle + half * node[n]));
  return half * sum;
}

ALMLIP_FUNCTION inline ValueSlope ShortRangePair::repulsion(double r) const
{
  if (r >= outer) return {};
  if (r > inner) return {-switched_energy(r), switched_slope(r)};
  const ValueSlope full = zbl_energy(atomic_number_a, atomic_number_b, r);
  const double missing =
      zbl_energy(atomic_number_a, atomic_number_b, inner).value + switched_energy(inner);
  return {full.value - missing, full.slope};
}

ALMLIP_FUNCTION inline ValueSlope ShortRangePair::network_distance(double r) const
{
  if (r >= outer) return {r, 1.0};
  const double width = outer - inner, fraction = 1.0 - (outer - r) / width,
               u = fraction > 0.0 ? fraction : 0.0;
  return {outer - width * (0.5 - smooth_step_integral(u)), smooth_step(u)};
}

}    // namespace almlip
