// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "almlip/query/refusal.h"

namespace almlip {

/// What decides how uncertain a configuration is.
enum class Measure {
  force,      ///< largest sigma of an atom, eV/Angstrom
  energy,     ///< spread of the members' total energies per atom, eV
  novelty,    ///< largest novelty of an atom, 1 is the edge of the training set
  any         ///< force or novelty, whichever is further along its window
};
/// @throws Error that lists the names
Measure parse_measure(const std::string &name);
std::string to_string(Measure measure);

/// An extreme number and the ID of the atom that has it (the lowest, if several have).
struct AtomValue {
  double value = 0.0;
  std::int64_t atom = 0;
};

/// What a simulation shows of one configuration, and what came before it. eV, Angstrom, K, g/cm^3.
struct Observation {
  std::int64_t step = 0;
  AtomValue sigma, novelty;      ///< largest of the watched atoms
  AtomValue force;               ///< largest of all atoms
  AtomValue move;                ///< largest way of all atoms in this timestep, Angstrom
  double energy_spread = 0.0;    ///< of the members' energies, per atom
  AtomValue nearness;    ///< largest of d0/d over all pairs of atoms; d0 is the least distance of
                         ///< these elements in the training set; 0 if unknown
  double least_distance =
      std::numeric_limits<double>::infinity();    ///< of two atoms; infinite if not looked for
  double density = 0.0;                           ///< g/cm^3; looked at only if there is a gate
  double temperature = 0.0;                       ///< K; likewise
  std::string not_finite;                         ///< what is not a number; empty: nothing
  std::int64_t not_finite_atom = 0;
  std::int64_t num_without_element = 0;    ///< atoms that no label can be made for
  std::int64_t num_lost = 0;               ///< atoms that are gone, although the box is periodic
  std::int64_t since_stored = -1;    ///< steps since the last candidate; negative: none before
  bool excursion_taken = false;    ///< above hi since before, and a configuration of that is taken
};

/// What to do with a configuration.
struct Decision {
  enum class Verdict { known, candidate, refused };
  Verdict verdict = Verdict::known;
  Refusal refusal = Refusal::not_finite;    ///< if refused
  double value = 0.0;    ///< what it was refused for: eV/Angstrom, Angstrom, g/cm^3, K or a number
  bool flagged = false;      ///< at or above lo
  bool untrusted = false;    ///< the prediction is not to be believed: a run that may end should
  bool exploded = false;     ///< untrusted, and no run goes on from it
  std::string why;           ///< of `untrusted`, for people: value, atom and limit
  std::int64_t atom = 0;     ///< that `why` speaks of; 0: none
};

/// Sample standard deviation of the members' energies; 0 for fewer than two.
double energy_spread(const std::vector<double> &member_energies);

/// From `lo` a configuration is a candidate, above `hi` its prediction is not trusted.
struct Window {
  double lo = 0.0, hi = std::numeric_limits<double>::infinity();
};

/// Gates that nobody has set: least distance of two atoms, relative to that of their elements in
/// the training set; largest force, relative to that of the training set where this has no limit.
constexpr double default_distance_ratio = 0.7, default_force_factor = 3.0;

/// Decides about configurations; a pure function of its settings and of what is observed. A limit
/// of 0 is switched off.
struct QueryRule {
  Measure measure = Measure::any;
  Window force;     ///< eV/Angstrom
  Window energy;    ///< eV per atom
  Window novelty{2.0, 10.0};
  int spacing = 50;    ///< least number of steps between two candidates

  // what is unphysical and never taken
  double min_distance = 0.0;                      ///< of any two atoms, Angstrom
  double min_distance_ratio = 0.0;                ///< the same, relative to the training set
  double max_force = 0.0;                         ///< eV/Angstrom
  double min_density = 0.0, max_density = 0.0;    ///< g/cm^3
  double max_temperature = 0.0;                   ///< K

  /// A pair nearer than this, relative to the training set, is not trusted.
  double trusted_distance_ratio = 0.9;
  /// An atom that moves farther in a timestep, Angstrom, passes through others: integration has
  /// no meaning any more.
  double max_move = 1.0;

  /// The first configuration above `hi`, or with a pair too near to be trusted, is a candidate if
  /// it passes the gates, whatever the spacing; those that follow it, until one is trusted again,
  /// are refused. Anything that is not a number, and what has lost atoms, is refused and not
  /// trusted.
  Decision decide(const Observation &seen) const;
  /// Whether a configuration can be labelled, be it uncertain or not: what a gate refuses is not.
  bool passes_gates(const Observation &seen) const;
  /// Whether numbers of an atom, or the largest of a configuration, are at or above lo.
  bool flags(double sigma, double novelty, double energy_spread = 0.0) const;

 private:
  bool is_untrusted(const Observation &seen, Decision &decision) const;
  bool is_unphysical(const Observation &seen, Decision &decision) const;
};

}    // namespace almlip
