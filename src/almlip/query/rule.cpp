// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/rule.h"

#include <array>
#include <cmath>

#include "almlip/error.h"
#include "almlip/text.h"

namespace almlip {
namespace {

constexpr std::array<const char *, 4> measure_names{"force", "energy", "novelty", "any"};

void refuse(Decision &decision, Refusal refusal, double value)
{
  decision.verdict = Decision::Verdict::refused;
  decision.refusal = refusal;
  decision.value = value;
}

}    // namespace

Measure parse_measure(const std::string &name)
{
  for (std::size_t i = 0; i < measure_names.size(); ++i)
    if (name == measure_names[i]) return static_cast<Measure>(i);
  fail("measure is '", name, "', but it must be force, energy, novelty or any");
}

std::string to_string(Measure measure) { return measure_names.at(static_cast<int>(measure)); }

double energy_spread(const std::vector<double> &member_energies)
{
  const double count = static_cast<double>(member_energies.size());
  if (count < 2.0) return 0.0;
  double mean = 0.0, sum_of_squares = 0.0;
  for (const double energy : member_energies) mean += energy / count;
  for (const double energy : member_energies) sum_of_squares += (energy - mean) * (energy - mean);
  return std::sqrt(sum_of_squares / (count - 1.0));
}

Decision QueryRule::decide(const Observation &seen) const
{
  Decision decision;
  if (!seen.not_finite.empty() || seen.num_lost > 0) {
    const bool lost = seen.num_lost > 0;
    decision.flagged = decision.untrusted = decision.exploded = true;
    decision.why = lost ? format("lost atoms: %lld", static_cast<long long>(seen.num_lost))
                        : seen.not_finite + " is not a number";
    decision.atom = lost ? 0 : seen.not_finite_atom;
    refuse(decision, lost ? Refusal::lost_atoms : Refusal::not_finite,
           static_cast<double>(seen.num_lost));
    return decision;
  }
  decision.untrusted = is_untrusted(seen, decision);
  decision.flagged =
      decision.untrusted || flags(seen.sigma.value, seen.novelty.value, seen.energy_spread);
  if (!decision.flagged) return decision;

  const bool too_soon =
      !decision.untrusted && seen.since_stored >= 0 && seen.since_stored < spacing;
  if (decision.untrusted && seen.excursion_taken)
    refuse(decision, Refusal::above_hi, seen.sigma.value);
  else if (too_soon)
    refuse(decision, Refusal::spacing, 0.0);
  else if (seen.num_without_element > 0)
    refuse(decision, Refusal::no_element, static_cast<double>(seen.num_without_element));
  else if (!is_unphysical(seen, decision))
    decision.verdict = Decision::Verdict::candidate;
  return decision;
}

bool QueryRule::passes_gates(const Observation &seen) const
{
  Decision decision;
  return seen.not_finite.empty() && seen.num_without_element == 0 && !is_unphysical(seen, decision);
}

bool QueryRule::flags(double sigma, double of_novelty, double energy_spread) const
{
  const bool by_force = sigma >= force.lo, by_novelty = of_novelty >= novelty.lo;
  switch (measure) {
    case Measure::force:
      return by_force;
    case Measure::energy:
      return energy_spread >= energy.lo;
    case Measure::novelty:
      return by_novelty;
    case Measure::any:
      return by_force || by_novelty;
  }
  return false;
}

/// Tells in `decision` what cannot be trusted.
bool QueryRule::is_untrusted(const Observation &seen, Decision &decision) const
{
  decision.exploded = seen.move.value > max_move;
  if (decision.exploded) {
    decision.why = format("atom %lld moves %.4g Angstrom in one timestep, which is above %.4g",
                          static_cast<long long>(seen.move.atom), seen.move.value, max_move);
    decision.atom = seen.move.atom;
    return true;
  }
  const bool forces = measure == Measure::force || measure == Measure::any;
  const bool novelties = measure == Measure::novelty || measure == Measure::any;
  if (forces && seen.sigma.value > force.hi) {
    decision.why = format("sigma of atom %lld is %.4g eV/Angstrom, which is above %.4g",
                          static_cast<long long>(seen.sigma.atom), seen.sigma.value, force.hi);
    decision.atom = seen.sigma.atom;
  } else if (novelties && seen.novelty.value > novelty.hi) {
    decision.why =
        format("novelty of atom %lld is %.4g, which is above %.4g",
               static_cast<long long>(seen.novelty.atom), seen.novelty.value, novelty.hi);
    decision.atom = seen.novelty.atom;
  } else if (measure == Measure::energy && seen.energy_spread > energy.hi) {
    decision.why = format("the energy spread is %.4g eV per atom, which is above %.4g",
                          seen.energy_spread, energy.hi);
  } else if (trusted_distance_ratio > 0.0 && seen.nearness.value * trusted_distance_ratio > 1.0) {
    decision.why = format(
        "atom %lld has a neighbour at %.4g times the least distance of these "
        "elements in the training set, which is below %.4g",
        static_cast<long long>(seen.nearness.atom), 1.0 / seen.nearness.value,
        trusted_distance_ratio);
    decision.atom = seen.nearness.atom;
  }
  return !decision.why.empty();
}

bool QueryRule::is_unphysical(const Observation &seen, Decision &decision) const
{
  if (max_force > 0.0 && seen.force.value > max_force)
    refuse(decision, Refusal::fmax, seen.force.value);
  else if (seen.least_distance < min_distance || seen.nearness.value * min_distance_ratio > 1.0)
    refuse(decision, Refusal::mindist, seen.least_distance);
  else if ((min_density > 0.0 && seen.density < min_density) ||
           (max_density > 0.0 && seen.density > max_density))
    refuse(decision, Refusal::density, seen.density);
  else if (max_temperature > 0.0 && seen.temperature > max_temperature)
    refuse(decision, Refusal::temperature, seen.temperature);
  else
    return false;
  return true;
}

}    // namespace almlip
