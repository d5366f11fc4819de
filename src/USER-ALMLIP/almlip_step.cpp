// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip_step.h"

#include "atom.h"
#include "lammps.h"
#include "library.h"
#include "neighbor.h"
#include "pair.h"
#include "update.h"

#include "almlip/energy_sigma.h"
#include "almlip/query/nearest_pair.h"
#include "almlip/query/novelty.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace LAMMPS_NS;

static constexpr double NOT_COMPUTED = std::numeric_limits<double>::quiet_NaN();

almlip::Neighborhood ALMLIPStepInput::fill(LAMMPS *lmp, NeighList *list,
                                           const std::vector<int> &element_of_type,
                                           const ALMLIPUnits &units)
{
  const int nall = lmp->atom->nlocal + lmp->atom->nghost;
  find_elements(lmp, element_of_type);
  find_centers(lmp, list);

  almlip::Neighborhood result;
  result.num_all = nall;
  result.positions = in_angstrom(lmp->atom->x, nall, units);
  result.element = element.data();
  result.num_centers = static_cast<int>(centers.size());
  result.centers = centers.data();
  result.num_neighbors = num_neighbors.data();
  result.neighbors = neighbors.data();
  result.neighbor_mask = NEIGHMASK;
  result.list_version = current_list_version(lmp);
  return result;
}

void ALMLIPStepInput::find_elements(LAMMPS *lmp, const std::vector<int> &element_of_type)
{
  element.resize(lmp->atom->nlocal + lmp->atom->nghost);
  for (std::size_t i = 0; i < element.size(); i++) element[i] = element_of_type[lmp->atom->type[i]];
}

// Lists are new after each build, and whatever the counters say at the start of a run.
long ALMLIPStepInput::current_list_version(LAMMPS *lmp)
{
  const Neighbor &neighbor = *lmp->neighbor;
  if (lmp->update->setupflag || neighbor.ago == 0 || neighbor.lastcall != last_build)
    list_version++;
  last_build = neighbor.lastcall;
  return list_version;
}

// Through the C library interface: an installed LAMMPS comes without the header of NeighList.
void ALMLIPStepInput::find_centers(LAMMPS *lmp, NeighList *list)
{
  const int nlocal = lmp->atom->nlocal;
  centers.clear();
  num_neighbors.assign(nlocal, 0);
  neighbors.assign(nlocal, nullptr);

  NeighList **lists = lmp->neighbor->lists;
  const int index = static_cast<int>(std::find(lists, lists + lmp->neighbor->nlist, list) - lists);
  const int inum = lammps_neighlist_num_elements(lmp, index);
  for (int ii = 0; ii < inum; ii++) {
    int i, jnum, *jlist;
    lammps_neighlist_element_neighbors(lmp, index, ii, &i, &jnum, &jlist);
    if (element[i] < 0) continue;
    centers.push_back(i);
    num_neighbors[i] = jnum;
    neighbors[i] = jlist;
  }
}

double ALMLIPStepInput::subtract(const std::vector<double> &isolated,
                                 almlip::CommitteeOutput &output) const
{
  if (isolated.empty()) return 0.0;
  double sum = 0.0;
  for (const int i : centers) {
    sum += isolated[element[i]];
    if (output.atom_energy) output.atom_energy[i] -= isolated[element[i]];
  }
  output.energy -= sum;
  for (double &energy : output.member_energies) energy -= sum;
  return sum;
}

const double *ALMLIPStepInput::in_angstrom(double **x, int nall, const ALMLIPUnits &units)
{
  if (nall == 0) return nullptr;
  if (units.native()) return x[0];
  positions.resize(3 * static_cast<std::size_t>(nall));
  std::transform(x[0], x[0] + positions.size(), positions.begin(),
                 [&](double coordinate) { return coordinate / units.angstrom; });
  return positions.data();
}

double *ALMLIPTarget::open(double *array, std::size_t size, const ALMLIPUnits &units)
{
  array_in_lammps = array;
  if (units.native() || !array) return array;
  copy.assign(size, 0.0);
  return copy.data();
}

void ALMLIPTarget::close(double unit)
{
  for (std::size_t i = 0; i < copy.size(); i++) array_in_lammps[i] += unit * copy[i];
  copy.clear();
}

// LAMMPS's two-dimensional arrays are contiguous.
static double *first_entry(double **array) { return array ? array[0] : nullptr; }

void ALMLIPStepOutput::open(LAMMPS *lmp, const Pair &pair, const ALMLIPUnits &units)
{
  const std::size_t nall = lmp->atom->nlocal + lmp->atom->nghost;
  core = almlip::CommitteeOutput();
  if (nall == 0) return;
  core.forces = forces.open(first_entry(lmp->atom->f), 3 * nall, units);
  if (pair.eflag_atom) core.atom_energy = atom_energy.open(pair.eatom, nall, units);
  if (pair.vflag_atom)
    core.atom_virial = atom_virial.open(first_entry(pair.vatom), 6 * nall, units);
  if (pair.cvflag_atom)
    core.centroid_virial = centroid_virial.open(first_entry(pair.cvatom), 9 * nall, units);
}

void ALMLIPStepOutput::close(Pair &pair, const ALMLIPUnits &units)
{
  forces.close(units.force());
  atom_energy.close(units.electron_volt);
  atom_virial.close(units.electron_volt);
  centroid_virial.close(units.electron_volt);

  if (pair.eflag_global) pair.eng_vdwl += core.energy * units.electron_volt;
  if (pair.vflag_global && !pair.fdotr_is_set())
    for (int n = 0; n < 6; n++) pair.virial[n] += core.virial[n] * units.electron_volt;
}

ALMLIPUncertainty::Wanted ALMLIPUncertainty::wanted(const almlip::Potential &potential,
                                                    bool summary_is_due) const
{
  const bool novelty = novelty_flag || summary_is_due,
             energy_sigma = summary_is_due && potential.energy_calibration.num_frames > 0;
  return {sigma_flag || summary_is_due,
          descriptor_flag || energy_sigma || (novelty && !potential.novelty.empty()), novelty,
          energy_sigma};
}

void ALMLIPUncertainty::open(almlip::CommitteeOutput &output, const almlip::ModelSettings &settings,
                             const Wanted &wanted, bool all_are_centers, int nlocal, int nghost)
{
  forget();
  entries = 3 * settings.num_members;
  if (wanted.members) {
    member_forces.reset(std::size_t(nlocal) + nghost, settings.num_members);
    output.member_forces = member_forces.row(0);
  }
  if (wanted.descriptors) {
    const std::size_t size = std::size_t(std::max(nlocal, 1)) * settings.num_descriptors();
    if (all_are_centers)
      descriptor_table.resize(size);    // all of it is overwritten
    else
      descriptor_table.assign(size, 0.0);
    output.descriptors = descriptor_table.data();
    descriptors_valid = true;
  }
  if (zbl_flag) {
    zbl_of_atom.assign(std::max(nlocal + nghost, 1), 0.0);
    output.zbl_energy = zbl_of_atom.data();
    zbl_valid = true;
  }
}

void ALMLIPUncertainty::convert_zbl(const ALMLIPUnits &units)
{
  if (!zbl_valid || units.native()) return;
  for (double &energy : zbl_of_atom) energy *= units.electron_volt;
}

void ALMLIPUncertainty::find_sigma(const ALMLIPStepInput &input, const almlip::Potential &potential,
                                   const ALMLIPUnits &units, int nlocal)
{
  const int num_members = potential.settings.num_members;
  sigma_of_atom.assign(std::max(nlocal, 1), 0.0);
  force_of_atom.assign(3 * static_cast<std::size_t>(std::max(nlocal, 1)), 0.0);
  for (int i = 0; i < nlocal; i++) {
    const int element = input.element_of(i);
    if (element < 0) continue;
    const double *members = member_forces.row(i);
    const double spread = almlip::force_spread(members, num_members);
    sigma_of_atom[i] =
        almlip::calibrated_sigma(potential.calibration, element, spread) * units.force();
    for (std::size_t m = 0; m < entries; m++)
      force_of_atom[3 * static_cast<std::size_t>(i) + m % 3] +=
          members[m] * units.force() / num_members;
  }
  sigma_valid = true;
  num_member_passes++;
}

void ALMLIPUncertainty::find_novelty(const ALMLIPStepInput &input,
                                     const almlip::Potential &potential, int nlocal)
{
  novelty_of_atom.assign(std::max(nlocal, 1), 0.0);
  novelty_valid = true;
  if (potential.novelty.empty()) return;
  std::vector<int> element(nlocal);
  for (int i = 0; i < nlocal; i++) element[i] = input.element_of(i);
  almlip::novelties(potential.novelty, element, descriptor_table.data(), novelty_of_atom.data());
}

std::vector<double> ALMLIPUncertainty::energy_features(const ALMLIPStepInput &input,
                                                       const almlip::Potential &potential,
                                                       int nlocal) const
{
  const almlip::ModelSettings &settings = potential.settings;
  std::vector<int> element(nlocal);
  for (int i = 0; i < nlocal; i++) element[i] = input.element_of(i);
  return almlip::energy_features(element, descriptor_table.data(), settings.num_descriptors(),
                                 static_cast<int>(settings.elements.size()));
}

void ALMLIPUncertainty::find_nearest(LAMMPS *lmp, const almlip::Neighborhood &neighborhood,
                                     const almlip::Potential &potential, const ALMLIPUnits &units)
{
  const almlip::NearestPair nearest = almlip::nearest_pair(neighborhood, potential);
  nearness[0] = nearest.nearness;
  nearness[1] = nearest.atom < 0 ? 0.0 : static_cast<double>(lmp->atom->tag[nearest.atom]);
  nearness[2] = nearest.least_distance * units.angstrom;
}

ALMLIPUncertainty::Results ALMLIPUncertainty::open_sigma()
{
  sigma_valid = true;
  num_member_passes++;
  return {sigma_of_atom, force_of_atom};
}

std::vector<double> &ALMLIPUncertainty::open_novelty()
{
  novelty_valid = true;
  return novelty_of_atom;
}

std::vector<double> &ALMLIPUncertainty::open_descriptors()
{
  descriptors_valid = true;
  return descriptor_table;
}

std::vector<double> &ALMLIPUncertainty::open_zbl()
{
  zbl_valid = true;
  return zbl_of_atom;
}

ALMLIPUncertainty::Summary ALMLIPUncertainty::summarize(const ALMLIPStepInput &input, int nlocal,
                                                        MPI_Comm world) const
{
  double local_max[2] = {0.0, 0.0}, local_sum[2] = {0.0, 0.0}, max[2], sum[2];
  for (int i = 0; i < nlocal; i++) {
    const int element = input.element_of(i);
    if (element < 0) continue;
    local_sum[0] += sigma_of_atom[i];
    local_sum[1] += 1.0;
    local_max[0] = std::max(local_max[0], sigma_of_atom[i]);
    if (novelty_valid) local_max[1] = std::max(local_max[1], novelty_of_atom[i]);
  }
  MPI_Allreduce(local_max, max, 2, MPI_DOUBLE, MPI_MAX, world);
  MPI_Allreduce(local_sum, sum, 2, MPI_DOUBLE, MPI_SUM, world);

  if (std::isnan(sum[0])) max[0] = sum[0];    // a maximum hides what is not a number
  return {max[0], sum[1] > 0.0 ? sum[0] / sum[1] : 0.0, max[1]};
}

double *ALMLIPUncertainty::sigma(int nlocal)
{
  if (!sigma_valid) sigma_of_atom.assign(std::max(nlocal, 1), NOT_COMPUTED);
  return sigma_of_atom.data();
}

static double **rows_of(std::vector<double> &table, std::vector<double *> &rows, int num_columns)
{
  rows.resize(table.size() / num_columns);
  for (std::size_t i = 0; i < rows.size(); i++) rows[i] = table.data() + i * num_columns;
  return rows.data();
}

double **ALMLIPUncertainty::forces(int nlocal)
{
  if (!sigma_valid) force_of_atom.assign(3 * std::size_t(std::max(nlocal, 1)), NOT_COMPUTED);
  return rows_of(force_of_atom, force_rows, 3);
}

double **ALMLIPUncertainty::descriptors(int nlocal, int num_descriptors)
{
  if (!descriptors_valid)
    descriptor_table.assign(std::size_t(std::max(nlocal, 1)) * num_descriptors, NOT_COMPUTED);
  return rows_of(descriptor_table, descriptor_rows, num_descriptors);
}

double *ALMLIPUncertainty::zbl(int nlocal)
{
  if (!zbl_valid) zbl_of_atom.assign(std::max(nlocal, 1), NOT_COMPUTED);
  return zbl_of_atom.data();
}

double *ALMLIPUncertainty::novelty(int nlocal)
{
  if (!novelty_valid) novelty_of_atom.assign(std::max(nlocal, 1), NOT_COMPUTED);
  return novelty_of_atom.data();
}

int ALMLIPUncertainty::pack(int n, int first, double *buf) const
{
  for (int i = first; i < first + n; i++) {
    const double *begin = member_forces.row(i);
    buf = std::copy(begin, begin + entries, buf);
  }
  return static_cast<int>(n * entries);
}

void ALMLIPUncertainty::unpack(int n, const int *list, const double *buf)
{
  for (int i = 0; i < n; i++) {
    double *owned = member_forces.row(list[i]);
    for (std::size_t m = 0; m < entries; m++) owned[m] += *buf++;
  }
}

double ALMLIPUncertainty::memory_usage() const
{
  return member_forces.bytes() +
         sizeof(double) * (4 * sigma_of_atom.size() + descriptor_table.size() + zbl_of_atom.size() +
                           novelty_of_atom.size());
}
