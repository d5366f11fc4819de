// SPDX-License-Identifier: GPL-2.0-or-later
#include "device/devices.h"
#include "device/host_committee.h"
#include "device/uncertainty_stages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "almlip/build_settings.h"
#include "almlip/calculator.h"
#include "almlip/energy_sigma.h"
#include "almlip/query/novelty.h"
#include "message_of.h"
#include "random_potential.h"

namespace almlip::device {
namespace {

using test::random_frame;
using test::random_potential;
using test::shape_settings;
using test::with_zbl;

/// A novelty with a random whitening for each element but the last.
Potential with_novelty(Potential p)
{
  std::mt19937_64 random(5);
  const std::size_t D = p.settings.num_descriptors();
  for (std::size_t e = 0; e < p.settings.elements.size(); ++e) {
    Novelty n;
    if (e == 0 || e + 1 < p.settings.elements.size()) {
      n.whitening = test::normal_numbers(D * D, 1.0, random);
      for (std::size_t row = 0; row < D; ++row)
        for (std::size_t column = row + 1; column < D; ++column)
          n.whitening[row * D + column] = 0.0;
      n.center = test::normal_numbers(D, 1.0, random);
      n.threshold = 3.0;
    }
    p.novelty.push_back(n);
  }
  return p;
}

/// 300 atoms of two elements, one in ten of which the potential does not see.
struct Atoms {
  explicit Atoms(const Potential &potential, double edge = 18.0, int count = 300)
  {
    std::vector<int> numbers(count);
    for (int i = 0; i < count; ++i) numbers[i] = i % 3 == 1 ? 8 : 14;
    const Frame frame = random_frame(numbers, edge, 11);
    surroundings = find_surroundings(frame, potential.settings.cutoff);
    for (const int owner : surroundings.owner)
      element.push_back(owner % 10 == 9 ? -1 : numbers[owner] == 14 ? 0 : 1);
    for (int i = 0; i < count; ++i) {
      if (element[i] >= 0) centers.push_back(i);
      num_neighbors.push_back(surroundings.first[i + 1] - surroundings.first[i]);
      lists.push_back(surroundings.neighbors.data() + surroundings.first[i]);
    }
  }
  Neighborhood view() const
  {
    Neighborhood n;
    n.num_all = surroundings.num_all();
    n.positions = surroundings.positions.data();
    n.element = element.data();
    n.num_centers = static_cast<int>(centers.size());
    n.centers = centers.data();
    n.num_neighbors = num_neighbors.data();
    n.neighbors = lists.data();
    return n;
  }

  Surroundings surroundings;
  std::vector<int> element, centers, num_neighbors;
  std::vector<const int *> lists;
};

/// All that a committee gives, each array beginning with 1 since results are added.
struct Results {
  std::vector<double> forces, atom_energy, atom_virial, centroid_virial, member_atom_energy,
      zbl_energy, descriptors;
  MemberForces member_forces;
  std::vector<double> members;
  CommitteeOutput out;

  Results(Committee::Kernel &kernel, const Neighborhood &n, const ModelSettings &settings,
          bool with_members)
  {
    const std::size_t all = n.num_all, M = settings.num_members, D = settings.num_descriptors();
    auto wanted = [](std::vector<double> &array, std::size_t size) {
      array.assign(size, 1.0);
      return array.data();
    };
    out.forces = wanted(forces, 3 * all);
    out.atom_energy = wanted(atom_energy, all);
    out.atom_virial = wanted(atom_virial, 6 * all);
    out.centroid_virial = wanted(centroid_virial, 9 * all);
    out.member_atom_energy = wanted(member_atom_energy, M * all);
    out.zbl_energy = wanted(zbl_energy, all);
    out.descriptors = wanted(descriptors, D * all);
    if (with_members) {
      member_forces.reset(all, settings.num_members);
      out.member_forces = member_forces.row(0);
    }
    kernel.evaluate(n, out);
    for (std::size_t i = 0; with_members && i < all; ++i)
      members.insert(members.end(), member_forces.row(i), member_forces.row(i) + 3 * M);
  }
};

/// Largest difference relative to the largest number.
double difference(const std::vector<double> &a, const std::vector<double> &b)
{
  EXPECT_EQ(a.size(), b.size());
  double largest = 0, most = 1e-300;
  for (std::size_t q = 0; q < a.size(); ++q) {
    largest = std::max(largest, std::abs(a[q] - b[q]));
    most = std::max(most, std::abs(b[q]));
  }
  return largest / most;
}

std::vector<double> list_of(const Tensor6 &tensor) { return {tensor.begin(), tensor.end()}; }

void expect_same(const Results &device, const Results &host, double tolerance)
{
  EXPECT_LT(difference({device.out.energy}, {host.out.energy}), tolerance);
  EXPECT_LT(difference(device.out.member_energies, host.out.member_energies), tolerance);
  EXPECT_LT(difference(list_of(device.out.virial), list_of(host.out.virial)), tolerance);
  EXPECT_LT(difference(device.forces, host.forces), tolerance);
  EXPECT_LT(difference(device.members, host.members), tolerance);
  EXPECT_LT(difference(device.atom_energy, host.atom_energy), tolerance);
  EXPECT_LT(difference(device.atom_virial, host.atom_virial), tolerance);
  EXPECT_LT(difference(device.centroid_virial, host.centroid_virial), tolerance);
  EXPECT_LT(difference(device.member_atom_energy, host.member_atom_energy), tolerance);
  EXPECT_LT(difference(device.zbl_energy, host.zbl_energy), tolerance);
  EXPECT_LT(difference(device.descriptors, host.descriptors), tolerance);
}

/// The CPU's committee as a kernel.
struct OnHost final : Committee::Kernel {
  Committee committee;
  OnHost(const Potential &potential, Precision precision) : committee(potential, precision) {}
  void evaluate(const Neighborhood &n, CommitteeOutput &out) override
  {
    committee.evaluate(n, out);
  }
};

struct Case {
  std::string preset;
  Precision precision;
};
// What differs are the order of sums and, in mixed precision, where float ends.
double tolerance_of(Precision precision) { return precision == Precision::full ? 1e-10 : 1e-5; }

class DeviceCommittee : public ::testing::TestWithParam<Case> {
 protected:
  const ModelSettings settings = shape_settings(GetParam().preset, {"Si", "O"});
  const Precision precision = GetParam().precision;
  // some pairs see the repulsion in part, some in full
  const Potential potential = with_zbl(random_potential(settings, 7), 1.8, 2.2);
  const Atoms atoms{potential};
};

TEST_P(DeviceCommittee, EqualsTheCommitteeOfTheHost)
{
  OnHost host(potential, precision);
  HostCommittee device(potential, precision);
  for (const bool with_members : {false, true})
    expect_same(Results(device, atoms.view(), settings, with_members),
                Results(host, atoms.view(), settings, with_members), tolerance_of(precision));
}

TEST_P(DeviceCommittee, DoesNotDependOnTheSizeOfItsScratchMemory)
{
  HostCommittee large(potential, precision), small(potential, precision, 1);
  expect_same(Results(small, atoms.view(), settings, true),
              Results(large, atoms.view(), settings, true), tolerance_of(precision));
}

/// Presets that this build has kernels for, in both precisions.
std::vector<Case> compiled_presets()
{
  std::vector<Case> cases;
  for (const Precision precision : {Precision::full, Precision::mixed}) {
#define ALMLIP_ADD(shape) \
  cases.push_back({std::string(#shape).substr(std::string("shape_").size()), precision});
    ALMLIP_FOR_EACH_SHAPE(ALMLIP_ADD)
#undef ALMLIP_ADD
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Presets, DeviceCommittee, ::testing::ValuesIn(compiled_presets()),
                         [](const auto &info) {
                           return info.param.preset +
                                  (info.param.precision == Precision::full ? "Double" : "Mixed");
                         });

TEST(DeviceCommittee, ReadsListsAgainOnlyWhenTheyAreNew)
{
  const Potential potential = random_potential(shape_settings("fast", {"Si", "O"}), 7);
  HostCommittee device(potential, Precision::full);
  Atoms atoms(potential);
  Neighborhood n = atoms.view();
  n.list_version = 3;
  const Results before(device, n, potential.settings, false);
  const std::vector<int> none(atoms.num_neighbors.size(), 0);
  n.num_neighbors = none.data();
  EXPECT_EQ(Results(device, n, potential.settings, false).out.energy, before.out.energy);
  n.list_version = 4;
  EXPECT_NE(Results(device, n, potential.settings, false).out.energy, before.out.energy);
}

TEST(DeviceCommittee, GivesNoveltyAsTheHost)
{
  const Potential potential =
      with_novelty(random_potential(shape_settings("fast", {"Si", "O", "H"}), 7));
  const Atoms atoms(potential);
  const Neighborhood n = atoms.view();
  OnHost host(potential, Precision::full);
  const Results expected(host, n, potential.settings, false);
  std::vector<double> values(n.num_all, 0.0), result(n.num_all);
  std::vector<int> element(n.element, n.element + atoms.num_neighbors.size());
  novelties(potential.novelty, element, expected.descriptors.data(), values.data());

  using Space = Kokkos::DefaultExecutionSpace;
  CommitteeDevice<Space> device(potential);
  SentAtoms<Space> sent;
  const auto novelty = on_device<Space>(std::vector<double>(n.num_all, -1.0));
  DeviceOutput output;
  output.novelty = novelty.data();
  device.evaluate(sent.send(n), output);
  copy_back(novelty, result.size(), result);

  EXPECT_GT(*std::max_element(values.begin(), values.end()), 1.0);
  EXPECT_LT(difference(result, values), 1e-5);    // the host's novelty is in float
}

TEST(DeviceCommittee, AddsUpDescriptorsAsTheHost)
{
  // 2 elements and atoms of none, in more than one block and not a whole number of them
  constexpr int num_atoms = 2 * AddUpDescriptors::block + 3, num_descriptors = 5, num_elements = 2;
  std::vector<int> element(num_atoms);
  std::vector<double> descriptors(std::size_t(num_atoms) * num_descriptors);
  for (int i = 0; i < num_atoms; ++i) element[i] = i % 3 - 1;
  for (std::size_t k = 0; k < descriptors.size(); ++k) descriptors[k] = std::sin(double(k));
  const auto expected = energy_features(element, descriptors.data(), num_descriptors, num_elements);

  using Space = Kokkos::DefaultExecutionSpace;
  const auto sent = on_device<Space>(descriptors);
  const auto elements = on_device<Space>(element);
  const auto features = on_device<Space>(std::vector<double>(expected.size(), 0.0));
  const AddUpDescriptors add_up{sent.data(),     elements.data(), num_atoms,
                                num_descriptors, num_elements,    features.data()};
  Kokkos::parallel_for("almlip::add_up_descriptors",
                       Kokkos::RangePolicy<Space>(0, add_up.num_tasks()), add_up);
  std::vector<double> result(expected.size());
  copy_back(features, result.size(), result);
  for (std::size_t k = 0; k < result.size(); ++k)
    EXPECT_NEAR(result[k], expected[k], 1e-11);    // sums of 172 numbers up to 1, in another order
}

TEST(DeviceCommittee, CountsAtomsWithoutNeighbours)
{
  // 2 atoms 1 Angstrom apart, one 3 from them, one far away, and one that is none of the
  // potential's
  const std::vector<double> positions{0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 50, 0, 0, 40};
  const std::vector<int> element{0, 0, 0, 0, -1}, centers{0, 1, 2, 3, 4}, number(5, 4);
  std::vector<int> lists;
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 5; ++j)
      if (j != i) lists.push_back(j);

  using Space = Kokkos::DefaultExecutionSpace;
  const auto x = on_device<Space>(positions);
  const auto e = on_device<Space>(element), c = on_device<Space>(centers);
  const auto n = on_device<Space>(number), l = on_device<Space>(lists);
  DeviceAtoms atoms;
  atoms.num_all = atoms.num_centers = 5;
  atoms.positions = x.data();
  atoms.element = e.data();
  atoms.centers = c.data();
  atoms.num_neighbors = n.data();
  atoms.neighbors = l.data();
  atoms.atom_step = 4;
  atoms.neighbor_step = 1;
  const auto trained = on_device<Space>(std::vector<double>{4.0});
  const auto nearness = on_device<Space>(std::vector<double>(5, 0.0));
  const auto least = on_device<Space>(std::vector<double>(5, 1e300));
  Kokkos::parallel_for("almlip::find_nearest", Kokkos::RangePolicy<Space>(0, 5),
                       FindNearest{atoms, trained.data(), 1, nearness.data(), least.data()});
  for (const auto &[cutoff, expected] : {std::pair{0.5, 4}, {2.0, 2}, {3.5, 1}, {60.0, 0}}) {
    int count = -1;
    Kokkos::parallel_reduce("almlip::count_alone", Kokkos::RangePolicy<Space>(0, 5),
                            CountAlone{atoms, least.data(), cutoff * cutoff}, count);
    EXPECT_EQ(count, expected) << cutoff;
  }
}

TEST(DeviceCommittee, WorksWithoutAtoms)
{
  const Potential potential = random_potential(shape_settings("fast", {"Si", "O"}), 7);
  HostCommittee device(potential, Precision::mixed);
  CommitteeOutput out;
  device.evaluate(Neighborhood(), out);
  EXPECT_EQ(out.energy, 0.0);
  EXPECT_EQ(out.member_energies, std::vector<double>(5, 0.0));
}

TEST(DeviceCommittee, SaysThatOnlyPresetsHaveKernels)
{
  const Potential potential = random_potential(shape_settings("pairs", {"Si"}), 7);
  EXPECT_EQ(test::message_of([&] { HostCommittee device(potential, Precision::full); }),
            "the potential's descriptors are those of no preset, and only presets have "
            "kernels for a device; train with a preset, or compute on the CPU (device no, without "
            "suffix kk)");
}

}    // namespace
}    // namespace almlip::device

int main(int argc, char **argv)
{
  if (!almlip::device::can_compute()) {
    std::cerr << "no device for " << Kokkos::DefaultExecutionSpace::name() << " is there\n";
    return 2;
  }
  Kokkos::initialize(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  const int failed = RUN_ALL_TESTS();
  Kokkos::finalize();
  return failed;
}
