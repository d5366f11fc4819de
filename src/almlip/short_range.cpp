// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/short_range.h"

#include <algorithm>
#include <cmath>

#include "almlip/elements.h"

namespace almlip {

namespace {

/// Polynomial from 0 at u = 0 to 1 at u = 1 with two continuous derivatives.
double smooth_step(double u) { return u * u * u * (10.0 + u * (-15.0 + 6.0 * u)); }
double smooth_step_integral(double u) { return u * u * u * u * (2.5 + u * (-3.0 + u)); }

/// Integral of f from a to b by Gauss and Legendre; exact for polynomials of degree 11.
template <class Function>
double integrate(double a, double b, Function &&f)
{
  constexpr double node[3] = {0.2386191860831969, 0.6612093864662645, 0.9324695142031521},
                   weight[3] = {0.4679139345726910, 0.3607615730481386, 0.1713244923791704};
  const double middle = 0.5 * (a + b), half = 0.5 * (b - a);
  double sum = 0.0;
  for (int n = 0; n < 3; ++n)
    sum += weight[n] * (f(middle - half * node[n]) + f(middle + half * node[n]));
  return half * sum;
}

}    // namespace

ValueSlope zbl_energy(int atomic_number_a, int atomic_number_b, double r)
{
  constexpr double coulomb = 14.399645;    // e^2 / (4 pi epsilon_0), eV Angstrom
  constexpr double weight[4] = {0.18175, 0.50986, 0.28022, 0.02817};
  constexpr double decay[4] = {3.19980, 0.94229, 0.40290, 0.20162};
  const double inverse_length =
      (std::pow(atomic_number_a, 0.23) + std::pow(atomic_number_b, 0.23)) / 0.46850;    // Angstrom
  const double bare = coulomb * atomic_number_a * atomic_number_b / r;
  ValueSlope screening;
  for (int n = 0; n < 4; ++n) {
    const double term = weight[n] * std::exp(-decay[n] * inverse_length * r);
    screening.value += term;
    screening.slope -= decay[n] * inverse_length * term;
  }
  return {bare * screening.value, bare * (screening.slope - screening.value / r)};
}

ShortRange::ShortRange(const Potential &potential)
    : num_elements_(potential.settings.elements.size()), zbl_(potential.zbl)
{
  for (const std::string &symbol : potential.settings.elements)
    atomic_number_.push_back(almlip::atomic_number(symbol));
  for (const double outer : zbl_.outer) reach_ = std::max(reach_, outer);
}

ValueSlope ShortRange::repulsion(int element_a, int element_b, double r) const
{
  const std::size_t pair = element_a * num_elements_ + element_b;
  const double width = zbl_.outer[pair] - zbl_.inner[pair];
  if (r >= zbl_.outer[pair]) return {};
  const int a = atomic_number_[element_a], b = atomic_number_[element_b];
  // The force is switched on, not the energy: its switch would push harder than the nuclei do.
  const auto switched_slope = [&](double s) {
    return smooth_step((zbl_.outer[pair] - s) / width) * zbl_energy(a, b, s).slope;
  };
  if (r > zbl_.inner[pair])
    return {-integrate(r, zbl_.outer[pair], switched_slope), switched_slope(r)};
  const ValueSlope full = zbl_energy(a, b, r);
  const double missing = zbl_energy(a, b, zbl_.inner[pair]).value +
                         integrate(zbl_.inner[pair], zbl_.outer[pair], switched_slope);
  return {full.value - missing, full.slope};
}

ValueSlope ShortRange::network_distance(int element_a, int element_b, double r) const
{
  const std::size_t pair = element_a * num_elements_ + element_b;
  const double outer = zbl_.outer[pair], width = outer - zbl_.inner[pair];
  if (r >= outer) return {r, 1.0};
  const double u = std::max(0.0, 1.0 - (outer - r) / width);
  return {outer - width * (0.5 - smooth_step_integral(u)), smooth_step(u)};
}

}    // namespace almlip
