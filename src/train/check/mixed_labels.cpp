// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/mixed_labels.h"

#include <array>
#include <cmath>
#include <map>

#include "train/check/robust_statistics.h"

namespace almlip::train {

namespace {

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

  enum class Verdict { needs, is_right, unsure };
  Verdict of(std::size_t frame) const
  {
    constexpr double clear = 0.3;
    if (pairs_of_.count(frame) == 0) return Verdict::unsure;
    const double with = misfit_of(frame, true), without = misfit_of(frame, false);
    if (with < clear * without) return Verdict::needs;
    return without < clear * with ? Verdict::is_right : Verdict::unsure;
  }

 private:
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
  constexpr std::size_t fewest = 3;
  constexpr double min_share = 0.05;
  if (finding.repair.kind == Repair::Kind::none) return findings.add(finding, frames);
  const MixedLabels labels(pairs, finding.repair);
  std::map<MixedLabels::Verdict, std::vector<std::size_t>> parts;
  for (const std::size_t f : frames) parts[labels.of(f)].push_back(f);
  const std::size_t num_right = parts[MixedLabels::Verdict::is_right].size();
  if (num_right < fewest || double(num_right) < min_share * double(frames.size()))
    return findings.add(finding, frames);
  findings.add(finding, parts[MixedLabels::Verdict::needs]);
  findings.add({finding.what + ", or not: others of their file are right, and none is near enough",
                "look which calculation they are from, and put each into a file of its own",
                {}},
               parts[MixedLabels::Verdict::unsure]);
}

}    // namespace almlip::train
