// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_descriptors.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <sstream>

#include "almlip/element_properties.h"
#include "almlip/elements.h"
#include "almlip/error.h"
#include "pool/pool_composition.h"
#include "pool/pool_density.h"
#include "pool/pool_geometry.h"

namespace almlip::pool {

namespace {

/// What the parts of a descriptor share, computed once per entry and only if asked for.
class EntryStatistics {
 public:
  EntryStatistics(const PoolEntry &entry, bool radial)
      : entry_(entry),
        radial_(radial),
        composition_(composition_statistics(entry.frame.atomic_numbers))
  {
  }

  const PoolEntry &entry() const { return entry_; }
  const CompositionStatistics &composition() const { return composition_; }
  const GeometryStatistics &geometry()
  {
    if (!geometry_) geometry_ = geometry_statistics(entry_.frame, radial_);
    return *geometry_;
  }

 private:
  const PoolEntry &entry_;
  bool radial_;
  CompositionStatistics composition_;
  std::optional<GeometryStatistics> geometry_;
};

using Numbers = std::vector<double>;

/// One part: its names and how to compute it.
struct Part {
  std::string name;
  bool needs_structure, leaks;
  std::vector<std::string> features;
  std::function<Numbers(EntryStatistics &)> compute;
};

std::vector<std::string> numbered(const std::string &name, int count)
{
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(name + std::to_string(i + 1));
  return names;
}

std::vector<std::string> symbols()
{
  std::vector<std::string> names;
  for (int z = 1; z <= last_element_with_properties; ++z)
    names.push_back("share_" + chemical_symbol(z));
  return names;
}

Numbers paper17(EntryStatistics &s)
{
  constexpr double stable = 0.025;    // eV/atom
  const CompositionStatistics &c = s.composition();
  const PoolEntry &e = s.entry();
  const double hull = e.energy_above_hull.value_or(0.0);
  return {c.number.mean,
          c.number.deviation,
          c.mass.mean,
          c.mass.deviation,
          c.electronegativity.mean,
          c.electronegativity.deviation,
          c.num_elements,
          c.electronegativity_range,
          s.geometry().volume_per_atom,
          s.geometry().density,
          double(e.frame.num_atoms()),
          e.band_gap,
          e.band_gap > 0.0 ? 1.0 : 0.0,
          hull,
          hull < stable ? 1.0 : 0.0,
          e.fermi_energy.value_or(0.0),
          e.magnetization.value_or(0.0) / e.frame.num_atoms()};
}

Numbers leakfree17(EntryStatistics &s)
{
  const CompositionStatistics &c = s.composition();
  const GeometryStatistics &g = s.geometry();
  return {c.number.mean,
          c.number.deviation,
          c.electronegativity.mean,
          c.electronegativity.deviation,
          c.radius.mean,
          c.radius.deviation,
          c.mass.mean,
          c.num_elements,
          g.volume_per_atom,
          g.density,
          g.packing,
          g.nearest.mean,
          g.nearest.deviation,
          g.coordination.mean,
          g.coordination.deviation,
          g.bond_ionicity,
          g.homonuclear_bonds};
}

Numbers composition17(EntryStatistics &s)
{
  const CompositionStatistics &c = s.composition();
  return {c.number.mean,
          c.number.deviation,
          c.mass.mean,
          c.mass.deviation,
          c.electronegativity.mean,
          c.electronegativity.deviation,
          c.radius.mean,
          c.radius.deviation,
          c.valence.mean,
          c.valence.deviation,
          c.period.mean,
          c.period.deviation,
          c.num_elements,
          c.electronegativity_range,
          c.electronegativity_difference,
          c.radius_range,
          c.radius_cubed};
}

Numbers valence(EntryStatistics &s)
{
  const CompositionStatistics &c = s.composition();
  return {c.valence.mean,
          c.valence.deviation,
          c.period.mean,
          c.period.deviation,
          c.electronegativity_range,
          s.geometry().nearest_distance,
          double(s.entry().frame.num_atoms())};
}

Numbers rdf(EntryStatistics &s)
{
  Numbers result(s.geometry().radial.begin(), s.geometry().radial.end());
  result.insert(result.end(), s.geometry().radial_ionic.begin(), s.geometry().radial_ionic.end());
  return result;
}

Numbers fractions(EntryStatistics &s)
{
  Numbers result(last_element_with_properties, 0.0);
  for (int z : s.entry().frame.atomic_numbers) result[z - 1] += 1.0 / s.entry().frame.num_atoms();
  return result;
}

const std::vector<Part> &all_parts()
{
  static const std::vector<Part> parts = {
      {"paper17",
       true,
       true,
       {"number_mean", "number_deviation", "mass_mean", "mass_deviation", "electronegativity_mean",
        "electronegativity_deviation", "num_elements", "electronegativity_range", "volume_per_atom",
        "density", "num_atoms", "band_gap", "insulator", "energy_above_hull", "stable",
        "fermi_energy", "magnetization_per_atom"},
       paper17},
      {"leakfree17",
       true,
       false,
       {"number_mean", "number_deviation", "electronegativity_mean", "electronegativity_deviation",
        "radius_mean", "radius_deviation", "mass_mean", "num_elements", "volume_per_atom",
        "density", "packing", "nearest_mean", "nearest_deviation", "coordination_mean",
        "coordination_deviation", "bond_ionicity", "homonuclear_bonds"},
       leakfree17},
      {"composition17",
       false,
       false,
       {"number_mean", "number_deviation", "mass_mean", "mass_deviation", "electronegativity_mean",
        "electronegativity_deviation", "radius_mean", "radius_deviation", "valence_mean",
        "valence_deviation", "period_mean", "period_deviation", "num_elements",
        "electronegativity_range", "electronegativity_difference", "radius_range", "radius_cubed"},
       composition17},
      {"valence",
       true,
       false,
       {"valence_mean", "valence_deviation", "period_mean", "period_deviation",
        "electronegativity_range", "nearest_distance", "num_atoms"},
       valence},
      {"rdf", true, false, numbered("rdf", 2 * GeometryStatistics::num_bins), rdf},
      {"fractions", false, false, symbols(), fractions},
      {"density", true, false, numbered("density", num_density_features),
       [](EntryStatistics &s) { return density_features(s.entry().frame); }}};
  return parts;
}

const Part &find_part(const std::string &name, const std::string &whole)
{
  std::string names;
  for (const Part &part : all_parts()) {
    if (part.name == name) return part;
    names += (names.empty() ? "" : ", ") + part.name;
  }
  fail("descriptor \"", whole, "\": there is no part \"", name, "\"; the parts are ", names,
       ", joined by +");
}

}    // namespace

PoolDescriptor::PoolDescriptor(const std::string &name) : name_(name)
{
  std::istringstream words(name);
  for (std::string word; std::getline(words, word, '+');) {
    const Part &part = find_part(word, name);
    parts_.push_back(word);
    feature_names_.insert(feature_names_.end(), part.features.begin(), part.features.end());
  }
  require(!parts_.empty(), "descriptor \"", name,
          "\" has no part; write for example leakfree17 or leakfree17+rdf");
}

bool PoolDescriptor::needs_structure() const
{
  return std::any_of(parts_.begin(), parts_.end(), [&](const std::string &part) {
    return find_part(part, name_).needs_structure;
  });
}

bool PoolDescriptor::leaks() const
{
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const std::string &part) { return find_part(part, name_).leaks; });
}

Rows PoolDescriptor::operator()(const std::vector<PoolEntry> &entries) const
{
  const bool structure = needs_structure(),
             radial = std::count(parts_.begin(), parts_.end(), "rdf") > 0;
  Rows rows{num_features(), {}};
  rows.values.reserve(entries.size() * num_features());
  for (const PoolEntry &entry : entries) {
    require(!structure || entry.has_structure(), "descriptor \"", name_,
            "\" needs structures, but ", entry.id,
            " has none; use composition17 or set \"structures\": true in the filter");
    EntryStatistics statistics(entry, radial);
    for (const std::string &part : parts_) {
      const Numbers numbers = find_part(part, name_).compute(statistics);
      rows.values.insert(rows.values.end(), numbers.begin(), numbers.end());
    }
  }
  return rows;
}

}    // namespace almlip::pool
