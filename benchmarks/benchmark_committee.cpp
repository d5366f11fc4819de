// Cost of one evaluation of bulk silicon: 1000 atoms, lattice constant 5.431 Angstrom,
// displacements of 0.1 Angstrom, list cutoff 6 Angstrom. Random weights; the time does not depend
// on them. The counter is microseconds per atom.
#include <benchmark/benchmark.h>

#include <numeric>

#include "../tests/unit/random_potential.h"

namespace almlip {
namespace {

Frame bulk_silicon(int cells)
{
  const double a = 5.431, basis[8][3] = {{0, 0, 0}, {0, 2, 2}, {2, 0, 2}, {2, 2, 0},
                                         {1, 1, 1}, {1, 3, 3}, {3, 1, 3}, {3, 3, 1}};
  std::mt19937_64 random(1);
  std::normal_distribution<double> displacement(0.0, 0.1);
  Frame f;
  f.cell = {a * cells, 0, 0, 0, a * cells, 0, 0, 0, a * cells};
  for (int x = 0; x < cells; ++x)
    for (int y = 0; y < cells; ++y)
      for (int z = 0; z < cells; ++z)
        for (const auto &b : basis) {
          f.atomic_numbers.push_back(14);
          const double corner[3] = {a * x, a * y, a * z};
          for (int d = 0; d < 3; ++d)
            f.positions.push_back(corner[d] + a * b[d] / 4 + displacement(random));
        }
  return f;
}

/// Neighbour lists with a skin, as LAMMPS has them.
struct Lists {
  Surroundings s;
  std::vector<int> element, centers, counts;
  std::vector<const int *> rows;
  Neighborhood view;

  Lists(const Frame &frame, double cutoff)
      : s(find_surroundings(frame, cutoff)), element(s.num_all(), 0), centers(s.num_atoms)
  {
    std::iota(centers.begin(), centers.end(), 0);
    for (int i = 0; i < s.num_atoms; ++i) {
      counts.push_back(s.first[i + 1] - s.first[i]);
      rows.push_back(&s.neighbors[s.first[i]]);
    }
    view.num_all = s.num_all();
    view.positions = s.positions.data();
    view.element = element.data();
    view.num_centers = s.num_atoms;
    view.centers = centers.data();
    view.num_neighbors = counts.data();
    view.neighbors = rows.data();
  }
};

void evaluate(benchmark::State &state, const std::string &preset, Precision precision, bool members,
              Kernels kernels)
{
  const Lists lists(bulk_silicon(5), 6.0);
  Committee committee(test::random_potential(test::shape_settings(preset, {"Si"}), 1), precision,
                      kernels);
  std::vector<double> forces(3 * lists.s.num_all()), member_forces(15 * lists.s.num_all());
  CommitteeOutput out;
  out.forces = forces.data();
  if (members) out.member_forces = member_forces.data();
  for (auto _ : state) {
    committee.evaluate(lists.view, out);
    benchmark::DoNotOptimize(out.energy);
  }
  state.counters["us_per_atom"] =
      benchmark::Counter(1e-6 * lists.s.num_atoms, benchmark::Counter::kIsIterationInvariantRate |
                                                       benchmark::Counter::kInvert);
}

void register_benchmarks()
{
  for (const char *preset : {"fast", "default", "accurate"})
    for (const bool mixed : {true, false})
      for (const bool members : {false, true})
        for (const Kernels kernels : {Kernels::compiled, Kernels::generic})
          benchmark::RegisterBenchmark(
              (std::string(preset) + (mixed ? "/mixed" : "/double") +
               (members ? "/members" : "/mean") + (kernels == Kernels::generic ? "/generic" : ""))
                  .c_str(),
              evaluate, preset, mixed ? Precision::mixed : Precision::full, members, kernels)
              ->Unit(benchmark::kMillisecond);
}

}    // namespace
}    // namespace almlip

int main(int argc, char **argv)
{
  almlip::register_benchmarks();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
