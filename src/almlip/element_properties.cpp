// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/element_properties.h"

#include <algorithm>
#include <array>

#include "almlip/elements.h"
#include "almlip/error.h"

namespace almlip {

namespace {

using Table = std::array<double, last_element_with_properties>;

constexpr Table masses = {
    1.008,   4.003,   6.94,    9.012,   10.81,   12.011,  14.007,  15.999,  18.998,  20.18,
    22.99,   24.305,  26.982,  28.085,  30.974,  32.06,   35.45,   39.948,  39.098,  40.078,
    44.956,  47.867,  50.942,  51.996,  54.938,  55.845,  58.933,  58.693,  63.546,  65.38,
    69.723,  72.63,   74.922,  78.971,  79.904,  83.798,  85.468,  87.62,   88.906,  91.224,
    92.906,  95.95,   97,      101.07,  102.906, 106.42,  107.868, 112.414, 114.818, 118.71,
    121.76,  127.6,   126.904, 131.293, 132.905, 137.327, 138.905, 140.116, 140.908, 144.242,
    145,     150.36,  151.964, 157.25,  158.925, 162.5,   164.93,  167.259, 168.934, 173.045,
    174.967, 178.486, 180.948, 183.84,  186.207, 190.23,  192.217, 195.084, 196.967, 200.592,
    204.38,  207.2,   208.98,  209,     210,     222,     223,     226,     227,     232.038,
    231.036, 238.029, 237,     244,     243,     247};

constexpr Table electronegativities = {
    2.2,  0,    0.98, 1.57, 2.04, 2.55, 3.04, 3.44, 3.98, 0,    0.93, 1.31, 1.61, 1.9,  2.19, 2.58,
    3.16, 0,    0.82, 1,    1.36, 1.54, 1.63, 1.66, 1.55, 1.83, 1.88, 1.91, 1.9,  1.65, 1.81, 2.01,
    2.18, 2.55, 2.96, 3,    0.82, 0.95, 1.22, 1.33, 1.6,  2.16, 1.9,  2.2,  2.28, 2.2,  1.93, 1.69,
    1.78, 1.96, 2.05, 2.1,  2.66, 2.6,  0.79, 0.89, 1.1,  1.12, 1.13, 1.14, 1.13, 1.17, 1.2,  1.2,
    1.1,  1.22, 1.23, 1.24, 1.25, 1.1,  1.27, 1.3,  1.5,  2.36, 1.9,  2.2,  2.2,  2.28, 2.54, 2,
    1.62, 2.33, 2.02, 2,    2.2,  0,    0.7,  0.9,  1.1,  1.3,  1.5,  1.38, 1.36, 1.28, 1.3,  1.3};

constexpr Table covalent_radii = {
    0.31, 0.28, 1.28, 0.96, 0.84, 0.76, 0.71, 0.66, 0.57, 0.58, 1.66, 1.41, 1.21, 1.11, 1.07, 1.05,
    1.02, 1.06, 2.03, 1.76, 1.7,  1.6,  1.53, 1.39, 1.39, 1.32, 1.26, 1.24, 1.32, 1.22, 1.22, 1.2,
    1.19, 1.2,  1.2,  1.16, 2.2,  1.95, 1.9,  1.75, 1.64, 1.54, 1.47, 1.46, 1.42, 1.39, 1.45, 1.44,
    1.42, 1.39, 1.39, 1.38, 1.39, 1.4,  2.44, 2.15, 2.07, 2.04, 2.03, 2.01, 1.99, 1.98, 1.98, 1.96,
    1.94, 1.92, 1.92, 1.89, 1.9,  1.87, 1.87, 1.75, 1.7,  1.62, 1.51, 1.44, 1.41, 1.36, 1.36, 1.32,
    1.45, 1.46, 1.48, 1.4,  1.5,  1.5,  2.6,  2.21, 2.15, 2.06, 2,    1.96, 1.9,  1.87, 1.8,  1.69};

constexpr std::array<int, 8> noble_gases = {0, 2, 10, 18, 36, 54, 86, 118};

int period(int atomic_number)
{
  int row = 1;
  while (atomic_number > noble_gases[row]) ++row;
  return row;
}

int valence(int atomic_number)
{
  const int row = period(atomic_number), electrons = atomic_number - noble_gases[row - 1];
  if (row < 6 || electrons < 3) return electrons;
  return electrons <= 17 ? 3 : electrons - 14;
}

}    // namespace

ElementProperties element_properties(int atomic_number)
{
  require(atomic_number >= 1 && atomic_number <= last_element_with_properties, "element ",
          atomic_number, " has no tabulated properties; those of 1 (H) to ",
          last_element_with_properties, " (Cm) are there");
  const int i = atomic_number - 1;
  return {masses[i], electronegativities[i], covalent_radii[i], double(valence(atomic_number)),
          double(period(atomic_number))};
}

double covalent_radius(const std::string &symbol)
{
  return element_properties(std::min(atomic_number(symbol), last_element_with_properties))
      .covalent_radius;
}

}    // namespace almlip
