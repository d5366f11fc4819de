// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_geometry.h"

#include <algorithm>
#include <cmath>

#include "almlip/element_properties.h"
#include "almlip/surroundings.h"

namespace almlip::pool {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double amu_per_cubic_angstrom = 1.66053907;    // g/cm^3
constexpr double bond_length = 1.25;                     // scaled
constexpr double longest = 2.55;    // scaled; two and a half widths beyond the last center
constexpr double farthest = 8.0;    // Angstrom

/// Adds Gaussians of one scaled distance to the two radial distributions.
void add_radial(double x, double ionicity, GeometryStatistics &result)
{
  constexpr double first = 0.75, step = 0.15, width = 0.1;
  const int low = std::max(0, static_cast<int>(std::ceil((x - 4.5 * width - first) / step)));
  for (int k = low; k < GeometryStatistics::num_bins; ++k) {
    const double distance = x - (first + step * k);
    if (distance < -4.5 * width) break;
    const double value = std::exp(-0.5 * distance * distance / (width * width)) / (x * x);
    result.radial[k] += value;
    result.radial_ionic[k] += ionicity * value;
  }
}

MeanDeviation mean_deviation(const std::vector<double> &values)
{
  MeanDeviation result;
  double squares = 0.0;
  for (double value : values) result.mean += value / double(values.size());
  for (double value : values)
    squares += (value - result.mean) * (value - result.mean) / double(values.size());
  result.deviation = std::sqrt(squares);
  return result;
}

/// Properties of the atoms of a frame.
struct Atoms {
  std::vector<ElementProperties> properties;
  double max_radius = 0.0;    // Angstrom

  explicit Atoms(const Frame &frame)
  {
    for (int z : frame.atomic_numbers) properties.push_back(element_properties(z));
    for (const ElementProperties &p : properties)
      max_radius = std::max(max_radius, p.covalent_radius);
  }
};

void add_bulk(const Frame &frame, const Atoms &atoms, GeometryStatistics &result)
{
  const double volume = frame.volume();
  double mass = 0.0, spheres = 0.0;
  for (const ElementProperties &p : atoms.properties) {
    mass += p.mass;
    spheres += 4.0 / 3.0 * pi * std::pow(p.covalent_radius, 3);
  }
  result.volume_per_atom = volume / frame.num_atoms();
  result.density = mass / volume * amu_per_cubic_angstrom;
  result.packing = spheres / volume;
}

/// Adds what the neighbours within the cutoff tell; returns the largest scaled distance of a
/// nearest neighbour.
double add_neighbors(const Frame &frame, const Atoms &atoms, double cutoff, bool radial,
                     GeometryStatistics &result)
{
  const int num_atoms = frame.num_atoms();
  const Surroundings surroundings = find_surroundings(frame, cutoff);
  std::vector<double> nearest(num_atoms), shortest(num_atoms, cutoff), bonds(num_atoms, 0.0);
  double num_bonds = 0.0;
  for (int i = 0; i < num_atoms; ++i) {
    const ElementProperties &own = atoms.properties[i];
    nearest[i] = cutoff / (2.0 * own.covalent_radius);    // unless there is a neighbour
    for (int p = surroundings.first[i]; p < surroundings.first[i + 1]; ++p) {
      const int j = surroundings.owner[surroundings.neighbors[p]];
      const ElementProperties &other = atoms.properties[j];
      const double *a = &surroundings.positions[3 * i],
                   *b = &surroundings.positions[3 * surroundings.neighbors[p]];
      const double r = std::sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) +
                                 (a[2] - b[2]) * (a[2] - b[2]));
      const double x = r / (own.covalent_radius + other.covalent_radius);
      const double ionicity = std::abs(own.electronegativity - other.electronegativity);
      shortest[i] = std::min(shortest[i], r);
      nearest[i] = std::min(nearest[i], x);
      if (radial && x < longest) add_radial(x, ionicity, result);
      if (x >= bond_length) continue;
      bonds[i] += 1.0;
      num_bonds += 1.0;
      result.bond_ionicity += ionicity;
      result.homonuclear_bonds += frame.atomic_numbers[i] == frame.atomic_numbers[j] ? 1.0 : 0.0;
    }
  }
  result.nearest = mean_deviation(nearest);
  result.coordination = mean_deviation(bonds);
  result.nearest_distance = mean_deviation(shortest).mean;
  result.bond_ionicity /= std::max(num_bonds, 1.0);
  result.homonuclear_bonds /= std::max(num_bonds, 1.0);
  for (int k = 0; k < GeometryStatistics::num_bins; ++k) {
    result.radial[k] /= num_atoms;
    result.radial_ionic[k] /= num_atoms;
  }
  return *std::max_element(nearest.begin(), nearest.end());
}

}    // namespace

GeometryStatistics geometry_statistics(const Frame &frame, bool radial)
{
  const Atoms atoms(frame);
  GeometryStatistics result;
  add_bulk(frame, atoms, result);
  const double full = std::min(2.0 * longest * atoms.max_radius, farthest);
  // without the radial distribution the bonds are enough, if every atom has one
  const double bonds = std::min(2.0 * bond_length * atoms.max_radius, full);
  GeometryStatistics near = result;
  if (!radial && add_neighbors(frame, atoms, bonds, false, near) < bond_length) return near;
  add_neighbors(frame, atoms, full, radial, result);
  return result;
}

}    // namespace almlip::pool
