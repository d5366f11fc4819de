// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/force_check.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "almlip/text.h"
#include "train/check/robust_statistics.h"
#include "train/check/stress_check.h"
#include "train/check/unit_mistake.h"
#include "train/units.h"

namespace almlip::train {

namespace {

/// Energy differences against the work of the forces; in strained cells also of the stress, if
/// there are too few at the same cell.
struct ForceCheck {
  std::vector<double> work, rise;    ///< eV per atom
  double slope = 0.0;

  explicit ForceCheck(const std::vector<ClosePair> &pairs)
  {
    // from the most exact ones to the most
    for (const bool strained : {false, true})
      for (const double farthest : {0.2, 0.4, 0.6}) {
        if (work.size() < min_pairs) take(pairs, strained, farthest);
      }
    slope = median_slope(work, rise);
  }

  /// @param farthest  distance of the pairs, Angstrom
  void take(const std::vector<ClosePair> &pairs, bool strained, double farthest)
  {
    constexpr double min_work = 2e-5;    // eV per atom
    work.clear(), rise.clear();
    std::vector<double> of_stress;
    for (const ClosePair &pair : pairs) {
      if (pair.is_strained && !(strained && pair.has_virial)) continue;
      if (std::abs(pair.force_work) < min_work || pair.distance > farthest) continue;
      work.push_back(pair.force_work);
      rise.push_back(pair.rise);
      of_stress.push_back(pair.is_strained ? stress_work(pair) : 0.0);
    }
    const double factor = strained ? fit_two_slopes(work, of_stress, rise).second : 0.0;
    for (std::size_t n = 0; n < work.size(); ++n) rise[n] -= factor * of_stress[n];
  }

  /// @param share  of the work that must have the slope
  bool is_sure(double share) const
  {
    return work.size() >= min_pairs && share_near(work, rise, slope) > share;
  }
};

/// Energies and forces contradict each other in sign: two of three labels outvote the third.
Finding sign_finding(std::vector<ClosePair> pairs)
{
  for (ClosePair &pair : pairs) pair.rise = -pair.rise;
  if (stress_agrees(pairs))
    return {"the energies have the wrong sign: forces and stress agree against them",
            "change their sign (--fix does)",
            {},
            {Repair::Kind::scale_energy, -1.0}};
  return {"the forces have the wrong sign: energies rise along them",
          "change their sign (--fix does)",
          {},
          {Repair::Kind::scale_forces, -1.0}};
}

std::optional<Finding> force_finding(const ForceCheck &check, const std::vector<ClosePair> &pairs)
{
  static const std::vector<UnitMistake> units = {
      {1.0 / rydberg, "the energies look like Ry, the forces like eV/Angstrom"},
      {1.0 / hartree, "the energies look like Hartree, the forces like eV/Angstrom"},
      {kj_per_mol, "the energies look like kJ/mol, the forces like eV/Angstrom"},
      {kcal_per_mol, "the energies look like kcal/mol, the forces like eV/Angstrom"},
      {25.711043, "the forces look like Ry/bohr, the energies like eV"},
      {51.422067, "the forces look like Hartree/bohr, the energies like eV"}};
  if (is_near(check.slope, 1.0)) return {};
  if (is_near(check.slope, -1.0)) return sign_finding(pairs);
  if (is_near_one(check.slope)) return {};
  const std::string factor =
      "energy differences are " + format("%.3g", check.slope) + " times the work of the forces";
  const auto unit = mistake_of(check.slope, units, 0.12);
  if (!unit) return Finding{factor, "find the units, which must be eV and eV/Angstrom", {}};
  Finding finding{std::string(unit->text) + " (" + factor + ")", "convert them", {}};
  if (!mistake_of(check.slope, {*unit}, 0.04)) {    // 23.06 and 25.71 differ by 11 %
    finding.remedy += ", but make sure of the unit: the factor is not exactly that";
    return finding;
  }
  finding.remedy += " (--fix does)";
  const bool is_energy = std::string(unit->text).find("the energies") == 0;
  finding.repair = is_energy ? Repair{Repair::Kind::scale_energy, 1.0 / unit->slope}
                             : Repair{Repair::Kind::scale_forces, unit->slope};
  return finding;
}

/// Names of the columns of numbers that are no labels, sorted.
std::set<std::string> other_columns(const Frame &frame)
{
  std::set<std::string> names;
  for (const auto &[name, values] : frame.per_atom_vectors) names.insert(name);
  for (const auto &[name, values] : frame.per_atom) names.insert(name);
  return names;
}

bool looks_like_forces(const std::string &name)
{
  for (const char *part : {"forc", "Forc", "FORC"})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

}    // namespace

std::optional<Finding> check_missing_forces(const std::vector<Frame> &frames)
{
  const bool none = std::all_of(frames.begin(), frames.end(),
                                [](const Frame &frame) { return frame.forces.empty(); });
  Finding finding;
  std::set<std::string> columns;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (!frames[f].forces.empty()) continue;
    std::set<std::string> names = other_columns(frames[f]);
    const bool likely = std::any_of(names.begin(), names.end(), looks_like_forces);
    if (!none && !likely) continue;
    finding.frames.push_back(f);
    columns.merge(names);
  }
  if (finding.frames.empty()) return {};
  finding.what = "there is no column of forces (forces, force, REF_forces or dft_forces)";
  if (!columns.empty())
    finding.what += "; other columns are " + joined({columns.begin(), columns.end()});
  finding.remedy = columns.empty() ? "calculate forces, in eV/Angstrom, as a column forces:R:3"
                                   : "name the forces with --forces-key, or calculate them";
  return finding;
}

std::optional<Finding> check_forces(const std::vector<ClosePair> &pairs, double share)
{
  const ForceCheck check(pairs);
  return check.is_sure(share) ? force_finding(check, pairs) : std::nullopt;
}

}    // namespace almlip::train
