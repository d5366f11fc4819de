// SPDX-License-Identifier: GPL-2.0-or-later
// Cost of evaluations of bulk silicon on Kokkos's default execution space: random weights, list
// cutoff 6 Angstrom, mixed precision.
//
//   almlip_device_benchmark REPEATS ATOMS...
//
// One line of JSON for each preset of this build and number of atoms; benchmarks/device.py makes
// tables of them.
#include "device/devices.h"
#include "device/host_committee.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "almlip/frame_neighborhood.h"
#include "bulk_silicon.h"
#include "operations.h"
#include "random_potential.h"

namespace almlip::benchmarks {
namespace {

using Space = Kokkos::DefaultExecutionSpace;
using device::DeviceArray;

constexpr double list_cutoff = 6.0;    // Angstrom: 5 and a skin of 1

template <class Function>
double seconds_of(Function &&function)
{
  Kokkos::fence();
  const auto start = std::chrono::steady_clock::now();
  function();
  Kokkos::fence();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Time of a call: the least of some, after one that is not counted.
template <class Function>
double least_seconds(int repeats, Function &&function)
{
  function();
  double least = seconds_of(function);
  for (int k = 1; k < repeats; ++k) least = std::min(least, seconds_of(function));
  return least;
}

/// Time of every kernel by its label; slows the run down, since each is waited for.
class StageTimes {
 public:
  StageTimes()
  {
    seconds().clear();
    Kokkos::Tools::Experimental::set_begin_parallel_for_callback(begin);
    Kokkos::Tools::Experimental::set_end_parallel_for_callback(end);
  }
  ~StageTimes()
  {
    Kokkos::Tools::Experimental::set_begin_parallel_for_callback(nullptr);
    Kokkos::Tools::Experimental::set_end_parallel_for_callback(nullptr);
  }
  static std::map<std::string, double> &seconds()
  {
    static std::map<std::string, double> table;
    return table;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static Clock::time_point &started()
  {
    static Clock::time_point time;
    return time;
  }
  static std::string &name()
  {
    static std::string label;
    return label;
  }
  static void begin(const char *label, std::uint32_t, std::uint64_t *)
  {
    Kokkos::fence();
    name() = label;
    started() = Clock::now();
  }
  static void end(std::uint64_t)
  {
    Kokkos::fence();
    const auto prefix = name().rfind("almlip::", 0) == 0 ? std::string("almlip::").size() : 0;
    seconds()[name().substr(prefix)] +=
        std::chrono::duration<double>(Clock::now() - started()).count();
  }
};

/// Silicon with lists of the host.
struct Silicon {
  Frame frame;
  Surroundings surroundings;
  FrameNeighborhood neighborhood;

  explicit Silicon(int cells)
      : frame(bulk_silicon(cells)),
        surroundings(find_surroundings(frame, list_cutoff)),
        neighborhood(surroundings, std::vector<int>(frame.atomic_numbers.size(), 0))
  {
  }
};

/// Its atoms and lists in the memory of the device, with room for what is asked for.
struct OnDevice {
  device::SentAtoms<Space> sent;
  DeviceArray<double, Space> forces, member_forces;
  device::DeviceAtoms atoms;
  device::DeviceOutput mean, members;

  OnDevice(const Silicon &silicon, int num_members) : atoms(sent.send(silicon.neighborhood.view()))
  {
    const std::size_t all = atoms.num_all;
    device::make_room(forces, 3 * all);
    device::make_room(member_forces, all * MemberForces::row_length(num_members));
    mean.forces = members.forces = forces.data();
    members.member_forces = member_forces.data();
  }
};

/// Neighbours of an atom within the cutoff, the mean of some atoms.
double num_near(const Surroundings &s, double cutoff)
{
  const int sample = std::min(s.num_atoms, 1000);
  double count = 0;
  for (int i = 0; i < sample; ++i)
    for (int p = s.first[i]; p < s.first[i + 1]; ++p) {
      const double *a = &s.positions[3 * i], *b = &s.positions[3 * s.neighbors[p]];
      count += std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) < cutoff;
    }
  return count / sample;
}

/// Floating-point operations per atom by the label of the kernel.
std::map<std::string, double> operations_by_label(const ModelSettings &s, double neighbors)
{
  const auto flops = operations(s, neighbors);
  const auto of = [&](Stage stage) { return flops[static_cast<int>(stage)]; };
  return {{"gather", of(Stage::radial)},
          {"project", of(Stage::projection)},
          {"standardise", of(Stage::invariants)},
          {"networks", of(Stage::networks)},
          {"networks_reverse", of(Stage::networks_reverse)},
          {"invariants_reverse", of(Stage::invariants_reverse)},
          {"pair_forces", of(Stage::projection_reverse)}};
}

void measure(const std::string &preset, const Silicon &silicon, int repeats)
{
  const Potential potential = test::random_potential(test::shape_settings(preset, {"Si"}), 1);
  const int num_members = potential.settings.num_members;
  const double atoms = silicon.frame.num_atoms();
  double mean, members;
  std::map<std::string, double> stages;
  {
    OnDevice data(silicon, num_members);
    device::CommitteeDevice<Space> committee(potential, Precision::mixed);
    mean = least_seconds(repeats, [&] { committee.evaluate(data.atoms, data.mean); });
    members = least_seconds(repeats, [&] { committee.evaluate(data.atoms, data.members); });
    const StageTimes times;
    committee.evaluate(data.atoms, data.mean);
    stages = StageTimes::seconds();
  }
  device::HostCommittee host(potential, Precision::mixed);
  std::vector<double> forces(silicon.surroundings.positions.size());
  CommitteeOutput out;
  out.forces = forces.data();
  Neighborhood view = silicon.neighborhood.view();
  view.list_version = 1;
  const double from_host = least_seconds(repeats, [&] { host.evaluate(view, out); });

  std::printf(
      "{\"backend\": \"%s\", \"preset\": \"%s\", \"atoms\": %d, \"mean\": %.6g, "
      "\"members\": %.6g, \"from_host\": %.6g, \"stages\": {",
      Space::name(), preset.c_str(), silicon.frame.num_atoms(), 1e6 * mean / atoms,
      1e6 * members / atoms, 1e6 * from_host / atoms);
  const auto flops = operations_by_label(potential.settings,
                                         num_near(silicon.surroundings, potential.settings.cutoff));
  const char *comma = "";
  for (const auto &[label, seconds] : stages) {
    const auto found = flops.find(label);
    std::printf("%s\"%s\": {\"time\": %.6g, \"operations\": %.6g}", comma, label.c_str(),
                1e6 * seconds / atoms, found == flops.end() ? 0.0 : found->second);
    comma = ", ";
  }
  std::printf("}}\n");
  std::fflush(stdout);
}

}    // namespace
}    // namespace almlip::benchmarks

int main(int argc, char **argv)
{
  using namespace almlip::benchmarks;
  if (!almlip::device::can_compute()) {
    std::fprintf(stderr, "no device for %s is there\n", Space::name());
    return 2;
  }
  Kokkos::initialize(argc, argv);
  const int repeats = argc > 1 ? std::atoi(argv[1]) : 3;
  for (int k = 2; k < argc; ++k) {
    const int cells = std::max(2, static_cast<int>(std::cbrt(std::atof(argv[k]) / 8) + 0.5));
    const Silicon silicon(cells);
#define ALMLIP_MEASURE(shape) \
  measure(std::string(#shape).substr(std::string("shape_").size()), silicon, repeats);
    ALMLIP_FOR_EACH_SHAPE(ALMLIP_MEASURE)
#undef ALMLIP_MEASURE
  }
  Kokkos::finalize();
}
