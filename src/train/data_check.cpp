// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/data_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "almlip/text.h"
#include "train/close_frames.h"
#include "train/robust_statistics.h"

namespace almlip::train {

namespace {

constexpr double gpa = 160.2176634;    // of 1 eV/Angstrom^3
constexpr std::size_t least_pairs = 16;

/// A mistake of units that makes a slope differ from 1.
struct Unit {
  double slope;
  const char *text;
};

/// The mistake that is nearest to a slope, if one is within a share of it.
std::optional<Unit> mistake_of(double slope, const std::vector<Unit> &units, double share)
{
  std::optional<Unit> nearest;
  for (const Unit &unit : units)
    if (std::abs(slope / unit.slope - 1.0) <
        (nearest ? std::abs(slope / nearest->slope - 1.0) : share))
      nearest = unit;
  return nearest;
}

/// A factor that may come from frames that are not quite close.
bool is_near_one(double factor) { return std::abs(factor) > 1.0 / 3.0 && std::abs(factor) < 3.0; }

std::string number(double value) { return format("%.3g", value); }

/// Indices of frames by a name that they share.
using Sources = std::map<std::string, std::vector<std::size_t>>;

std::string file_of(const Frame &frame)
{
  return frame.source.substr(0, frame.source.rfind(", frame"));
}

/// Findings of one kind, from several sources, as one.
class Collector {
 public:
  explicit Collector(std::vector<Finding> &findings) : findings_(findings) {}
  void add(const Finding &finding, const std::vector<std::size_t> &frames)
  {
    const auto like = std::find_if(findings_.begin(), findings_.end(), [&](const Finding &f) {
      return f.what == finding.what && f.repair.kind == finding.repair.kind;
    });
    Finding &place = like == findings_.end() ? findings_.emplace_back(finding) : *like;
    place.frames.insert(place.frames.end(), frames.begin(), frames.end());
  }

 private:
  std::vector<Finding> &findings_;
};

/// Work of the stress along the strain, eV per atom.
double stress_work(const ClosePair &pair)
{
  double work = 0.0;
  for (std::size_t q = 0; q < 6; ++q) work -= pair.virial[q] * pair.strain[q];
  return work;
}

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
        if (work.size() < least_pairs) take(pairs, strained, farthest);
      }
    slope = median_slope(work, rise);
  }

  /// @param farthest  distance of the pairs, Angstrom
  void take(const std::vector<ClosePair> &pairs, bool strained, double farthest)
  {
    constexpr double least_work = 2e-5;    // eV per atom
    work.clear(), rise.clear();
    std::vector<double> of_stress;
    for (const ClosePair &pair : pairs) {
      if (pair.is_strained && !(strained && pair.has_virial)) continue;
      if (std::abs(pair.force_work) < least_work || pair.distance > farthest) continue;
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
    return work.size() >= least_pairs && share_near(work, rise, slope) > share;
  }
};

std::optional<Finding> force_finding(const ForceCheck &check)
{
  static const std::vector<Unit> units = {
      {1.0 / 13.605693, "the energies look like Ry, the forces like eV/Angstrom"},
      {1.0 / 27.211386, "the energies look like Hartree, the forces like eV/Angstrom"},
      {96.48533, "the energies look like kJ/mol, the forces like eV/Angstrom"},
      {23.06055, "the energies look like kcal/mol, the forces like eV/Angstrom"},
      {25.711043, "the forces look like Ry/bohr, the energies like eV"},
      {51.422067, "the forces look like Hartree/bohr, the energies like eV"}};
  if (std::abs(check.slope - 1.0) < 0.3) return {};
  if (std::abs(check.slope + 1.0) < 0.3)
    return Finding{"the forces have the wrong sign: energies rise along them",
                   "change their sign (--fix does)",
                   {},
                   {Repair::Kind::scale_forces, -1.0}};
  if (is_near_one(check.slope)) return {};
  const std::string factor =
      "energy differences are " + number(check.slope) + " times the work of the forces";
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

/// Energy differences of strained cells against the work of forces and stress.
struct StressCheck {
  struct Row {
    double rise;           ///< without the work of the forces, eV per atom
    double volume_work;    ///< eV per atom for an offset of 1 eV/Angstrom^3
    const ClosePair *pair;
  };
  std::vector<Row> rows;

  explicit StressCheck(const std::vector<ClosePair> &pairs)
  {
    for (const ClosePair &pair : pairs) {
      if (!pair.is_strained || !pair.has_virial) continue;
      // what the forces leave over would be their error
      if (std::abs(pair.force_work) > 0.5 * std::abs(pair.rise - pair.force_work)) continue;
      const double trace = pair.strain[0] + pair.strain[1] + pair.strain[2];
      rows.push_back({pair.rise - pair.force_work, pair.volume * trace, &pair});
    }
  }

  std::vector<double> rises() const
  {
    std::vector<double> values;
    for (const Row &row : rows) values.push_back(row.rise);
    return values;
  }

  /// Whether a fit leaves little of the energy differences: the frames are close enough.
  bool is_explained(const TwoSlopes &fit) const
  {
    double size = 0.0;
    for (const Row &row : rows) size += std::abs(row.rise) / static_cast<double>(rows.size());
    return fit.misfit < 0.3 * size;
  }

  /// Share of the work that has the slope of a fit.
  double share_of(const TwoSlopes &fit, const std::array<int, 3> &shear) const
  {
    std::vector<double> rest = rises();
    for (std::size_t n = 0; n < rows.size(); ++n) rest[n] -= fit.second * rows[n].volume_work;
    return share_near(work(shear), rest, fit.first);
  }

  /// Work if xy, xz, yz are taken from these components of the virial.
  std::vector<double> work(const std::array<int, 3> &shear) const
  {
    std::vector<double> sums;
    for (const Row &row : rows) {
      double sum = 0.0;
      for (std::size_t q = 0; q < 6; ++q) {
        const auto from = q < 3 ? q : static_cast<std::size_t>(shear[q - 3]);
        sum -= row.pair->virial[from] * row.pair->strain[q];
      }
      sums.push_back(sum);
    }
    return sums;
  }
};

TwoSlopes fit_stress(const StressCheck &check, const std::vector<double> &work)
{
  std::vector<double> volume_works;
  for (const StressCheck::Row &row : check.rows) volume_works.push_back(row.volume_work);
  return fit_two_slopes(work, volume_works, check.rises());
}

/// Whether an order of the shear components explains energies better in most of the pairs that
/// tell the orders apart.
bool speaks_for(const StressCheck &check, const std::array<int, 3> &shear, const TwoSlopes &plain,
                const TwoSlopes &other)
{
  const std::vector<double> as_given = check.work({3, 4, 5}), exchanged = check.work(shear);
  std::size_t telling = 0, better = 0;
  for (std::size_t n = 0; n < check.rows.size(); ++n) {
    if (std::abs(as_given[n] - exchanged[n]) < 3.0 * other.misfit) continue;
    const double rise = check.rows[n].rise, volume_work = check.rows[n].volume_work;
    const double before = rise - plain.first * as_given[n] - plain.second * volume_work,
                 after = rise - other.first * exchanged[n] - other.second * volume_work;
    ++telling;
    if (std::abs(after) < std::abs(before)) ++better;
  }
  return telling >= least_pairs && better > 0.8 * static_cast<double>(telling);
}

std::optional<Finding> exchange_finding(const StressCheck &check, const TwoSlopes &plain)
{
  const ShearOrder *found = nullptr;
  double least = 0.5 * plain.misfit;
  for (const ShearOrder &order : shear_orders) {
    const TwoSlopes fit = fit_stress(check, check.work(order.components));
    if (fit.misfit > least || !check.is_explained(fit)) continue;
    if (speaks_for(check, order.components, plain, fit)) least = fit.misfit, found = &order;
  }
  if (!found) return {};
  return exchanged_shear(*found);
}

std::optional<Finding> stress_unit_finding(const TwoSlopes &fit)
{
  static const std::vector<Unit> units = {
      {1.0 / gpa, "the stress looks like GPa"},
      {0.1 / gpa, "the stress looks like kbar"},
      {1e-4 / gpa, "the stress looks like bar"},
      {-1.0 / gpa, "the stress looks like GPa with the sign of a pressure"},
      {-0.1 / gpa, "the stress looks like kbar with the sign of a pressure"},
      {-1e-4 / gpa, "the stress looks like bar with the sign of a pressure"},
      {-1.0, "the stress has the wrong sign: energies rise where it says that they fall"}};
  if (std::abs(fit.first - 1.0) < 0.3) return {};
  std::optional<Unit> nearest;
  for (const Unit &unit : units)
    if (std::abs(fit.first / unit.slope - 1.0) < 0.3) nearest = unit;
  if (!nearest && is_near_one(fit.first)) return {};
  if (!nearest)
    return Finding{"energy differences of strained cells are " + number(fit.first) +
                       " times the work of the stress",
                   "find its unit, which must be eV/Angstrom^3 for a stress and eV for a virial",
                   {}};
  return Finding{
      nearest->text, "convert it (--fix does)", {}, {Repair::Kind::scale_virial, nearest->slope}};
}

/// The third-order error of the trapezoidal rule grows with the square of the strain: 0.1 GPa for
/// the usual anharmonicity of metals at this one.
constexpr double small_strain = 0.02;

double norm(const Tensor6 &strain)
{
  double sum = 0.0;
  for (const double component : strain) sum += component * component;
  return std::sqrt(sum);
}

std::optional<Finding> offset_finding(const std::vector<ClosePair> &pairs,
                                      const std::array<int, 3> &shear)
{
  constexpr double least = 0.5, most = 20.0, least_dilation = 1e-3;    // GPa; of the volume
  std::vector<ClosePair> small;
  std::size_t num_dilated = 0;
  for (const ClosePair &pair : pairs) {
    if (!pair.is_strained || !pair.has_virial || norm(pair.strain) > small_strain) continue;
    small.push_back(pair);
    if (std::abs(pair.strain[0] + pair.strain[1] + pair.strain[2]) > least_dilation) ++num_dilated;
  }
  if (num_dilated < least_pairs) return {};
  const StressCheck check(small);
  const std::vector<double> work = check.work(shear), nothing(work.size(), 0.0);
  const TwoSlopes fit = fit_stress(check, work),
                  plain = fit_two_slopes(work, nothing, check.rises());
  const double offset = fit.second * gpa;
  const bool is_sure = std::abs(fit.second) > 5.0 * fit.second_error &&
                       fit.misfit < 0.5 * plain.misfit && check.is_explained(fit);
  if (!is_sure || std::abs(offset) < least || std::abs(offset) > most) return {};
  return pressure_offset(offset);    // a pressure is minus the mean stress
}

/// An exchange of shear components, or a wrong unit or sign, if most of the work says so.
std::optional<Finding> stress_finding(const std::vector<ClosePair> &pairs, double share)
{
  const StressCheck check(pairs);
  if (check.rows.size() < least_pairs) return {};
  const std::array<int, 3> as_given{3, 4, 5};
  const TwoSlopes fit = fit_stress(check, check.work(as_given));
  if (auto exchange = exchange_finding(check, fit)) return exchange;
  if (!check.is_explained(fit) || check.share_of(fit, as_given) < share) return {};
  return stress_unit_finding(fit);
}

/// Frames whose energy differs from those of all their close ones by more than any work.
std::vector<std::size_t> jumps(const std::vector<ClosePair> &pairs)
{
  constexpr double least = 0.02;    // eV per atom
  std::map<std::size_t, std::vector<double>> misfits;
  std::vector<double> all;
  for (const ClosePair &pair : pairs) {
    if (pair.is_strained && !pair.has_virial) continue;
    double work = pair.force_work;
    for (std::size_t q = 0; q < 6 && pair.is_strained; ++q) work -= pair.virial[q] * pair.strain[q];
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

void add_repeats(const std::vector<Frame> &frames, Collector &findings)
{
  constexpr double same_energy = 1e-3;    // eV per atom
  std::vector<std::size_t> twice, contradicting;
  for (const Repeat &repeat : repeated_frames(frames))
    (std::abs(repeat.rise) < same_energy ? twice : contradicting).push_back(repeat.later);
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

/// Energies per atom in two heaps: different zeros or units in one set.
void add_gap(const std::vector<Frame> &frames, Collector &findings)
{
  constexpr double least = 5.0, share = 0.02;    // eV per atom
  std::map<std::map<int, int>, std::vector<std::pair<double, std::size_t>>> compositions;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (!frames[f].energy || frames[f].num_atoms() < 2) continue;
    std::map<int, int> counts;
    for (const int z : frames[f].atomic_numbers) ++counts[z];
    int divisor = 0;
    for (const auto &[z, count] : counts) divisor = std::gcd(divisor, count);
    for (auto &[z, count] : counts) count /= divisor;
    compositions[counts].emplace_back(*frames[f].energy / frames[f].num_atoms(), f);
  }
  for (auto &[counts, energies] : compositions) {
    std::sort(energies.begin(), energies.end());
    const std::size_t most = energies.size(),
                      side = std::max<std::size_t>(2, std::size_t(share * double(most)));
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
          {"energies of one composition lie in two heaps, " + number(gap) + " eV/atom apart",
           "bring them to one unit and one zero, or remove them",
           {}},
          fewer);
      break;
    }
  }
}

/// Units and signs of frames that should have the same ones. True if something was found.
/// @param share  of the work that must agree on it
bool add_unit_findings(const std::vector<ClosePair> &pairs, const std::vector<std::size_t> &frames,
                       double share, Collector &findings)
{
  const ForceCheck forces(pairs);
  const auto force = forces.is_sure(share) ? force_finding(forces) : std::nullopt;
  if (force) findings.add(*force, frames);
  if (force) return true;    // what follows builds on energies and forces
  const auto stress = stress_finding(pairs, share);
  if (stress) findings.add(*stress, frames);
  return stress.has_value();
}

/// Units, signs and offsets of a whole file; if it has none of its own, of each config_type.
void check_file(const std::vector<Frame> &frames, const std::vector<std::size_t> &members,
                Collector &findings)
{
  if (add_unit_findings(close_pairs(frames, members), members, 0.75, findings)) return;
  Sources types;
  for (const std::size_t f : members) types[frames[f].config_type].push_back(f);
  for (const auto &[name, own] : types) {
    const std::vector<ClosePair> pairs = close_pairs(frames, own);
    if (add_unit_findings(pairs, own, 0.6, findings)) continue;
    if (const auto offset = offset_finding(pairs, {3, 4, 5})) findings.add(*offset, own);
    const std::vector<std::size_t> jumped = jumps(pairs);
    if (!jumped.empty() && jumped.size() < own.size() / 2)
      findings.add({"the energy jumps against frames in nearly the same places",
                    "calculate them again; were electrons not converged, or settings others?",
                    {}},
                   jumped);
  }
}

}    // namespace

Finding exchanged_shear(const ShearOrder &order)
{
  Finding finding{std::string("shear components of the stress are exchanged: ") + order.text,
                  "put them in order (--fix does); VASP, for one, prints xx yy zz xy yz zx",
                  {}};
  finding.repair = {Repair::Kind::exchange_shear, 1.0, order.components};
  return finding;
}

Finding pressure_offset(double offset)
{
  return {"the pressure is " + format("%.1f", std::abs(offset)) + " GPa " +
              (offset < 0.0 ? "below" : "above") + " that of the energies (Pulay stress)",
          "raise the plane-wave cutoff, or learn without stresses (--weight-stress 0)",
          {}};
}

std::vector<Finding> check_labels(const std::vector<Frame> &frames)
{
  std::vector<Finding> findings;
  Collector collector(findings);
  add_repeats(frames, collector);
  add_gap(frames, collector);
  Sources files;
  for (std::size_t f = 0; f < frames.size(); ++f) files[file_of(frames[f])].push_back(f);
  for (const auto &[name, members] : files) check_file(frames, members, collector);
  return findings;
}

namespace {

void repair_frame(Frame &frame, const Repair &repair)
{
  if (repair.kind == Repair::Kind::scale_energy && frame.energy) *frame.energy *= repair.factor;
  if (repair.kind == Repair::Kind::scale_forces)
    for (double &force : frame.forces) force *= repair.factor;
  if (!frame.virial) return;
  const Tensor6 given = *frame.virial;
  for (std::size_t q = 0; q < 6; ++q) {
    double &component = (*frame.virial)[q];
    if (repair.kind == Repair::Kind::scale_virial) component *= repair.factor;
    if (repair.kind == Repair::Kind::exchange_shear && q > 2)
      component = given[static_cast<std::size_t>(repair.shear[q - 3])];
  }
}

}    // namespace

std::size_t repair(std::vector<Frame> &frames, const std::vector<Finding> &findings)
{
  std::vector<bool> touched(frames.size(), false), removed(frames.size(), false);
  for (const Finding &finding : findings) {
    if (finding.repair.kind == Repair::Kind::none) continue;
    for (const std::size_t f : finding.frames) {
      touched[f] = true;
      if (finding.repair.kind == Repair::Kind::remove)
        removed[f] = true;
      else
        repair_frame(frames[f], finding.repair);
    }
  }
  std::vector<Frame> kept;
  for (std::size_t f = 0; f < frames.size(); ++f)
    if (!removed[f]) kept.push_back(std::move(frames[f]));
  frames = std::move(kept);
  return static_cast<std::size_t>(std::count(touched.begin(), touched.end(), true));
}

std::string text_of(const std::vector<Finding> &findings, const std::vector<Frame> &frames)
{
  constexpr std::size_t most_named = 3;
  std::string text;
  for (const Finding &finding : findings) {
    text += "  " + std::to_string(finding.frames.size()) + " of " + std::to_string(frames.size()) +
            " frames: " + finding.what + "\n    " + finding.remedy + "\n    ";
    std::string file;
    for (std::size_t n = 0; n < std::min(most_named, finding.frames.size()); ++n) {
      const Frame &frame = frames[finding.frames[n]];
      const bool new_file = file_of(frame) != file;
      file = file_of(frame);
      text += n > 0 ? "; " : "";
      text += new_file ? frame.source : frame.source.substr(file.size() + 2);
    }
    text += finding.frames.size() > most_named ? "; ...\n" : "\n";
  }
  return text;
}

}    // namespace almlip::train
