// Cost of one evaluation of bulk silicon: 1000 atoms, lattice constant 5.431 Angstrom,
// displacements of 0.1 Angstrom, list cutoff 6 Angstrom. Random weights; the time does not depend
// on them. The counter is microseconds per atom; `stages` gives those of every stage.
#include <benchmark/benchmark.h>

#include <functional>

#include "../tests/unit/random_potential.h"
#include "neighbor_lists.h"

namespace almlip::benchmarks {
namespace {

constexpr double list_cutoff = 6.0;    // Angstrom: 5 and a skin of 1

struct Case {
  std::string shape = "default";
  Precision precision = Precision::mixed;
  Kernels kernels = Kernels::compiled;
  std::vector<std::string> elements = {"Si"};
  int cells = 5;
  bool members = false, atom_energy = false, atom_virial = false;
};

/// Everything that an evaluation of a case needs.
struct Evaluation {
  NeighborLists lists;
  Committee committee;
  std::vector<double> forces, member_forces, atom_energy, atom_virial;
  CommitteeOutput out;

  explicit Evaluation(const Case &c)
      : lists(bulk(c.cells, c.elements), list_cutoff, c.elements),
        committee(test::random_potential(test::shape_settings(c.shape, c.elements), 1), c.precision,
                  c.kernels),
        forces(3 * lists.s.num_all()),
        member_forces(c.members ? 15 * lists.s.num_all() : 0),
        atom_energy(lists.s.num_all()),
        atom_virial(6 * lists.s.num_all())
  {
    out.forces = forces.data();
    if (c.members) out.member_forces = member_forces.data();
    if (c.atom_energy) out.atom_energy = atom_energy.data();
    if (c.atom_virial) out.atom_virial = atom_virial.data();
  }
  void operator()() { committee.evaluate(lists.view, out); }
};

void evaluate(benchmark::State &state, const Case &c)
{
  Evaluation evaluation(c);
  for (auto _ : state) {
    evaluation();
    benchmark::DoNotOptimize(evaluation.out.energy);
  }
  state.counters["us_per_atom"] = benchmark::Counter(
      1e-6 * evaluation.lists.s.num_atoms,
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
  for (int s = 0; s < num_stages; ++s)
    state.counters[std::to_string(s) + "_" + names[s]] =
        1e6 * least[s] / evaluation.lists.s.num_atoms;
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
  for (const char *shape : {"fast", "default", "accurate"})
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
