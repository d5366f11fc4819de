// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/energy_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "almlip/text.h"
#include "train/check/robust_statistics.h"
#include "train/units.h"

namespace almlip::train {

void check_repeats(const std::vector<Frame> &frames, Collector &findings)
{
  constexpr double same_energy = 1e-3;    // eV per atom
  std::vector<std::size_t> twice, contradicting;
  for (const std::vector<std::size_t> &group : repeated_frames(frames)) {
    std::vector<double> seen;    // different energies of the group, eV per atom
    for (const std::size_t f : group) {
      const double energy = frames[f].energy.value_or(0.0) / frames[f].num_atoms();
      const bool is_seen = std::any_of(seen.begin(), seen.end(), [&](double other) {
        return std::abs(energy - other) < same_energy;
      });
      if (is_seen)
        twice.push_back(f);
      else if (!seen.empty())
        contradicting.push_back(f);
      if (!is_seen) seen.push_back(energy);
    }
  }
  std::sort(twice.begin(), twice.end());
  std::sort(contradicting.begin(), contradicting.end());
  if (!twice.empty())
    findings.add({"an earlier frame has the same atoms at the same places",
                  "remove them (--fix does), lest held-out frames are learned",
                  {},
                  {Repair::Kind::remove}},
                 twice);
  if (!contradicting.empty())
    findings.add({"an earlier frame has the same atoms at the same places and another energy",
                  "keep the frames of one setting of the calculation and one magnetic state",
                  {}},
                 contradicting);
}

namespace {

/// Energies per atom with the frames that they are of, by rising energy.
using Energies = std::vector<std::pair<double, std::size_t>>;

/// Energies of the frames of each composition, such as TiO2; isolated atoms are left out.
std::vector<Energies> energies_by_composition(const std::vector<Frame> &frames)
{
  std::map<std::map<int, int>, Energies> compositions;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (!frames[f].energy || frames[f].num_atoms() < 2) continue;
    std::map<int, int> counts;
    for (const int z : frames[f].atomic_numbers) ++counts[z];
    int divisor = frames[f].num_atoms();
    for (const auto &[z, count] : counts) divisor = std::gcd(divisor, count);
    for (auto &[z, count] : counts) count /= divisor;
    compositions[counts].emplace_back(*frames[f].energy / frames[f].num_atoms(), f);
  }
  std::vector<Energies> sorted;
  for (auto &[counts, energies] : compositions) {
    std::sort(energies.begin(), energies.end());
    sorted.push_back(std::move(energies));
  }
  return sorted;
}

/// Fewest energies that make a heap of their own.
std::size_t least_heap(const Energies &energies)
{
  constexpr double share = 0.02;
  return std::max<std::size_t>(2, std::size_t(share * double(energies.size())));
}

/// Finds the smaller of two heaps that are far apart.
void check_gap(const Energies &energies, Collector &findings)
{
  constexpr double least = 5.0;    // eV per atom
  const std::size_t most = energies.size(), side = least_heap(energies);
  for (std::size_t n = side; n + side <= most; ++n) {
    const double gap = energies[n].first - energies[n - 1].first;
    const double below = energies[n - 1].first - energies[0].first,
                 above = energies[most - 1].first - energies[n].first;
    if (gap < least || gap < 3.0 * std::min(below, above)) continue;
    std::vector<std::size_t> fewer;
    const bool low = n < most - n;
    for (std::size_t k = low ? 0 : n; k < (low ? n : most); ++k)
      fewer.push_back(energies[k].second);
    findings.add(
        {"energies of one composition lie in two heaps, " + format("%.3g", gap) + " eV/atom apart",
         "bring them to one unit and one zero, or remove them",
         {}},
        fewer);
    return;
  }
}

/// Energies of one sign by rising size: the sign that most have.
Energies sizes_of(const Energies &energies)
{
  Energies sizes[2];
  for (const auto &[energy, frame] : energies)
    sizes[energy < 0.0 ? 0 : 1].emplace_back(std::abs(energy), frame);
  Energies &larger = sizes[0].size() >= sizes[1].size() ? sizes[0] : sizes[1];
  std::sort(larger.begin(), larger.end());
  return larger;
}

/// Some of the energies, from one place to another.
struct Heap {
  Energies::const_iterator begin, end;

  std::size_t size() const { return static_cast<std::size_t>(end - begin); }
  double middle() const { return begin[(end - begin) / 2].first; }
  /// Those that are like the middle one.
  Heap core() const
  {
    constexpr double width = 1.6;
    const auto is_less = [](const auto &entry, double size) { return entry.first < size; };
    return {std::lower_bound(begin, end, middle() / width, is_less),
            std::lower_bound(begin, end, middle() * width, is_less)};
  }
  bool is_narrow() const
  {
    constexpr double share = 0.95;
    return double(core().size()) >= share * double(size());
  }
};

/// A unit by the size that energies have in it, where others are in eV.
struct EnergyUnit {
  const char *name;
  double per_ev;
};
constexpr EnergyUnit energy_units[] = {{"Hartree", 1.0 / hartree},
                                       {"Ry", 1.0 / rydberg},
                                       {"kcal/mol", kcal_per_mol},
                                       {"kJ/mol", kj_per_mol}};

/// The unit of one of two heaps, if the other one is in eV.
const EnergyUnit *unit_of(const Heap &heap, const Heap &other)
{
  constexpr double share = 0.08;    // by which heaps may differ: 23.06 and 27.21 do by 17 %
  constexpr double least = 1.0;     // eV per atom: less may be energies above a ground state
  const double ratio = heap.middle() / other.middle();
  for (const EnergyUnit &unit : energy_units)
    if (std::abs(ratio / unit.per_ev - 1.0) < share && other.middle() > least) return &unit;
  return nullptr;
}

/// Energies of a composition that are in another unit than the rest.
struct ForeignUnit {
  const EnergyUnit *unit = nullptr;    ///< none: there are no such energies
  Heap heap{};
};

/// @param sizes  as `sizes_of` has them
ForeignUnit foreign_unit(const Energies &sizes)
{
  const std::size_t side = least_heap(sizes);
  ForeignUnit found;
  double widest = 1.0;    // ratio between two neighbours
  for (std::size_t n = side; n + side <= sizes.size(); ++n) {
    const auto split = sizes.begin() + std::ptrdiff_t(n);
    const double gap = split->first / (split - 1)->first;
    const Heap low{sizes.begin(), split}, high{split, sizes.end()};
    for (const auto &[heap, other] : {std::pair(low, high), std::pair(high, low)}) {
      const EnergyUnit *unit = unit_of(heap, other);
      if (!unit || gap <= widest || !low.is_narrow() || !high.is_narrow()) continue;
      widest = gap;
      found = {unit, heap.core()};
    }
  }
  return found;
}

/// Finds energies that are others of the composition in another unit.
/// @return  frames that have them, by rising index
std::vector<std::size_t> check_energy_unit(const Energies &energies, Collector &findings)
{
  const Energies sizes = sizes_of(energies);
  const ForeignUnit foreign = foreign_unit(sizes);
  std::vector<std::size_t> frames;
  if (!foreign.unit) return frames;
  for (auto entry = foreign.heap.begin; entry != foreign.heap.end; ++entry)
    frames.push_back(entry->second);
  std::sort(frames.begin(), frames.end());
  findings.add({std::string("the energies look like ") + foreign.unit->name +
                    ", those of other frames of the composition like eV",
                "convert them, and forces and stresses with them if they are of that program",
                {}},
               frames);
  return frames;
}

}    // namespace

std::set<std::size_t> check_heaps(const std::vector<Frame> &frames, Collector &findings)
{
  std::set<std::size_t> foreign;
  for (const Energies &energies : energies_by_composition(frames)) {
    const std::vector<std::size_t> own = check_energy_unit(energies, findings);
    foreign.insert(own.begin(), own.end());
    if (own.empty()) check_gap(energies, findings);
  }
  return foreign;
}

std::vector<std::size_t> energy_jumps(const std::vector<ClosePair> &pairs)
{
  constexpr double least = 0.02;    // eV per atom
  std::map<std::size_t, std::vector<double>> misfits;
  std::vector<double> all;
  for (const ClosePair &pair : pairs) {
    if (pair.is_strained && !pair.has_virial) continue;
    const double work = pair.force_work + (pair.is_strained ? stress_work(pair) : 0.0);
    const double misfit = pair.rise - work;
    all.push_back(misfit);
    for (const std::size_t f : {pair.a, pair.b})
      misfits[f].push_back(std::max(0.0, std::abs(misfit) - 3.0 * std::abs(work)));
  }
  const double limit = std::max(least, 10.0 * robust_spread(all));
  std::vector<std::size_t> frames;
  for (const auto &[frame, values] : misfits)
    if (values.size() >= 2 && *std::min_element(values.begin(), values.end()) > limit)
      frames.push_back(frame);
  return frames;
}

}    // namespace almlip::train
