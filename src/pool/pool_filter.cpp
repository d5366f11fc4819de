// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_filter.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "almlip/element_properties.h"
#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/surroundings.h"

namespace almlip::pool {

namespace {

std::set<int> allowed_elements(const std::vector<std::string> &symbols)
{
  std::set<int> result;
  for (const std::string &symbol : symbols) {
    require(atomic_number(symbol) > 0, "\"elements\" has \"", symbol,
            "\", which is not a chemical symbol");
    result.insert(atomic_number(symbol));
  }
  for (int z = 1; symbols.empty() && z <= last_element_with_properties; ++z) result.insert(z);
  return result;
}

/// Why an entry is left out; empty if it stays.
std::string reason_against(const PoolEntry &entry, const PoolFilter &filter,
                           const std::set<int> &allowed)
{
  if (entry.suspect && !filter.suspects) return "marked as suspect";
  const int num_atoms = entry.frame.num_atoms();
  if (num_atoms < filter.min_atoms)
    return "with fewer than " + std::to_string(filter.min_atoms) + " atoms";
  if (num_atoms > filter.max_atoms)
    return "with more than " + std::to_string(filter.max_atoms) + " atoms";
  for (int z : entry.frame.atomic_numbers)
    if (allowed.count(z) == 0) return "with an element that is not allowed";
  if (entry.formation_energy < filter.lowest_energy ||
      entry.formation_energy > filter.highest_energy)
    return "with a formation energy out of range";
  if (filter.structures && !entry.has_structure()) return "without a structure";
  if (entry.has_structure() && least_distance(entry.frame, 0.5) < 0.4)
    return "with atoms on top of each other";
  return "";
}

/// What two copies of one structure share: the shortest distances from every atom, sorted,
/// Angstrom.
std::vector<double> shortest_distances(const PoolEntry &entry)
{
  constexpr double reach = 4.0;    // Angstrom
  constexpr std::size_t num_shortest = 4;
  if (!entry.has_structure()) return {};
  std::vector<std::vector<double>> by_atom(entry.frame.atomic_numbers.size());
  for_each_pair(entry.frame, reach,
                [&](int i, int, double distance) { by_atom[i].push_back(distance); });
  std::vector<double> result;
  for (std::vector<double> &distances : by_atom) {
    distances.resize(std::max(distances.size(), num_shortest), reach);
    std::partial_sort(distances.begin(), distances.begin() + num_shortest, distances.end());
    result.insert(result.end(), distances.begin(), distances.begin() + num_shortest);
  }
  std::sort(result.begin(), result.end());
  return result;
}

bool same_structure(const PoolEntry &a, const PoolEntry &b)
{
  if (a.has_structure() != b.has_structure()) return false;
  if (!a.has_structure()) return true;
  const double volume_a = a.frame.volume() / a.frame.num_atoms(),
               volume_b = b.frame.volume() / b.frame.num_atoms();
  if (std::abs(volume_a - volume_b) > 1e-3 * volume_a || a.frame.num_atoms() != b.frame.num_atoms())
    return false;
  const std::vector<double> from_a = shortest_distances(a), from_b = shortest_distances(b);
  return std::equal(from_a.begin(), from_a.end(), from_b.begin(),
                    [](double u, double v) { return std::abs(u - v) < 0.01; });
}

/// Marks all but the lowest in energy of entries that are the same.
std::vector<bool> duplicates(const std::vector<PoolEntry> &entries)
{
  std::map<std::string, std::vector<std::size_t>> by_formula;
  for (std::size_t i = 0; i < entries.size(); ++i) by_formula[entries[i].formula].push_back(i);
  std::vector<bool> result(entries.size(), false);
  for (auto &[formula, members] : by_formula) {
    std::stable_sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) {
      return entries[a].formation_energy < entries[b].formation_energy;
    });
    for (std::size_t k = 1; k < members.size(); ++k)
      for (std::size_t other = 0; other < k && !result[members[k]]; ++other)
        result[members[k]] =
            !result[members[other]] && same_structure(entries[members[other]], entries[members[k]]);
  }
  return result;
}

}    // namespace

void apply(const PoolFilter &filter, Pool &pool, const std::string &name)
{
  const std::set<int> allowed = allowed_elements(filter.elements);
  std::vector<PoolEntry> kept;
  for (PoolEntry &entry : pool.entries) {
    const std::string reason = reason_against(entry, filter, allowed);
    if (reason.empty())
      kept.push_back(std::move(entry));
    else
      ++pool.dropped[reason];
  }
  pool.entries.clear();
  const std::vector<bool> duplicate =
      filter.drop_duplicates ? duplicates(kept) : std::vector<bool>(kept.size(), false);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (duplicate[i])
      ++pool.dropped["of the same formula and structure as another"];
    else
      pool.entries.push_back(std::move(kept[i]));
  }
  require(!pool.entries.empty(), name,
          ": no entry passes the filters; left out: ", pool.dropped_text());
}

std::vector<int> entries_of_system(const std::vector<PoolEntry> &entries, const std::string &system)
{
  std::vector<int> needed;
  std::istringstream parts(system);
  for (std::string symbol; std::getline(parts, symbol, '-');) {
    require(atomic_number(symbol) > 0, "system \"", system, "\": \"", symbol,
            "\" is not a chemical symbol; write \"C\" or \"Ti-O\"");
    needed.push_back(atomic_number(symbol));
  }
  require(
      !needed.empty(),
      "a system has no name; write a chemical symbol such as \"C\" or several such as \"Ti-O\"");
  std::vector<int> result;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (std::all_of(needed.begin(), needed.end(), [&](int z) { return entries[i].contains(z); }))
      result.push_back(static_cast<int>(i));
  return result;
}

}    // namespace almlip::pool
