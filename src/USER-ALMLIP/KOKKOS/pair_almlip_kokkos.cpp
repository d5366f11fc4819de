// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip_kokkos_step.h"    // before what knows the kernels

#include "pair_almlip_kokkos.h"

#include "atom_kokkos.h"
#include "atom_masks.h"
#include "comm.h"
#include "error.h"
#include "fix.h"
#include "force.h"
#include "modify.h"
#include "neigh_request.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include "almlip/error.h"
#include "almlip_kokkos.h"
#include "almlip_problem.h"
#include "device/devices.h"
#include "pair_almlip_impl.h"

#include <cmath>
#include <exception>
#include <utility>
#include <vector>

using namespace LAMMPS_NS;
using almlip::device::DeviceOutput;
using almlip::device::DeviceSums;

template <class DeviceType>
struct PairALMLIPKokkos<DeviceType>::Device : ALMLIPKokkosStep<DeviceType> {
};

/* ---------------------------------------------------------------------- */

template <class DeviceType>
PairALMLIPKokkos<DeviceType>::PairALMLIPKokkos(LAMMPS *lmp) : PairALMLIP(lmp), device(new Device)
{
  kokkosable = 1;
  reverse_comm_device = 1;
  respa_enable = 0;
  no_virial_fdotr_compute = 1;    // the core's sum is on the host already, forces are not
  atomKK = (AtomKokkos *)atom;
  execution_space = ExecutionSpaceFromDevice<DeviceType>::space;
  datamask_read = X_MASK | F_MASK | TYPE_MASK;
  datamask_modify = F_MASK;
}

template <class DeviceType>
PairALMLIPKokkos<DeviceType>::~PairALMLIPKokkos() = default;

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::coeff(int narg, char **arg)
{
  PairALMLIP::coeff(narg, arg);
  device->map_types(impl->element_map);
}

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::init_style()
{
  if (force->newton_pair == 0)
    error->all(FLERR,
               "pair_style almlip/kk: newton is off for pairs, as KOKKOS has it on GPUs by itself; "
               "add -pk kokkos newton on neigh half to the command line");
  PairALMLIP::init_style();
  spare_transfers();
  const bool on_device = std::is_same<DeviceType, LMPDeviceType>::value;
  auto *request = neighbor->find_request(this);
  request->set_kokkos_host(!on_device);
  request->set_kokkos_device(on_device);
}

// fix pair reads arrays of pair styles, none of the atoms. KOKKOS does not know that, and would
// bring all of these to the host and back around it, in every step.
template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::spare_transfers()
{
  for (Fix *fix : modify->get_fix_by_style("^pair$"))
    fix->datamask_read = fix->datamask_modify = EMPTY_MASK;
}

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::make_committee(const almlip::Potential &potential,
                                                  const std::string &)
{
  descriptors_waiting = 0;
  std::vector<double> isolated;
  if (impl->isolated_is_zero) {
    almlip::Committee on_host(potential, impl->precision);
    isolated = energies_of_isolated_atoms(on_host);
  }
  try {
    device->take(potential, impl->precision, isolated);
  } catch (const almlip::Error &) {
    throw;
  } catch (const std::exception &problem) {    // of Kokkos, such as for want of memory
    throw almlip::Error(problem.what());
  }
  if (comm->me == 0)
    utils::logmesg(lmp, "pair_style almlip/kk: computing on {}\n",
                   almlip::device::device_name<typename DeviceType::execution_space>());
}

/* ----------------------------------------------------------------------
   a step: all that is per atom stays on the device, but for what LAMMPS or a fix wants on the host
------------------------------------------------------------------------- */

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::evaluate(bool summary_is_due)
{
  const auto wanted = impl->uncertainty.wanted(impl->potential, summary_is_due);
  const bool with_descriptors = impl->uncertainty.descriptor_flag || wanted.energy_sigma;
  impl->uncertainty.forget();
  atomKK->sync(execution_space, datamask_read);
  device->read(*atomKK, list, impl->units);
  if (update->setupflag || impl->uncertainty.nearness_flag) find_nearest();

  const DeviceOutput output = open(wanted.members, wanted.novelty, with_descriptors);
  almlip::CommitteeOutput &core = impl->output.core;
  core = {};
  try {
    DeviceSums sums = device->committee->evaluate(device->atoms, output);
    core.energy = sums.energy;
    core.member_energies = std::move(sums.member_energies);
    core.virial = sums.virial;
  } catch (const std::exception &problem) {    // of Kokkos, such as for want of memory
    error->one(FLERR, std::string("pair_style almlip/kk: ") + problem.what());
  }
  add_to_lammps();
  find_uncertainty(wanted.members, wanted.novelty);
  descriptors_waiting = with_descriptors ? atom->nlocal : 0;
}

template <class DeviceType>
DeviceOutput PairALMLIPKokkos<DeviceType>::open(bool with_members, bool with_novelty,
                                                bool with_descriptors)
{
  Device &d = *device;
  const std::size_t nlocal = atom->nlocal, nall = nlocal + atom->nghost;
  DeviceOutput output;
  output.forces = d.open(d.forces, 3 * nall);
  if (eflag_atom) output.atom_energy = d.open(d.atom_energy, nlocal);
  if (vflag_atom) output.atom_virial = d.open(d.atom_virial, 6 * nall);
  if (cvflag_atom) output.centroid_virial = d.open(d.centroid_virial, 9 * nall);
  if (with_members) output.member_forces = d.room(d.member_forces, nall * d.row_length());
  if (with_novelty) output.novelty = d.room(d.novelty, nall);
  if (impl->uncertainty.zbl_flag) output.zbl_energy = d.open(d.zbl_energy, nlocal);
  if (with_descriptors) output.descriptors = d.open(d.descriptors, nlocal * d.num_descriptors);
  return output;
}

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::add_to_lammps()
{
  Device &d = *device;
  const std::size_t nlocal = atom->nlocal, nall = nlocal + atom->nghost;
  const double energy_unit = impl->units.electron_volt;
  d.add_forces(*atomKK, impl->units.force());
  atomKK->modified(execution_space, datamask_modify);
  if (eflag_atom) d.add(d.atom_energy, nlocal, energy_unit, eatom);
  if (vflag_atom && nall > 0) d.add(d.atom_virial, 6 * nall, energy_unit, vatom[0]);
  if (cvflag_atom && nall > 0) d.add(d.centroid_virial, 9 * nall, energy_unit, cvatom[0]);
  impl->subtracted = d.sum_of_isolated();
  impl->output.close(*this, impl->units);
}

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::find_uncertainty(bool with_members, bool with_novelty)
{
  Device &d = *device;
  ALMLIPUncertainty &uncertainty = impl->uncertainty;
  const std::size_t nlocal = atom->nlocal;
  if (with_members) {
    comm->reverse_comm(this);    // member forces on ghosts
    auto results = uncertainty.open_sigma();
    d.find_sigma(nlocal, impl->units.force());
    d.fetch(d.sigma, nlocal, results.sigma);
    d.fetch(d.mean_force, 3 * nlocal, results.forces);
    atomKK->sync(Host, TYPE_MASK);
    impl->input.find_elements(lmp, impl->element_map);    // for the summary
  }
  if (with_novelty) d.fetch(d.novelty, nlocal, uncertainty.open_novelty());
  if (uncertainty.zbl_flag) {
    d.fetch(d.zbl_energy, nlocal, uncertainty.open_zbl());
    uncertainty.convert_zbl(impl->units);
  }
}

// Hundreds of numbers per atom, which few of the steps that may need them do.
template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::bring_descriptors()
{
  if (descriptors_waiting == 0) return;
  const std::size_t size = std::size_t(descriptors_waiting) * device->num_descriptors;
  device->fetch(device->descriptors, size, impl->uncertainty.open_descriptors());
  descriptors_waiting = 0;
}

template <class DeviceType>
std::vector<double> PairALMLIPKokkos<DeviceType>::energy_features()
{
  return device->energy_features(atom->nlocal);
}

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::find_nearest()
{
  const auto nearest = device->find_nearest(atom->nlocal);
  atomKK->sync(Host, TAG_MASK);
  if (update->setupflag) {
    const bool at_one_place = nearest.least_distance < ALMLIP_AT_ONE_PLACE;
    end_on_problem_of_any_rank(lmp,
                               at_one_place ? problem_of_atom(nearest.closest) : std::string());
    warn_of_atoms_alone(device->count_alone());
  }
  double *const nearness = impl->uncertainty.nearness;
  nearness[0] = nearest.nearness;
  nearness[1] = nearest.atom < 0 ? 0.0 : static_cast<double>(atom->tag[nearest.atom]);
  nearness[2] = nearest.least_distance * impl->units.angstrom;
}

// The atom that is where atom i is.
template <class DeviceType>
std::string PairALMLIPKokkos<DeviceType>::problem_of_atom(int i)
{
  atomKK->sync(Host, X_MASK);
  double **x = atom->x;
  for (int j = 0; j < atom->nlocal + atom->nghost; j++) {
    const double distance = std::hypot(x[j][0] - x[i][0], x[j][1] - x[i][1], x[j][2] - x[i][2]);
    if (j != i && distance < ALMLIP_AT_ONE_PLACE * impl->units.angstrom)
      return almlip_at_one_place(atom->tag[i], atom->tag[j]);
  }
  return almlip_at_one_place(atom->tag[i], atom->tag[i]);
}

/* ----------------------------------------------------------------------
   member forces on ghosts go home: by buffers on the device, or by LAMMPS's on the host
------------------------------------------------------------------------- */

template <class DeviceType>
int PairALMLIPKokkos<DeviceType>::pack_reverse_comm_kokkos(int n, int first,
                                                           ALMLIPCommBuffer k_buffer)
{
  const auto buffer = k_buffer.template view<DeviceType>();
  return device->pack(n, first, buffer.data());
}

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::unpack_reverse_comm_kokkos(int n, ALMLIPCommList k_list,
                                                              ALMLIPCommBuffer k_buffer)
{
  const auto list = k_list.template view<DeviceType>();
  const auto buffer = k_buffer.template view<DeviceType>();
  device->unpack(n, list.data(), buffer.data());
}

template <class DeviceType>
int PairALMLIPKokkos<DeviceType>::pack_reverse_comm(int n, int first, double *buffer)
{
  return device->pack_for_host(n, first, buffer);
}

template <class DeviceType>
void PairALMLIPKokkos<DeviceType>::unpack_reverse_comm(int n, int *list, double *buffer)
{
  device->unpack_from_host(n, list, buffer);
}

/* ---------------------------------------------------------------------- */

Pair *LAMMPS_NS::new_pair_almlip_kokkos(LAMMPS *lmp, bool on_host)
{
  if (!lmp->kokkos)
    lmp->error->all(FLERR,
                    "pair_style almlip/kk: LAMMPS runs without its package KOKKOS; add -k on and "
                    "what it needs to the command line, or use pair_style almlip");
  if (on_host) return new PairALMLIPKokkos<LMPHostType>(lmp);
  return new PairALMLIPKokkos<LMPDeviceType>(lmp);
}
