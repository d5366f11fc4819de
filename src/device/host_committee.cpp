// SPDX-License-Identifier: GPL-2.0-or-later
#include "device/host_committee.h"

#include <algorithm>

namespace almlip::device {

namespace {

/// The first `size` numbers of an array of the device.
template <class Space>
void copy_back(const DeviceArray<double, Space> &array, std::size_t size, std::vector<double> &to)
{
  to.resize(size);
  Kokkos::deep_copy(
      Kokkos::View<double *, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(to.data(),
                                                                                         size),
      Kokkos::subview(array, std::make_pair(std::size_t(0), size)));
}

}    // namespace

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
  const DeviceAtoms atoms = send(n);
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
      descriptors_.open(out.descriptors, std::size_t(num_listed_) * num_descriptors_);

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

DeviceAtoms HostCommittee::send(const Neighborhood &n)
{
  copy_to(positions_, n.positions, 3 * std::size_t(n.num_all));
  copy_to(element_, n.element, n.num_all);
  if (n.list_version == Neighborhood::unknown_lists || n.list_version != list_version_)
    send_lists(n);
  list_version_ = n.list_version;

  DeviceAtoms atoms;
  atoms.num_all = n.num_all;
  atoms.positions = positions_.data();
  atoms.element = element_.data();
  atoms.num_centers = n.num_centers;
  atoms.centers = centers_.data();
  atoms.num_neighbors = num_neighbors_.data();
  atoms.neighbors = neighbors_.data();
  atoms.first = first_.data();
  atoms.neighbor_mask = n.neighbor_mask;
  return atoms;
}

void HostCommittee::send_lists(const Neighborhood &n)
{
  num_listed_ = n.num_centers > 0 ? *std::max_element(n.centers, n.centers + n.num_centers) + 1 : 0;
  std::vector<std::size_t> first(num_listed_, 0);
  std::vector<int> count(num_listed_, 0), neighbors;
  for (int c = 0; c < n.num_centers; ++c) {
    const int i = n.centers[c];
    first[i] = neighbors.size();
    count[i] = n.num_neighbors[i];
    neighbors.insert(neighbors.end(), n.neighbors[i], n.neighbors[i] + count[i]);
  }
  copy_to(centers_, n.centers, n.num_centers);
  copy_to(num_neighbors_, count.data(), count.size());
  copy_to(first_, first.data(), first.size());
  copy_to(neighbors_, neighbors.data(), neighbors.size());
}

void HostCommittee::fetch_descriptors(const Neighborhood &n, double *to)
{
  const std::size_t D = num_descriptors_;
  copy_back(descriptors_.array, num_listed_ * D, copy_);
  for (int c = 0; c < n.num_centers; ++c) {
    const std::size_t at = n.centers[c] * D;
    std::copy(copy_.begin() + at, copy_.begin() + at + D, to + at);
  }
}

}    // namespace almlip::device
