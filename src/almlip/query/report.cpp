// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/report.h"

#include <algorithm>
#include <vector>

#include "almlip/text.h"

namespace almlip {
namespace {

using Count = long long;

std::string of_looks(const QueryCounts &counts)
{
  return format("%lld looks: %lld known, %lld at or above lo, %lld candidates, %lld not trusted",
                Count(counts.looks), Count(counts.looks - counts.flagged), Count(counts.flagged),
                Count(counts.candidates), Count(counts.untrusted));
}

/// @param is_compared  with its window
std::string of_numbers(const char *name, const LogHistogram &numbers, const Window &window,
                       bool is_compared)
{
  const std::string limits = format("; lo %.3g, hi %.3g", window.lo, window.hi);
  return format("%s of a look: typically %.3g, at most %.3g", name, numbers.quantile(0.5),
                numbers.largest()) +
         (is_compared ? limits : "");
}

/// Number and unit of the worst that was refused for a reason, if there is one.
std::string worst_of(Refusal refusal, const RefusalTally::Entry &entry)
{
  if (refusal == Refusal::density)
    return format(", from %.4g to %.4g g/cm^3", entry.least, entry.largest);
  const double worst = entry.worst(refusal);
  const char *unit = refusal == Refusal::fmax || refusal == Refusal::above_hi ? "eV/Angstrom"
                     : refusal == Refusal::mindist                            ? "Angstrom"
                     : refusal == Refusal::temperature                        ? "K"
                     : refusal == Refusal::no_element || refusal == Refusal::lost_atoms ? "atoms"
                                                                                        : "";
  return worst != 0.0 && *unit != '\0' ? format(", worst %.4g %s", worst, unit) : "";
}

std::string of_refusals(const RefusalTally &refusals)
{
  std::vector<std::string> reasons;
  for (int i = 0; i < num_refusals; ++i) {
    const auto &entry = refusals.entries[i];
    if (entry.count == 0) continue;
    const auto refusal = static_cast<Refusal>(i);
    reasons.push_back(format("%s %lld (steps %lld to %lld", to_string(refusal).c_str(),
                             Count(entry.count), Count(entry.first_step), Count(entry.last_step)) +
                      worst_of(refusal, entry) + ")");
  }
  return joined(reasons);
}

/// The most frequent reason among some; of equal ones the one that is most to worry about.
Refusal main_refusal(const RefusalTally &refusals)
{
  Refusal most = Refusal::spacing;
  for (const Refusal refusal :
       {Refusal::duplicate, Refusal::temperature, Refusal::density, Refusal::mindist, Refusal::fmax,
        Refusal::no_element, Refusal::above_hi}) {
    const auto count = refusals.of(refusal).count;
    // what is too near in time to a known configuration is so because of that
    const bool explains_spacing = refusal == Refusal::duplicate;
    if (count > 0 && (count >= refusals.of(most).count || explains_spacing)) most = refusal;
  }
  return most;
}

const char *const not_trusted =
    "most looks are not trusted: label and refit what was chosen; if that does not help, "
    "the start set lacks this kind of structure, or hi is too low";

std::string what_would_lift(Refusal refusal)
{
  switch (refusal) {
    case Refusal::above_hi:
      return not_trusted;
    case Refusal::fmax:
    case Refusal::mindist:
    case Refusal::density:
    case Refusal::temperature:
      return "configurations are refused as unphysical: train on frames between these and the "
             "known ones first, or widen gate " +
             to_string(refusal);
    case Refusal::duplicate:
      return "all that is uncertain is known already: label and refit what was chosen before";
    case Refusal::no_element:
      return "some atoms have no element of the potential; give their type one in pair_coeff";
    default:
      return "lower spacing, which is longer than the run";
  }
}

/// Largest sigma (eV/Angstrom) that is rounding: all forces vanish by symmetry or for lack of
/// neighbours.
constexpr double no_sigma = 1e-5;

/// How to have candidates although nothing was uncertain.
std::string lower_limit(const QueryState &state, Measure measure)
{
  if (state.threshold.moves()) return "make the run longer, in which lo falls by itself";
  const RunRecord &run = state.run;
  const LogHistogram &numbers = measure == Measure::energy    ? run.energy
                                : measure == Measure::novelty ? run.novelty
                                                              : run.sigma;
  const char *unit = measure == Measure::energy    ? " eV per atom"
                     : measure == Measure::novelty ? ""
                                                   : " eV/Angstrom";
  return format("lower lo below %.3g", numbers.quantile(0.9)) + unit;
}

std::string use_of(const RunFiles &files)
{
  const auto &batches = files.batches;
  const std::string chosen = batches.empty()       ? "what was chosen"
                             : batches.size() == 1 ? batches[0]
                                                   : batches.front() + " to " + batches.back();
  std::string text = "label " + chosen + " and refit: almlip label, almlip train";
  if (files.spool.empty()) return text;
  return text + "; of several runs choose once: almlip select POT " + files.spool + " ...";
}

/// Runs in a row without a candidate that somebody should know of.
constexpr int many_runs = 3;

/// What to try; empty if all is well.
std::string advice(const QueryState &state, Measure measure, const RunFiles &files,
                   const LookedAt &looked_at)
{
  const RunRecord &run = state.run;
  const double looks = static_cast<double>(run.counts.looks);
  if (looked_at.num_atoms == 0)
    return "the group has no atom, so that nothing could be uncertain; give one with atoms";
  if (run.exploded)
    return run.counts.batches > 0
               ? "the run has blown up: " + use_of(files)
               : "the run has blown up before anything was worth a label: lower the timestep, or "
                 "begin from other positions or velocities";
  if (run.counts.candidates == 0 && run.counts.flagged > 0)
    return what_would_lift(main_refusal(run.refusals));
  if (static_cast<double>(run.counts.untrusted) > 0.5 * looks) return not_trusted;
  if (run.counts.batches > 0) return use_of(files);
  if (run.counts.candidates > 0) return {};
  if (measure != Measure::novelty && measure != Measure::energy && run.sigma.largest() < no_sigma)
    return "no atom has a force that could be uncertain: either none has a neighbour within the "
           "cutoff (look at units and lattice constant), or all forces vanish by symmetry "
           "(displace "
           "the atoms)";
  return "nothing was uncertain: go on to other structures or higher temperatures, or " +
         lower_limit(state, measure) +
         (state.runs_without_candidates < many_runs ? "" : ", or use threshold none");
}

}    // namespace

std::string run_report(const QueryState &state, const QueryRule &rule, const RunFiles &files,
                       const LookedAt &looked_at, const std::string &where)
{
  const RunRecord &run = state.run;
  std::vector<std::string> lines{of_looks(run.counts)};
  const bool any = rule.measure == Measure::any;
  lines.push_back(of_numbers("largest sigma (eV/Angstrom)", run.sigma, rule.force,
                             any || rule.measure == Measure::force));
  if (looked_at.has_novelty)
    lines.push_back(of_numbers("largest novelty", run.novelty, rule.novelty,
                               any || rule.measure == Measure::novelty));
  if (rule.measure == Measure::energy)
    lines.push_back(of_numbers("energy spread (eV per atom)", run.energy, rule.energy, true));
  if (!run.worst.empty()) lines.push_back("not trusted first: " + run.worst);
  const std::string refusals = of_refusals(run.refusals);
  if (!refusals.empty()) lines.push_back("not taken: " + refusals);
  lines.push_back(format("%lld batches with %lld configurations; %d candidates wait",
                         Count(run.counts.batches), Count(run.counts.selected),
                         state.buffer.size()));
  const std::string hint = advice(state, rule.measure, files, looked_at);
  const std::string so_far =
      state.runs_without_candidates < many_runs
          ? ""
          : format("%d runs in a row gave no candidate; ", state.runs_without_candidates);
  if (!hint.empty()) lines.push_back("to do: " + so_far + hint);

  std::string text;
  for (const std::string &line : lines) text += where + line + "\n";
  return text;
}

}    // namespace almlip
