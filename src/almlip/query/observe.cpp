// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/observe.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "almlip/element_properties.h"
#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/query/nearest_pair.h"
#include "almlip/surroundings.h"

namespace almlip {
namespace {

constexpr double grams_per_cm3 = 1.66053906660;    // of 1 amu/Angstrom^3; CODATA 2018

/// @param watched  atoms that count; empty: all
AtomValue largest(const std::vector<double> &values, const std::vector<bool> &watched = {})
{
  AtomValue most;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!watched.empty() && !watched[i]) continue;
    if (most.atom == 0 || values[i] > most.value)
      most = {values[i], static_cast<std::int64_t>(i) + 1};
  }
  return most;
}

std::vector<double> lengths(const std::vector<double> &vectors)
{
  std::vector<double> result;
  for (std::size_t k = 0; k < vectors.size(); k += 3)
    result.push_back(std::hypot(vectors[k], vectors[k + 1], vectors[k + 2]));
  return result;
}

/// Name of the quantity if one of the numbers is none; else what was there.
void see_numbers(const std::vector<double> &values, int per_atom, const char *name,
                 std::string &not_finite)
{
  const auto wrong = std::find_if(values.begin(), values.end(),
                                  [](double value) { return !std::isfinite(value); });
  if (wrong == values.end() || !not_finite.empty()) return;
  not_finite = name;
  not_finite += " of atom " + std::to_string((wrong - values.begin()) / per_atom + 1);
}

double density(const Frame &frame)
{
  if (!(frame.volume() > 0.0)) return 0.0;
  double mass = 0.0;
  for (const int number : frame.atomic_numbers)
    if (number <= last_element_with_properties) mass += element_properties(number).mass;
  return grams_per_cm3 * mass / frame.volume();
}

void see_distances(const Frame &frame, const Potential &potential, double reach, Observation &seen)
{
  const std::vector<double> known = training_distances(potential);
  const int num_elements = static_cast<int>(potential.settings.elements.size());
  std::vector<int> element;
  for (const int number : frame.atomic_numbers)
    element.push_back(potential.settings.element_index(chemical_symbol(number)));
  try {
    double max_known = potential.least_distance;
    for (const double distance : known) max_known = std::max(max_known, distance);
    for_each_pair(frame, std::max(max_known, reach), [&](int i, int j, double distance) {
      const double min_known = element[i] < 0 || element[j] < 0
                                   ? potential.least_distance
                                   : known[element[i] * num_elements + element[j]];
      seen.least_distance = std::min(seen.least_distance, distance);
      if (min_known / distance > seen.nearness.value) seen.nearness = {min_known / distance, i + 1};
    });
  } catch (const Error &) {    // the cell was checked as it was read: atoms at the same place
    seen.least_distance = 0.0;
    seen.nearness = {std::numeric_limits<double>::infinity(), 0};
  }
}

}    // namespace

Observation observe(const Frame &frame, const Potential &potential, double reach)
{
  Observation seen;
  see_numbers(frame.positions, 3, "position", seen.not_finite);
  if (!seen.not_finite.empty()) return seen;
  see_distances(frame, potential, reach, seen);
  seen.density = density(frame);
  return seen;
}

void observe(const FramePrediction &prediction, const std::vector<double> &novelty,
             const std::vector<bool> &watched, Observation &seen)
{
  see_numbers(prediction.sigma, 1, "sigma", seen.not_finite);
  see_numbers(prediction.forces, 3, "force", seen.not_finite);
  see_numbers(novelty, 1, "novelty", seen.not_finite);
  seen.sigma = largest(prediction.sigma, watched);
  seen.novelty = largest(novelty, watched);
  seen.force = largest(lengths(prediction.forces));
  if (!prediction.sigma.empty())
    seen.energy_spread =
        energy_spread(prediction.member_energies) / static_cast<double>(prediction.sigma.size());
}

}    // namespace almlip
