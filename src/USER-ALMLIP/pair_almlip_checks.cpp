// SPDX-License-Identifier: GPL-2.0-or-later
// What a run must not begin with, and what it had better not.
#include "pair_almlip.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "neighbor.h"
#include "update.h"

#include "almlip/element_properties.h"
#include "almlip/elements.h"
#include "almlip_problem.h"
#include "pair_almlip_impl.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

std::string LAMMPS_NS::almlip_at_one_place(tagint a, tagint b)
{
  return fmt::format(
      "pair_style almlip: atoms {} and {} are at the same place, where there is no "
      "force; remove one of them, such as with delete_atoms overlap",
      a, b);
}

// Empty if there are none.
static std::string problem_of_atoms_at_one_place(LAMMPS *lmp,
                                                 const almlip::Neighborhood &neighborhood)
{
  const auto *x = reinterpret_cast<const double(*)[3]>(neighborhood.positions);
  for (int c = 0; c < neighborhood.num_centers; c++) {
    const int i = neighborhood.centers[c];
    for (int jj = 0; jj < neighborhood.num_neighbors[i]; jj++) {
      const int j = neighborhood.neighbors[i][jj] & neighborhood.neighbor_mask;
      if (std::hypot(x[j][0] - x[i][0], x[j][1] - x[i][1], x[j][2] - x[i][2]) < ALMLIP_AT_ONE_PLACE)
        return almlip_at_one_place(lmp->atom->tag[i], lmp->atom->tag[j]);
    }
  }
  return {};
}

// Atoms of the potential without a neighbour within the cutoff.
static int count_alone(const almlip::Neighborhood &neighborhood, double cutoff)
{
  const auto *x = reinterpret_cast<const double(*)[3]>(neighborhood.positions);
  int count = 0;
  for (int c = 0; c < neighborhood.num_centers; c++) {
    const int i = neighborhood.centers[c];
    if (neighborhood.element[i] < 0) continue;
    const int *const list = neighborhood.neighbors[i];
    count += std::none_of(list, list + neighborhood.num_neighbors[i], [&](int entry) {
      const int j = entry & neighborhood.neighbor_mask;
      return neighborhood.element[j] >= 0 &&
             std::hypot(x[j][0] - x[i][0], x[j][1] - x[i][1], x[j][2] - x[i][2]) < cutoff;
    });
  }
  return count;
}

void PairALMLIP::check_neighbors(const almlip::Neighborhood &neighborhood)
{
  end_on_problem_of_any_rank(lmp, problem_of_atoms_at_one_place(lmp, neighborhood));
  warn_of_atoms_alone(count_alone(neighborhood, impl->potential.settings.cutoff));
}

// A pair_coeff between runs may need other ghosts and buffers, which only the start of a run makes.
void PairALMLIP::check_ready_to_run()
{
  const auto &settings = impl->potential.settings;
  if (settings.cutoff > impl->cutoff_at_init || settings.num_members > impl->members_at_init)
    error->all(FLERR,
               "pair_style almlip: pair_coeff changed the cutoff or the number of members; "
               "start the next run without \"pre no\"");
  if (impl->uncertainty.sigma_flag && settings.num_members < 2)
    error->all(FLERR,
               "pair_style almlip: sigma was asked for, but the potential has one member; "
               "train a committee of 2 or more");
}

// LAMMPS takes bonded pairs out of the lists whose factors are 0, which a many-body potential
// needs.
void PairALMLIP::check_bonded()
{
  if (atom->molecular == Atom::ATOMIC || atom->nbonds == 0) return;
  for (int k = 1; k <= 3; k++)
    if (force->special_lj[k] == 0.0 && force->special_coul[k] == 0.0)
      error->all(
          FLERR,
          fmt::format("pair_style almlip: special_bonds takes pairs of atoms that are {} bonds "
                      "apart out of the neighbour lists, but this potential needs all pairs; "
                      "use special_bonds lj/coul 1e-100 1e-100 1e-100, or 1 1 1",
                      k));
}

// Known only when all fixes have had their say: fix gcmc excludes by itself.
void PairALMLIP::check_exclusions()
{
  if (!neighbor->exclude || impl->isolated_is_zero) return;
  const std::string problem =
      "pair_style almlip: neigh_modify exclude takes pairs out of the neighbour lists, which "
      "changes "
      "the energies of their atoms by electron volts; do without it, or, where excluded atoms are "
      "to "
      "count as absent as in fix gcmc, use pair_style almlip isolated zero";
  const auto &map = impl->element_map;
  if (std::none_of(map.begin() + 1, map.end(), [](int element) { return element < 0; }))
    error->all(FLERR, problem);
  if (comm->me == 0) error->warning(FLERR, problem + " (no matter for pairs of NULL types)");
}

// Once: a committee agrees on the force of an atom without neighbours, which is zero.
void PairALMLIP::warn_of_atoms_alone(bigint count)
{
  if (impl->told_of_atoms_alone || impl->isolated_is_zero) return;
  bigint all = 0;
  MPI_Allreduce(&count, &all, 1, MPI_LMP_BIGINT, MPI_SUM, world);
  impl->told_of_atoms_alone = all > 0;
  if (all > 0 && comm->me == 0)
    error->warning(FLERR,
                   "pair_style almlip: {} atoms have no neighbour within the cutoff of {:.8g} "
                   "Angstrom; their sigma is 0, however wrong their energy is. Look at units and "
                   "cell; where gas is meant, see isolated",
                   all, impl->potential.settings.cutoff);
}

// Another sign of an order of elements that is not that of the types; told once, not in every run.
void PairALMLIP::warn_of_masses()
{
  constexpr double TOLERANCE = 0.1;    // enriched isotopes differ by less, neighbours often by more
  const bool in_amu = strcmp(update->unit_style, "metal") == 0 ||
                      strcmp(update->unit_style, "real") == 0 ||
                      strcmp(update->unit_style, "electron") == 0;
  if (!in_amu || !atom->mass || atom->rmass || comm->me != 0) return;
  for (int type = 1; type <= atom->ntypes; type++) {
    const int element = impl->element_map[type];
    if (element < 0 || !atom->mass_setflag[type]) continue;
    const std::string &symbol = impl->potential.settings.elements[element];
    const int number = almlip::atomic_number(symbol);
    if (number > almlip::last_element_with_properties) continue;
    const double expected = almlip::element_properties(number).mass;
    if (std::abs(atom->mass[type] - expected) <= TOLERANCE * expected) continue;
    const std::string text = fmt::format(
        "pair_style almlip: atom type {} is {} with a mass of {:.2f}, but its mass is "
        "{:.2f}; check the order of the elements in pair_coeff",
        type, symbol, atom->mass[type], expected);
    if (impl->told_of_masses.insert(text).second) error->warning(FLERR, text);
  }
}
