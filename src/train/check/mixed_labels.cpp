// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/mixed_labels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "train/check/robust_statistics.h"

namespace almlip::train {

namespace {

constexpr std::size_t fewest = 3;    // frames of which a part is believed

PairLabels repaired_labels(PairLabels labels, const Repair &repair)
{
  if (repair.kind == Repair::Kind::scale_energy) labels.energy *= repair.factor;
  if (repair.kind == Repair::Kind::scale_forces) labels.force_work *= repair.factor;
  labels.half_virial = repaired_virial(labels.half_virial, repair);
  return labels;
}

/// Energy that forces and stress leave unexplained, eV per atom.
/// @param repaired  whether the first and the second frame are
double misfit(const ClosePair &pair, const Repair &repair, const std::array<bool, 2> &repaired)
{
  double rest = 0.0;
  for (std::size_t side = 0; side < 2; ++side) {
    const PairLabels &given = pair.labels[side];
    const PairLabels labels = repaired[side] ? repaired_labels(given, repair) : given;
    rest += (side == 0 ? -1.0 : 1.0) * labels.energy - labels.force_work;
    for (std::size_t q = 0; q < 6 && pair.is_strained; ++q)
      rest += labels.half_virial[q] * pair.strain[q];
  }
  return std::abs(rest);
}

/// Whether a repair changes a label by more than nothing.
bool is_of_account(const Frame &frame, const Repair &repair)
{
  constexpr double small_force = 0.01, small_stress = 1e-4;    // eV/Angstrom, eV/Angstrom^3
  if (repair.kind == Repair::Kind::scale_energy) return frame.energy.has_value();
  double change = 0.0;
  if (repair.kind == Repair::Kind::scale_forces) {
    for (const double force : frame.forces)
      change = std::max(change, std::abs((repair.factor - 1.0) * force));
    return change > small_force;
  }
  if (!frame.virial) return false;
  const Tensor6 repaired = repaired_virial(*frame.virial, repair);
  for (std::size_t q = 0; q < 6; ++q)
    change = std::max(change, std::abs(repaired[q] - (*frame.virial)[q]));
  return change > small_stress * frame.volume();
}

/// Which frames of a group need a repair, by the energies of close frames.
class MixedLabels {
 public:
  MixedLabels(const std::vector<ClosePair> &pairs, const Repair &repair) : repair_(repair)
  {
    for (const ClosePair &pair : pairs) {
      if (pair.is_strained && !pair.has_virial) continue;
      for (const std::size_t f : {pair.a, pair.b}) {
        pairs_of_[f].push_back(&pair);
        needs_[f] = true;
      }
    }
    for (int round = 0, changed = 1; round < max_rounds && changed; ++round) {
      changed = 0;
      for (auto &[frame, needs] : needs_) {
        const bool better = misfit_of(frame, true) <= misfit_of(frame, false);
        changed += better != needs;
        needs = better;
      }
    }
  }

  enum class Verdict { needs, is_right, unsure, leans_against };
  Verdict of(std::size_t frame) const
  {
    constexpr double clear = 0.3;
    if (pairs_of_.count(frame) == 0) return Verdict::unsure;
    const double with = misfit_of(frame, true), without = misfit_of(frame, false);
    if (with < clear * without) return Verdict::needs;
    if (without < clear * with) return Verdict::is_right;
    return is_order() && without < with ? Verdict::leans_against : Verdict::unsure;
  }

 private:
  /// An order may be that of some frames, a unit is commonly that of a file.
  bool is_order() const { return repair_.kind == Repair::Kind::exchange_shear; }

  static constexpr int max_rounds = 20;

  /// Mean over its pairs, if the others are as they seem to be, eV per atom.
  double misfit_of(std::size_t frame, bool repaired) const
  {
    std::vector<double> misfits;
    for (const ClosePair *pair : pairs_of_.at(frame)) {
      std::array<bool, 2> needs{needs_.at(pair->a), needs_.at(pair->b)};
      needs[pair->a == frame ? 0 : 1] = repaired;
      misfits.push_back(misfit(*pair, repair_, needs));
    }
    return median(misfits);
  }

  Repair repair_;
  std::map<std::size_t, std::vector<const ClosePair *>> pairs_of_;
  std::map<std::size_t, bool> needs_;
};

}    // namespace

void add_finding(const Finding &finding, const std::vector<ClosePair> &pairs,
                 const std::vector<std::size_t> &frames, Collector &findings)
{
  constexpr double min_share = 0.05;
  if (finding.repair.kind == Repair::Kind::none) return findings.add(finding, frames);
  const MixedLabels labels(pairs, finding.repair);
  std::map<MixedLabels::Verdict, std::vector<std::size_t>> parts;
  for (const std::size_t f : frames) parts[labels.of(f)].push_back(f);
  std::vector<std::size_t> &needs = parts[MixedLabels::Verdict::needs],
                           &unsure = parts[MixedLabels::Verdict::unsure];
  const std::size_t num_right = parts[MixedLabels::Verdict::is_right].size();
  const std::vector<std::size_t> &against = parts[MixedLabels::Verdict::leans_against];
  if (num_right == 0) unsure.insert(unsure.end(), against.begin(), against.end());
  if (num_right < fewest || double(num_right) < min_share * double(frames.size())) {
    needs.insert(needs.end(), unsure.begin(), unsure.end());
    std::sort(needs.begin(), needs.end());
    return findings.add(finding, needs);
  }
  findings.add(finding, needs);
  findings.add({finding.what + ", or not: others of their file are right, and none is near enough",
                "look which calculation they are from, and put each into a file of its own",
                {}},
               unsure);
}

void add_finding_by_kind(const Finding &finding, const std::vector<ClosePair> &pairs,
                         const std::vector<Frame> &frames,
                         const std::vector<std::vector<std::size_t>> &kinds, Collector &findings)
{
  const MixedLabels labels(pairs, finding.repair);
  for (const std::vector<std::size_t> &kind : kinds) {
    std::size_t num_wrong = 0, num_right = 0;
    std::vector<std::size_t> changed;
    for (const std::size_t f : kind) {
      const MixedLabels::Verdict verdict = labels.of(f);
      num_wrong += verdict == MixedLabels::Verdict::needs;
      num_right += verdict == MixedLabels::Verdict::is_right;
      if (is_of_account(frames[f], finding.repair)) changed.push_back(f);
    }
    const bool tells = num_wrong > num_right ? num_wrong > kind.size() / 4 : num_wrong >= fewest;
    if (tells || kinds.size() == 1 || finding.repair.kind == Repair::Kind::none)
      add_finding(finding, pairs, kind, findings);
    else if (num_right <= num_wrong && !changed.empty())
      findings.add({"none is near enough to another to tell whether, as of others of the file, " +
                        finding.what,
                    "they are left as they are; check them with --potential",
                    {},
                    {},
                    true},
                   changed);
  }
}

}    // namespace almlip::train
