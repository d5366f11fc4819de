#include "train/pool_geometry.h"

#include <algorithm>
#include <cmath>

#include "almlip/surroundings.h"
#include "train/element_properties.h"

namespace almlip {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double amu_per_cubic_angstrom = 1.66053907;    // g/cm^3
constexpr double bond_length = 1.25;                     // scaled
constexpr double longest = 2.55;                         // scaled; two and a half widths beyond the last center
constexpr double farthest = 8.0;                         // Angstrom

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
  for (double value : values) squares += (value - result.mean) * (value - result.mean) / double(values.size());
  result.deviation = std::sqrt(squares);
  return result;
}

}    // namespace

GeometryStatistics geometry_statistics(const Frame &frame)
{
  const int num_atoms = frame.num_atoms();
  std::vector<ElementProperties> properties;
  for (int z : frame.atomic_numbers) properties.push_back(element_properties(z));
  double largest = 0.0, mass = 0.0, spheres = 0.0;
  for (const ElementProperties &p : properties) {
    largest = std::max(largest, p.covalent_radius);
    mass += p.mass;
    spheres += 4.0 / 3.0 * pi * std::pow(p.covalent_radius, 3);
  }
  const double cutoff = std::min(2.0 * longest * largest, farthest);
  const Surroundings surroundings = find_surroundings(frame, cutoff);

  GeometryStatistics result;
  const double volume = frame.volume();
  result.volume_per_atom = volume / num_atoms;
  result.density = mass / volume * amu_per_cubic_angstrom;
  result.packing = spheres / volume;
  std::vector<double> nearest(num_atoms), bonds(num_atoms, 0.0);
  double num_bonds = 0.0, shortest_sum = 0.0;
  for (int i = 0; i < num_atoms; ++i) {
    double shortest = cutoff;
    nearest[i] = cutoff / (2.0 * properties[i].covalent_radius);    // unless there is a neighbour
    for (int p = surroundings.first[i]; p < surroundings.first[i + 1]; ++p) {
      const int j = surroundings.owner[surroundings.neighbors[p]];
      const double *a = &surroundings.positions[3 * i], *b = &surroundings.positions[3 * surroundings.neighbors[p]];
      const double r = std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
      const double x = r / (properties[i].covalent_radius + properties[j].covalent_radius);
      const double ionicity = std::abs(properties[i].electronegativity - properties[j].electronegativity);
      shortest = std::min(shortest, r);
      nearest[i] = std::min(nearest[i], x);
      if (x < longest) add_radial(x, ionicity, result);
      if (x >= bond_length) continue;
      bonds[i] += 1.0;
      num_bonds += 1.0;
      result.bond_ionicity += ionicity;
      result.homonuclear_bonds += frame.atomic_numbers[i] == frame.atomic_numbers[j] ? 1.0 : 0.0;
    }
    shortest_sum += shortest;
  }
  result.nearest = mean_deviation(nearest);
  result.coordination = mean_deviation(bonds);
  result.nearest_distance = shortest_sum / num_atoms;
  result.bond_ionicity /= std::max(num_bonds, 1.0);
  result.homonuclear_bonds /= std::max(num_bonds, 1.0);
  for (int k = 0; k < GeometryStatistics::num_bins; ++k) {
    result.radial[k] /= num_atoms;
    result.radial_ionic[k] /= num_atoms;
  }
  return result;
}

}    // namespace almlip
