// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/data_check.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "train/check/close_frames.h"
#include "train/check/energy_check.h"
#include "train/check/force_check.h"
#include "train/check/mixed_labels.h"
#include "train/check/stress_check.h"
#include "train/check/zero_labels.h"

namespace almlip::train {

namespace {

/// Indices of frames by a name that they share.
using Sources = std::map<std::string, std::vector<std::size_t>>;

std::vector<std::vector<std::size_t>> kinds_of(const std::vector<Frame> &frames,
                                               const std::vector<std::size_t> &members)
{
  Sources types;
  for (const std::size_t f : members) types[frames[f].config_type].push_back(f);
  std::vector<std::vector<std::size_t>> kinds;
  for (const auto &[name, own] : types) kinds.push_back(own);
  return kinds;
}

/// Units, signs and orders of frames that should have the same ones. True if something was found.
/// @param share  of the work that must agree on it
bool add_unit_findings(const std::vector<Frame> &frames, const std::vector<ClosePair> &pairs,
                       const std::vector<std::size_t> &members, double share, Collector &findings)
{
  auto found = check_forces(pairs, share);    // what follows builds on energies and forces
  if (!found) found = check_stress(pairs, share);
  if (found) add_finding_by_kind(*found, pairs, frames, kinds_of(frames, members), findings);
  return found.has_value();
}

/// Units, signs and offsets of a whole file; if it has none of its own, of each config_type.
void check_file(const std::vector<Frame> &frames, const std::vector<std::size_t> &members,
                Collector &findings)
{
  if (add_unit_findings(frames, close_pairs(frames, members), members, 0.75, findings)) return;
  for (const std::vector<std::size_t> &own : kinds_of(frames, members)) {
    const std::vector<ClosePair> pairs = close_pairs(frames, own);
    if (add_unit_findings(frames, pairs, own, 0.6, findings)) continue;
    if (const auto offset = check_pressure(pairs)) findings.add(*offset, own);
    const std::vector<std::size_t> jumped = energy_jumps(pairs);
    if (!jumped.empty() && jumped.size() < own.size() / 2)
      findings.add({"the energy jumps against frames in nearly the same places",
                    "calculate them again; were electrons not converged, or settings others?",
                    {}},
                   jumped);
  }
}

}    // namespace

std::vector<Finding> check_labels(const std::vector<Frame> &frames)
{
  std::vector<Finding> findings;
  Collector collector(findings);
  if (auto missing = check_missing_forces(frames)) findings.push_back(std::move(*missing));
  for (Finding &zero : check_zero_labels(frames)) findings.push_back(std::move(zero));
  if (auto size = check_stress_size(frames)) findings.push_back(std::move(*size));
  check_repeats(frames, collector);
  const std::set<std::size_t> foreign = check_heaps(frames, collector);
  Sources files, foreign_parts;    // labels are compared where units of energies are the same
  for (std::size_t f = 0; f < frames.size(); ++f)
    (foreign.count(f) > 0 ? foreign_parts : files)[file_of(frames[f])].push_back(f);
  for (const Sources *sources : {&files, &foreign_parts})
    for (const auto &[name, members] : *sources) check_file(frames, members, collector);
  return findings;
}

}    // namespace almlip::train
