// SPDX-License-Identifier: GPL-2.0-or-later
// Cost of one evaluation of bulk silicon: 1000 atoms, lattice constant 5.431 Angstrom,
// displacements of 0.1 Angstrom, list cutoff 6 Angstrom. Random weights; the time does not depend
// on them. The counter is microseconds per atom; `stages` gives those of every stage and its share
// of the core's peak of multiply-adds.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "almlip/calculator.h"
#include "almlip/frame_neighborhood.h"
#include "bulk_silicon.h"
#include "operations.h"
#include "random_potential.h"

namespace almlip::benchmarks {
namespace {

/// Fused multiply-adds per second of independent chains in registers, as floating-point operations.
template <class Real>
double peak_operations()
{
  using V = Pack<Real, native_lanes<Real>>;
  constexpr int chains = register_bytes == 64 ? 16 : 10, rounds = 2000000;
  double best = 0;
  for (int trial = 0; trial < 10; ++trial) {
    V sum[chains];
    static_for<chains>([&](auto i) { sum[i] = V{} + Real(1); });
    V factor = in_register(V{} + Real(0.999999)), change = in_register(V{} + Real(1e-6));
    const auto start = std::chrono::steady_clock::now();
    for (int k = 0; k < rounds; ++k)
      static_for<chains>([&](auto i) { sum[i] = in_register(sum[i] * factor + change); });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    static_for<chains - 1>([&](auto i) { sum[0] = sum[0] + sum[i + 1]; });
    benchmark::DoNotOptimize(sum[0]);
    best = std::max(best, 2.0 * chains * rounds * native_lanes<Real> / seconds);
  }
  return best;
}

constexpr double list_cutoff = 6.0;    // Angstrom: 5 and a skin of 1

struct Case {
  std::string shape = "default";
  Precision precision = Precision::mixed;
  Kernels kernels = Kernels::compiled;
  std::vector<std::string> elements = {"Si"};
  int cells = 5;
  bool members = false, atom_energy = false, atom_virial = false;
};

/// Everything that an evaluation of a case needs. Lists have a skin, as those of LAMMPS.
struct Evaluation {
  Committee committee;
  Frame frame;
  Surroundings surroundings;
  FrameNeighborhood neighborhood;
  std::vector<double> forces, atom_energy, atom_virial;
  MemberForces member_forces;
  CommitteeOutput out;

  explicit Evaluation(const Case &c)
      : committee(test::random_potential(test::shape_settings(c.shape, c.elements), 1), c.precision,
                  c.kernels),
        frame(bulk_silicon(c.cells, c.elements)),
        surroundings(find_surroundings(frame, list_cutoff)),
        neighborhood(surroundings, elements_of(frame, committee.settings())),
        forces(3 * surroundings.num_all()),
        atom_energy(surroundings.num_all()),
        atom_virial(6 * surroundings.num_all())
  {
    out.forces = forces.data();
    if (c.members) {
      member_forces.reset(surroundings.num_all(), committee.settings().num_members);
      out.member_forces = member_forces.row(0);
    }
    if (c.atom_energy) out.atom_energy = atom_energy.data();
    if (c.atom_virial) out.atom_virial = atom_virial.data();
  }
  void operator()() { committee.evaluate(neighborhood.view(), out); }

  int num_atoms() const { return frame.num_atoms(); }
  /// Within the potential's cutoff.
  int num_pairs() const
  {
    int pairs = 0;
    for (int i = 0; i < num_atoms(); ++i)
      for (int p = surroundings.first[i]; p < surroundings.first[i + 1]; ++p)
        pairs += distance(i, surroundings.neighbors[p]) < committee.settings().cutoff;
    return pairs;
  }
  double distance(int i, int j) const
  {
    const double *a = &surroundings.positions[3 * i], *b = &surroundings.positions[3 * j];
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
  }
};

void evaluate(benchmark::State &state, const Case &c)
{
  Evaluation evaluation(c);
  for (auto _ : state) {
    evaluation();
    benchmark::DoNotOptimize(evaluation.out.energy);
  }
  state.counters["us_per_atom"] = benchmark::Counter(
      1e-6 * evaluation.num_atoms(),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// Least time of every stage over the iterations.
void evaluate_stages(benchmark::State &state, const Case &c)
{
  Evaluation evaluation(c);
  constexpr const char *names[num_stages] = {
      "gather",   "radial",           "projection",         "invariants",
      "networks", "networks_reverse", "invariants_reverse", "projection_reverse",
      "scatter"};
  double least[num_stages];
  std::fill_n(least, num_stages, 1e9);
  for (auto _ : state) {
    double seconds[num_stages] = {};
    evaluation.out.stage_seconds = seconds;
    evaluation();
    for (int s = 0; s < num_stages; ++s) least[s] = std::min(least[s], seconds[s]);
  }
  const double num_atoms = evaluation.num_atoms();
  const auto flops =
      operations(evaluation.committee.settings(), evaluation.num_pairs() / num_atoms);
  static const double peak_single = peak_operations<float>(),
                      peak_double = peak_operations<double>();
  const double peak = c.precision == Precision::mixed ? peak_single : peak_double;
  state.counters["peak_gflops"] = 1e-9 * peak;
  for (int s = 0; s < num_stages; ++s) {
    const std::string label = std::to_string(s) + "_" + names[s];
    state.counters[label] = 1e6 * least[s] / num_atoms;
    if (flops[s] > 0 && !c.members)
      state.counters[label + "_share"] = flops[s] * num_atoms / least[s] / peak;
  }
}

std::string name(const std::string &first, const Case &c)
{
  return first + (c.precision == Precision::mixed ? "/mixed" : "/double") +
         (c.members ? "/members" : "/mean") + (c.kernels == Kernels::generic ? "/generic" : "");
}

void add(const std::string &name, const std::function<void(benchmark::State &)> &function)
{
  benchmark::RegisterBenchmark(name.c_str(), function)->Unit(benchmark::kMillisecond);
}

void register_benchmarks()
{
  const std::vector<std::vector<std::string>> systems = {
      {"Si"}, {"In", "P"}, {"Mo", "Nb", "Ta", "W"}};
  for (const auto &elements : systems)
    for (const char *shape : {"default", "fast"}) {
      Case c;
      c.shape = shape;
      c.elements = elements;
      add("elements/" + std::to_string(elements.size()) + "/" + shape,
          [c](benchmark::State &state) { evaluate(state, c); });
      add("stages/elements/" + std::to_string(elements.size()) + "/" + shape,
          [c](benchmark::State &state) { evaluate_stages(state, c); });
    }
  for (const int cells : {2, 5, 10, 20}) {    // 64 to 64000 atoms
    Case c;
    c.cells = cells;
    add("atoms/" + std::to_string(8 * cells * cells * cells),
        [c](benchmark::State &state) { evaluate(state, c); });
  }
  for (const bool energy : {false, true})
    for (const bool virial : {false, true}) {
      Case c;
      c.atom_energy = energy;
      c.atom_virial = virial;
      add(std::string("per_atom/") + (energy ? "energy" : "none") + (virial ? "_virial" : ""),
          [c](benchmark::State &state) { evaluate(state, c); });
    }
  for (const char *shape : {"fast", "default", "accurate", "large"})
    for (const Precision precision : {Precision::mixed, Precision::full})
      for (const bool members : {false, true})
        for (const Kernels kernels : {Kernels::compiled, Kernels::generic}) {
          Case c;
          c.shape = shape;
          c.precision = precision;
          c.members = members;
          c.kernels = kernels;
          add(name(shape, c), [c](benchmark::State &state) { evaluate(state, c); });
          add(name(std::string("stages/") + shape, c),
              [c](benchmark::State &state) { evaluate_stages(state, c); });
        }
}

}    // namespace
}    // namespace almlip::benchmarks

int main(int argc, char **argv)
{
  almlip::benchmarks::register_benchmarks();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
