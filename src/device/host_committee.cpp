// SPDX-License-Identifier: GPL-2.0-or-later
#include "device/host_committee.h"

#include <algorithm>

namespace almlip::device {

HostCommittee::HostCommittee(const Potential &potential, Precision precision, std::size_t scratch)
    : committee_(potential, precision, scratch),
      num_members_(potential.settings.num_members),
      num_descriptors_(potential.settings.num_descriptors())
{
}

double *HostCommittee::Result::open(const double *wanted, std::size_t size)
{
  if (!wanted) return nullptr;
  make_room(array, size);
  Kokkos::deep_copy(Kokkos::subview(array, std::make_pair(std::size_t(0), size)), 0.0);
  return array.data();
}

void HostCommittee::evaluate(const Neighborhood &n, CommitteeOutput &out)
{
  const DeviceAtoms atoms = sent_.send(n);
  const std::size_t all = n.num_all, M = num_members_,
                    member_row = MemberForces::row_length(num_members_);
  DeviceOutput on_device;
  on_device.forces = forces_.open(out.forces, 3 * all);
  on_device.atom_energy = atom_energy_.open(out.atom_energy, all);
  on_device.atom_virial = atom_virial_.open(out.atom_virial, 6 * all);
  on_device.centroid_virial = centroid_virial_.open(out.centroid_virial, 9 * all);
  on_device.member_forces = member_forces_.open(out.member_forces, member_row * all);
  on_device.member_atom_energy = member_atom_energy_.open(out.member_atom_energy, M * all);
  on_device.zbl_energy = zbl_energy_.open(out.zbl_energy, all);
  on_device.descriptors =
      descriptors_.open(out.descriptors, std::size_t(sent_.num_listed()) * num_descriptors_);

  const DeviceSums sums = committee_.evaluate(atoms, on_device);
  out.energy = sums.energy;
  out.member_energies = sums.member_energies;
  out.virial = sums.virial;
  const auto add = [&](Result &result, double *to, std::size_t size) {
    if (!to) return;
    copy_back(result.array, size, copy_);
    for (std::size_t q = 0; q < size; ++q) to[q] += copy_[q];
  };
  add(forces_, out.forces, 3 * all);
  add(atom_energy_, out.atom_energy, all);
  add(atom_virial_, out.atom_virial, 6 * all);
  add(centroid_virial_, out.centroid_virial, 9 * all);
  add(member_forces_, out.member_forces, member_row * all);
  add(member_atom_energy_, out.member_atom_energy, M * all);
  add(zbl_energy_, out.zbl_energy, all);
  if (out.descriptors) fetch_descriptors(n, out.descriptors);
}

void HostCommittee::fetch_descriptors(const Neighborhood &n, double *to)
{
  const std::size_t D = num_descriptors_;
  copy_back(descriptors_.array, sent_.num_listed() * D, copy_);
  for (int c = 0; c < n.num_centers; ++c) {
    const std::size_t at = n.centers[c] * D;
    std::copy(copy_.begin() + at, copy_.begin() + at + D, to + at);
  }
}

}    // namespace almlip::device
