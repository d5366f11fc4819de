// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_ALMLIP_KOKKOS_STEP_H
#define LMP_ALMLIP_KOKKOS_STEP_H

#include "almlip_kokkos_stages.h"    // before what knows the kernels
#include "device/committee_device.h"
#include "device/tiles.h"
#include "device/uncertainty_stages.h"

#include "atom_kokkos.h"
#include "neigh_list_kokkos.h"

#include "almlip/query/nearest_pair.h"
#include "almlip_units.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace LAMMPS_NS {

/// A potential, and the atoms, lists and results of a step, in the memory that the KOKKOS package
/// uses for DeviceType.
template <class DeviceType>
struct ALMLIPKokkosStep {
  using Space = typename DeviceType::execution_space;
  using Numbers = almlip::device::DeviceArray<double, Space>;
  using Indices = almlip::device::DeviceArray<int, Space>;

  std::unique_ptr<almlip::device::CommitteeDevice<Space>> committee;
  almlip::device::DeviceAtoms atoms;
  Numbers forces, atom_energy, atom_virial, centroid_virial, member_forces, zbl_energy, descriptors,
      novelty, sigma, mean_force;
  int num_elements = 0, num_members = 0, num_descriptors = 0;
  double cutoff = 0.0;    // Angstrom

  /// Numbers of a row of member forces.
  int row_length() const { return almlip::MemberForces::row_length(num_members); }

  /// Replaces the potential; throws almlip::Error or an exception of Kokkos before anything
  /// changed.
  /// @param isolated  energies of atoms without neighbours that energies are to count from, shape
  ///                  [num_elements], eV; empty: none. They shift the reference energies.
  void take(const almlip::Potential &potential, almlip::Precision precision,
            const std::vector<double> &isolated)
  {
    using almlip::device::on_device;
    almlip::Potential shifted = potential;
    for (std::size_t e = 0; e < isolated.size(); e++)
      shifted.committees[e].reference_energy -= isolated[e];
    committee = std::make_unique<almlip::device::CommitteeDevice<Space>>(shifted, precision);
    isolated_energy = on_device<Space>(isolated);
    factor = on_device<Space>(potential.calibration.factor);
    exponent = on_device<Space>(potential.calibration.exponent);
    std::vector<double> distances = almlip::training_distances(potential);
    for (double &distance : distances) distance *= distance;
    training_distance2 = on_device<Space>(distances);
    num_elements = static_cast<int>(potential.settings.elements.size());
    num_members = potential.settings.num_members;
    num_descriptors = potential.settings.num_descriptors();
    cutoff = potential.settings.cutoff;
  }

  void map_types(const std::vector<int> &map)
  {
    element_of_type = almlip::device::on_device<Space>(map);
  }

  /// Atoms and lists of this step; needs positions and types on the device.
  void read(AtomKokkos &atom, NeighList *list, const ALMLIPUnits &units)
  {
    const int nall = atom.nlocal + atom.nghost;
    const auto x = atom.k_x.template view<DeviceType>();
    const auto type = atom.k_type.template view<DeviceType>();
    almlip::device::make_room(positions, 3 * std::size_t(nall));
    almlip::device::make_room(element, nall);
    each("read_atoms", nall,
         ALMLIPReadAtoms<std::decay_t<decltype(x)>, std::decay_t<decltype(type)>>{
             x, type, element_of_type.data(), units.angstrom, positions.data(), element.data()});

    const auto *lists = static_cast<NeighListKokkos<DeviceType> *>(list);
    atoms.num_all = nall;
    atoms.positions = positions.data();
    atoms.element = element.data();
    atoms.num_centers = lists->inum;
    atoms.centers = lists->d_ilist.data();
    atoms.num_neighbors = lists->d_numneigh.data();
    atoms.neighbors = lists->d_neighbors.data();
    atoms.atom_step = lists->d_neighbors.stride(0);
    atoms.neighbor_step = lists->d_neighbors.stride(1);
    atoms.neighbor_mask = NEIGHMASK;
  }

  /// Room for results that are overwritten.
  static double *room(Numbers &array, std::size_t size)
  {
    almlip::device::make_room(array, size);
    return array.data();
  }

  /// Room for results that are added to.
  static double *open(Numbers &array, std::size_t size, double value = 0.0)
  {
    room(array, size);
    Kokkos::deep_copy(Kokkos::subview(array, std::make_pair(std::size_t(0), size)), value);
    return array.data();
  }

  /// Results to the host, where an array is never null.
  static void fetch(const Numbers &results, std::size_t size, std::vector<double> &to)
  {
    to.reserve(1);
    almlip::device::copy_back(results, size, to);
  }

  /// Adds results to an array of LAMMPS on the host.
  void add(const Numbers &results, std::size_t size, double unit, double *to)
  {
    almlip::device::copy_back(results, size, copy);
    for (std::size_t q = 0; q < size; q++) to[q] += unit * copy[q];
  }

  void add_forces(AtomKokkos &atom, double unit) const
  {
    const auto f = atom.k_f.template view<DeviceType>();
    each("add_forces", atoms.num_all,
         ALMLIPAddForces<std::decay_t<decltype(f)>>{f, forces.data(), unit});
  }

  /// What energies of this rank's atoms do not count, eV.
  double sum_of_isolated() const
  {
    double sum = 0.0;
    if (isolated_energy.extent(0) > 0)
      Kokkos::parallel_reduce("almlip::sum_of_isolated",
                              Kokkos::RangePolicy<Space>(0, atoms.num_centers),
                              almlip::device::AddUpElements{atoms, isolated_energy.data()}, sum);
    return sum;
  }

  /// sigma and mean_force of owned atoms, once the members' forces on ghosts came home.
  void find_sigma(int nlocal, double unit)
  {
    almlip::device::make_room(sigma, nlocal);
    almlip::device::make_room(mean_force, 3 * std::size_t(nlocal));
    each("find_sigma", nlocal,
         almlip::device::FindSigma{member_forces.data(), row_length(), num_members, element.data(),
                                   factor.data(), exponent.data(), unit, sigma.data(),
                                   mean_force.data()});
  }

  /// Features of the energy's sigma from the descriptors of owned atoms.
  std::vector<double> energy_features(int nlocal)
  {
    const std::size_t size = std::size_t(num_elements) * (num_descriptors + 1);
    const almlip::device::AddUpDescriptors add_up{
        descriptors.data(), element.data(), nlocal,
        num_descriptors,    num_elements,   open(features, size)};
    each("add_up_descriptors", add_up.num_tasks(), add_up);
    std::vector<double> result;
    fetch(features, size, result);
    return result;
  }

  struct Nearest : almlip::NearestPair {
    int closest = -1;    ///< one of the two atoms of the least distance
  };
  Nearest find_nearest(int nlocal)
  {
    open(nearness2, nlocal);
    open(least2, nlocal, std::numeric_limits<double>::infinity());
    each("find_nearest", atoms.num_centers,
         almlip::device::FindNearest{atoms, training_distance2.data(), num_elements,
                                     nearness2.data(), least2.data()});
    Nearest result;
    if (nlocal == 0) return result;
    almlip::device::copy_back(least2, nlocal, copy);
    const auto least = std::min_element(copy.begin(), copy.end());
    result.least_distance = std::sqrt(*least);
    result.closest = static_cast<int>(least - copy.begin());
    almlip::device::copy_back(nearness2, nlocal, copy);
    const auto largest = std::max_element(copy.begin(), copy.end());
    result.nearness = std::sqrt(*largest);
    if (*largest > 0.0) result.atom = static_cast<int>(largest - copy.begin());
    return result;
  }

  /// Atoms without a neighbour within the cutoff, after find_nearest().
  int count_alone() const
  {
    int count = 0;
    Kokkos::parallel_reduce("almlip::count_alone", Kokkos::RangePolicy<Space>(0, atoms.num_centers),
                            almlip::device::CountAlone{atoms, least2.data(), cutoff * cutoff},
                            count);
    return count;
  }

  /// Member forces of n atoms from `first` on, to a buffer on the device.
  /// @returns  how many numbers
  template <class Number>
  int pack(int n, int first, Number *to) const
  {
    each("pack_members", n,
         ALMLIPPackMembers<Number>{member_forces.data(), row_length(), 3 * num_members, first, to});
    return n * 3 * num_members;
  }

  /// Adds such a buffer to the member forces of the n atoms of a list on the device.
  template <class Number>
  void unpack(int n, const int *list, const Number *from) const
  {
    each("unpack_members", n,
         ALMLIPUnpackMembers<Number>{member_forces.data(), row_length(), 3 * num_members, list,
                                     from});
  }

  /// The same with buffer and list on the host.
  int pack_for_host(int n, int first, double *to)
  {
    const std::size_t size = std::size_t(n) * 3 * num_members;
    almlip::device::make_room(buffer, size);
    const int length = pack(n, first, buffer.data());
    almlip::device::copy_back(buffer, size, to);
    return length;
  }
  void unpack_from_host(int n, const int *list, const double *from)
  {
    almlip::device::copy_to(buffer_list, list, n);
    almlip::device::copy_to(buffer, from, std::size_t(n) * 3 * num_members);
    unpack(n, buffer_list.data(), buffer.data());
  }

 private:
  Numbers factor, exponent;      // of the Calibration, shape [num_elements]
  Numbers training_distance2;    // shape [num_elements][num_elements], Angstrom^2
  Numbers isolated_energy;       // shape [num_elements], eV; empty: not subtracted
  Indices element_of_type, element, buffer_list;
  Numbers positions, nearness2, least2, features, buffer;
  std::vector<double> copy;    // of results, on the host

  template <class Functor>
  static void each(const char *name, int count, const Functor &functor)
  {
    Kokkos::parallel_for(std::string("almlip::") + name, Kokkos::RangePolicy<Space>(0, count),
                         functor);
  }
};

}    // namespace LAMMPS_NS

#endif
