// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_atoms.h"

#include "al_query_signal.h"
#include "al_query_source.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "update.h"
#include "utils.h"

#include "almlip/element_properties.h"
#include "almlip/elements.h"
#include "almlip/query/fingerprint.h"
#include "almlip/query/vacuum.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

using namespace LAMMPS_NS;

namespace {

/// Bit of LAMMPS's group `all`, its first one.
constexpr int GROUP_ALL = 1;

/// What is seen of each atom. All numbers are doubles, so that one message carries them.
struct AtomRecord {
  double id, type, watched;
  double position[3];    // relative to the corner of the box, Angstrom
  double force[3];       // eV/Angstrom
  double sigma, novelty;

  double squared_force() const
  {
    return force[0] * force[0] + force[1] * force[1] + force[2] * force[2];
  }
};
constexpr int RECORD_LENGTH = sizeof(AtomRecord) / sizeof(double);

AtomRecord record_at(const double *row)
{
  AtomRecord record;
  std::memcpy(&record, row, sizeof(record));
  return record;
}

/// Also whether its length is.
bool is_finite(const double *vector)
{
  return std::isfinite(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
}

/// Everybody's numbers on rank 0, in the order of ranks. A single rank has them already.
/// @param[out] all  room for them, if they are of several ranks
const std::vector<double> &gather_numbers(const std::vector<double> &mine, MPI_Comm world,
                                          std::vector<double> &all)
{
  int nprocs;
  MPI_Comm_size(world, &nprocs);
  if (nprocs == 1) return mine;
  const int count = static_cast<int>(mine.size());
  std::vector<int> counts(nprocs), offsets(nprocs + 1, 0);
  MPI_Allgather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, world);
  std::partial_sum(counts.begin(), counts.end(), offsets.begin() + 1);
  all.resize(offsets.back());
  MPI_Gatherv(mine.data(), count, MPI_DOUBLE, all.data(), counts.data(), offsets.data(), MPI_DOUBLE,
              0, world);
  return all;
}

/// A number and the ID of the atom that has it; the lowest, if several have. IDs of few atoms may
/// be beyond what an int holds.
struct Largest {
  double value = 0.0, id = 0.0;

  void see(double candidate, double candidate_id)
  {
    if (candidate < value || (candidate == value && id > 0.0 && candidate_id > id)) return;
    value = candidate;
    id = candidate_id;
  }
  almlip::AtomValue value_and_atom() const { return {value, static_cast<std::int64_t>(id)}; }
};

/// Of all ranks.
void reduce(const std::vector<Largest *> &several, MPI_Comm world)
{
  std::vector<double> values, ids;
  for (const Largest *one : several) values.push_back(one->value);
  const int count = static_cast<int>(several.size());
  MPI_Allreduce(MPI_IN_PLACE, values.data(), count, MPI_DOUBLE, MPI_MAX, world);
  for (int k = 0; k < count; k++)
    ids.push_back(several[k]->value == values[k] ? several[k]->id
                                                 : std::numeric_limits<double>::max());
  MPI_Allreduce(MPI_IN_PLACE, ids.data(), count, MPI_DOUBLE, MPI_MIN, world);
  for (int k = 0; k < count; k++) *several[k] = {values[k], ids[k]};
}

/// What all ranks put together into an observation.
struct Extremes {
  Largest sigma, novelty, force, nearness, short_distance, broken, move;
  double sum_sigma = 0.0, num_watched = 0.0, num_atoms = 0.0, num_without_element = 0.0,
         told_to_end = 0.0;
};

/// Of this rank's atoms.
Extremes own_extremes(const ALQuerySnapshot &shot, const ALQuerySource &source)
{
  Extremes extremes;
  extremes.told_to_end = shot.told_to_end ? 1.0 : 0.0;
  for (std::size_t k = 0; k < shot.atoms.size(); k += RECORD_LENGTH) {
    const AtomRecord record = record_at(&shot.atoms[k]);
    const double force2 = record.squared_force();
    extremes.num_atoms += 1.0;
    if (source.element_of_type[static_cast<int>(record.type)] < 0)
      extremes.num_without_element += 1.0;
    if (!std::isfinite(force2 + record.position[0] + record.position[1] + record.position[2] +
                       record.sigma + record.novelty)) {
      extremes.broken.see(1.0, record.id);
      continue;
    }
    extremes.force.see(force2, record.id);
    if (record.watched == 0.0) continue;
    extremes.sigma.see(record.sigma, record.id);
    extremes.novelty.see(record.novelty, record.id);
    extremes.sum_sigma += record.sigma;
    extremes.num_watched += 1.0;
  }
  extremes.nearness.see(shot.nearness, static_cast<double>(shot.nearest_atom));
  extremes.short_distance.see(1.0 / shot.least_distance, 0.0);
  extremes.move.see(shot.move.value, static_cast<double>(shot.move.atom));
  return extremes;
}

}    // namespace

ALQueryAtoms::ALQueryAtoms(LAMMPS *lmp, ALQuerySource &source) : Pointers(lmp), source(source) {}

bool ALQueryAtoms::fits() const
{
  return atom->natoms <= MAXSMALLINT / std::max(RECORD_LENGTH, source.num_descriptors);
}

/// How far an atom of this rank moves in a timestep, Angstrom. The steps of a minimisation have no
/// velocities.
almlip::AtomValue ALQueryAtoms::largest_move() const
{
  Largest squared_speed;
  if (update->whichflag != 1) return {};
  for (int i = 0; i < atom->nlocal; i++)
    if (is_finite(atom->v[i])) {
      const double *v = atom->v[i];
      squared_speed.see(v[0] * v[0] + v[1] * v[1] + v[2] * v[2], static_cast<double>(atom->tag[i]));
    }
  almlip::AtomValue move = squared_speed.value_and_atom();
  move.value = std::sqrt(move.value) * update->dt / source.units.angstrom;
  return move;
}

ALQuerySnapshot ALQueryAtoms::take(int groupbit) const
{
  const ALQuerySource::Outputs out = source.outputs();
  const double angstrom = source.units.angstrom, force_unit = source.units.force();
  ALQuerySnapshot shot;
  shot.step = update->ntimestep;
  shot.told_to_end = ALQuerySignal::arrived();
  shot.watches_all = groupbit == GROUP_ALL;
  shot.lengths = {domain->xprd / angstrom, domain->yprd / angstrom, domain->zprd / angstrom};
  shot.tilts = {domain->xy / angstrom, domain->xz / angstrom, domain->yz / angstrom};
  for (int d = 0; d < 3; d++) shot.periodic[d] = domain->periodicity[d] != 0;
  if (domain->dimension == 2)
    shot.periodic[2] = false;    // a single sheet, whatever the boundary is
  shot.energy_known = update->eflag_global == update->ntimestep;
  shot.energy = out.energy;
  if (out.member_energies)
    shot.member_energies.assign(out.member_energies, out.member_energies + source.num_members);
  shot.least_distance = std::numeric_limits<double>::infinity();
  if (out.nearness) {
    shot.nearness = out.nearness[0];
    shot.nearest_atom = static_cast<tagint>(out.nearness[1]);
    shot.least_distance = out.nearness[2] / angstrom;
  }

  shot.move = largest_move();
  shot.num_expected = domain->nonperiodic == 0 ? atom->natoms : 0;

  shot.atoms.resize(static_cast<std::size_t>(atom->nlocal) * RECORD_LENGTH);
  double *row = shot.atoms.data();
  for (int i = 0; i < atom->nlocal; i++, row += RECORD_LENGTH) {
    AtomRecord record;
    record.id = static_cast<double>(atom->tag[i]);
    record.type = atom->type[i];
    record.watched = (atom->mask[i] & groupbit) ? 1.0 : 0.0;
    std::copy_n(atom->x[i], 3, record.position);
    // LAMMPS never comes back with an infinite one
    if (is_finite(atom->x[i])) domain->remap(record.position);
    for (int k = 0; k < 3; k++) {
      record.position[k] = (record.position[k] - domain->boxlo[k]) / angstrom;
      record.force[k] = (is_finite(atom->f[i]) ? out.forces : atom->f)[i][k] / force_unit;
    }
    record.sigma = out.sigma[i] / force_unit;
    record.novelty = out.novelty ? out.novelty[i] : 0.0;
    std::memcpy(row, &record, sizeof(record));
  }
  return shot;
}

void ALQueryAtoms::keep_descriptors(ALQuerySnapshot &shot) const
{
  if (!shot.descriptors.empty()) return;
  double **descriptors = source.descriptors();
  const std::size_t num_atoms = shot.atoms.size() / RECORD_LENGTH;
  shot.descriptors.reserve(num_atoms * source.num_descriptors);
  for (std::size_t i = 0; i < num_atoms; i++) {
    if (static_cast<double>(atom->tag[i]) != shot.atoms[i * RECORD_LENGTH])
      error->one(FLERR,
                 "fix al_query: atoms were reordered between their forces and the end of "
                 "the step, as no fix of LAMMPS does it");
    shot.descriptors.insert(shot.descriptors.end(), descriptors[i],
                            descriptors[i] + source.num_descriptors);
  }
}

ALQueryAtoms::Look ALQueryAtoms::look(const ALQuerySnapshot &shot) const
{
  Extremes extremes = own_extremes(shot, source);
  reduce({&extremes.sigma, &extremes.novelty, &extremes.force, &extremes.nearness,
          &extremes.short_distance, &extremes.broken, &extremes.move},
         world);
  std::vector<double> sums{extremes.sum_sigma, extremes.num_watched, extremes.num_atoms,
                           extremes.num_without_element, extremes.told_to_end};
  sums.insert(sums.end(), shot.member_energies.begin(), shot.member_energies.end());
  MPI_Allreduce(MPI_IN_PLACE, sums.data(), static_cast<int>(sums.size()), MPI_DOUBLE, MPI_SUM,
                world);

  Look result;
  almlip::Observation &seen = result.seen;
  seen.step = shot.step;
  seen.sigma = extremes.sigma.value_and_atom();
  seen.novelty = extremes.novelty.value_and_atom();
  seen.force = extremes.force.value_and_atom();
  seen.force.value = std::sqrt(seen.force.value);
  seen.nearness = extremes.nearness.value_and_atom();
  seen.least_distance = 1.0 / extremes.short_distance.value;
  seen.move = extremes.move.value_and_atom();
  seen.num_without_element = static_cast<std::int64_t>(sums[3]);
  seen.num_lost = std::max<std::int64_t>(0, shot.num_expected - static_cast<std::int64_t>(sums[2]));
  if (extremes.broken.value > 0.0) {
    seen.not_finite_atom = extremes.broken.value_and_atom().atom;
    seen.not_finite =
        fmt::format("force, position, sigma or novelty of atom {}", seen.not_finite_atom);
  }
  seen.energy_spread = almlip::energy_spread({sums.begin() + 5, sums.end()}) /
                       (source.units.electron_volt * std::max(sums[2], 1.0));
  result.mean_sigma = sums[1] > 0.0 ? sums[0] / sums[1] : 0.0;
  result.told_to_end = sums[4] > 0.0;
  result.identity = {shot.step,
                     static_cast<std::int64_t>(sums[2]),
                     {shot.lengths[0], shot.lengths[1], shot.lengths[2], shot.tilts[0],
                      shot.tilts[1], shot.tilts[2]},
                     result.mean_sigma,
                     seen.force.value};
  return result;
}

almlip::QueryCandidate ALQueryAtoms::gather(const ALQuerySnapshot &shot, int max_atoms) const
{
  double energy = 0.0;
  MPI_Reduce(&shot.energy, &energy, 1, MPI_DOUBLE, MPI_SUM, 0, world);
  std::vector<double> all_atoms, all_descriptors;
  const std::vector<double> &atoms = gather_numbers(shot.atoms, world, all_atoms);
  const std::vector<double> &descriptors = gather_numbers(shot.descriptors, world, all_descriptors);
  if (comm->me != 0) return {};

  almlip::QueryCandidate candidate = unpack(shot, atoms, descriptors, max_atoms);
  candidate.step = shot.step;
  candidate.frame.info["temperature"] = fmt::format("{:.6g}", shot.temperature);
  if (shot.energy_known) candidate.frame.info["predicted_energy"] = fmt::format("{:.10f}", energy);
  return candidate;
}

almlip::QueryCandidate ALQueryAtoms::unpack(const ALQuerySnapshot &shot,
                                            const std::vector<double> &atoms,
                                            const std::vector<double> &all_descriptors,
                                            int max_atoms) const
{
  std::vector<std::size_t> order(atoms.size() / RECORD_LENGTH);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return atoms[a * RECORD_LENGTH] < atoms[b * RECORD_LENGTH];
  });

  almlip::QueryCandidate candidate;
  almlip::Frame &frame = candidate.frame;
  frame.cell = {shot.lengths[0], 0.0, 0.0,           shot.tilts[0],
                shot.lengths[1], 0.0, shot.tilts[1], shot.tilts[2],
                shot.lengths[2]};
  frame.pbc = shot.periodic;
  frame.config_type = "al_query";

  std::vector<double> descriptors;
  descriptors.reserve(all_descriptors.size());
  std::vector<int> element;
  int num_watched = 0;
  for (const std::size_t i : order) {
    const double *row = &atoms[i * RECORD_LENGTH];
    const AtomRecord record = record_at(row);
    add_atom(candidate, row);
    if (!shot.watches_all) frame.per_atom["group"].push_back(record.watched);
    element.push_back(source.element_of_type[static_cast<int>(record.type)]);
    const auto own =
        all_descriptors.begin() + static_cast<std::ptrdiff_t>(i) * source.num_descriptors;
    descriptors.insert(descriptors.end(), own, own + source.num_descriptors);
    num_watched += record.watched != 0.0;
  }
  candidate.mean_sigma = num_watched > 0 ? candidate.mean_sigma / num_watched : 0.0;
  candidate.fingerprint =
      almlip::fingerprint(descriptors.data(), element.data(), frame.per_atom["sigma"].data(),
                          frame.num_atoms(), source.num_descriptors, source.num_elements);
  if (max_atoms > 0)
    candidate.atoms =
        almlip::atom_points(descriptors.data(), element.data(), frame.per_atom["sigma"].data(),
                            frame.num_atoms(), source.num_descriptors, max_atoms);
  almlip::add_vacuum(frame, almlip::default_vacuum);
  return candidate;
}

/// Appends an atom to the frame; mean_sigma is the sum of sigma until all are there.
void ALQueryAtoms::add_atom(almlip::QueryCandidate &candidate, const double *row) const
{
  const AtomRecord record = record_at(row);
  almlip::Frame &frame = candidate.frame;
  frame.atomic_numbers.push_back(source.number_of_type[static_cast<int>(record.type)]);
  frame.positions.insert(frame.positions.end(), record.position, record.position + 3);
  auto &forces = frame.per_atom_vectors["predicted_forces"];
  forces.insert(forces.end(), record.force, record.force + 3);
  frame.per_atom["sigma"].push_back(record.sigma);
  if (source.has_novelty) frame.per_atom["novelty"].push_back(record.novelty);
  if (record.watched == 0.0) return;
  candidate.mean_sigma += record.sigma;
  candidate.max_novelty = std::max(candidate.max_novelty, record.novelty);
  if (record.sigma <= candidate.max_sigma) return;
  candidate.max_sigma = record.sigma;
  candidate.worst_atom = static_cast<std::int64_t>(record.id);
}

std::string ALQueryAtoms::symbol_of(const ALQuerySnapshot &shot, tagint id) const
{
  int number = 0;
  for (std::size_t k = 0; k < shot.atoms.size(); k += RECORD_LENGTH) {
    const AtomRecord record = record_at(&shot.atoms[k]);
    if (record.id == static_cast<double>(id))
      number = source.number_of_type[static_cast<int>(record.type)];
  }
  MPI_Allreduce(MPI_IN_PLACE, &number, 1, MPI_INT, MPI_MAX, world);
  return number > 0 ? almlip::chemical_symbol(number) : "";
}

double ALQueryAtoms::temperature() const
{
  // atom->natoms still counts atoms that have left an open box since the last thermo output
  double sums[] = {0.0, static_cast<double>(atom->nlocal)};
  for (int i = 0; i < atom->nlocal; i++) {
    const double mass = atom->rmass ? atom->rmass[i] : atom->mass[atom->type[i]];
    const double *v = atom->v[i];
    sums[0] += mass * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  }
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, world);
  const double freedom = domain->dimension * (sums[1] - 1.0);
  return freedom > 0.0 ? force->mvv2e * sums[0] / (freedom * force->boltz) : 0.0;
}

double ALQueryAtoms::density(const ALQuerySnapshot &shot) const
{
  constexpr double GRAMS_PER_CM3 = 1.66053907;    // amu/Angstrom^3, CODATA 2018
  double mass = 0.0;
  for (std::size_t k = 0; k < shot.atoms.size(); k += RECORD_LENGTH) {
    const int number = source.number_of_type[static_cast<int>(record_at(&shot.atoms[k]).type)];
    if (number > 0) mass += almlip::element_properties(number).mass;
  }
  MPI_Allreduce(MPI_IN_PLACE, &mass, 1, MPI_DOUBLE, MPI_SUM, world);
  return GRAMS_PER_CM3 * mass / (shot.lengths[0] * shot.lengths[1] * shot.lengths[2]);
}
