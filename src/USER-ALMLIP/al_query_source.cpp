#include "al_query_source.h"

#include "atom.h"
#include "error.h"
#include "force.h"
#include "pair.h"
#include "update.h"
#include "utils.h"

#include "almlip/elements.h"

#include <cstring>

using namespace LAMMPS_NS;

ALQuerySource::ALQuerySource(LAMMPS *lmp) : Pointers(lmp) {}

void ALQuerySource::init()
{
  read_units();
  pair = find_pair();
  sigma_flag = static_cast<int *>(read("sigma_flag"));
  descriptor_flag = static_cast<int *>(read("descriptor_flag"));
  potential = static_cast<const char *>(read("potential_hash"));
  const auto *threshold = static_cast<const double *>(read("default_threshold"));
  lo = threshold[0];
  hi = threshold[1];
  least_distance = *static_cast<const double *>(read("least_distance"));
  largest_force = *static_cast<const double *>(read("largest_force"));
  read_elements();
}

void ALQuerySource::read_units()
{
  if (strcmp(update->unit_style, "lj") == 0)
    error->all(FLERR,
               "fix al_query: units are lj, but they must be those of a real material, as metal");
  units = ALMLIPUnits::of(lmp);
}

/// The pair style that knows its uncertainty, alone or in a hybrid.
Pair *ALQuerySource::find_pair()
{
  int dim;
  if (!force->pair)
    error->all(FLERR, "fix al_query: there is no pair style; use pair_style almlip");
  if (!utils::strmatch(force->pair_style, "^hybrid") && force->pair->extract("sigma_flag", dim))
    return force->pair;
  Pair *sub = force->pair_match("^almlip", 0);
  if (!sub)
    error->all(
        FLERR,
        "fix al_query: pair style '" + std::string(force->pair_style) +
            "' has no uncertainty; use pair_style almlip, alone or exactly once in a hybrid style");
  return sub;
}

void *ALQuerySource::read(const char *name) const
{
  int dim;
  void *data = pair->extract(name, dim);
  if (!data)
    error->all(FLERR, "fix al_query: the pair style does not tell its \"" + std::string(name) +
                          "\"; use a pair style and a fix of the same version");
  return data;
}

void ALQuerySource::read_elements()
{
  num_elements = *static_cast<const int *>(read("num_elements"));
  pair->extract_peratom("descriptor", num_descriptors);
  const auto symbols = utils::split_words(static_cast<const char *>(read("element_symbols")));
  const auto *map = static_cast<const int *>(read("element_map"));
  element_of_type.assign(map, map + atom->ntypes + 1);
  number_of_type.assign(atom->ntypes + 1, 0);
  for (int type = 1; type <= atom->ntypes; type++)
    if (map[type] >= 0) number_of_type[type] = almlip::atomic_number(symbols[map[type]]);
}

std::vector<double> ALQuerySource::training_fingerprints() const
{
  const int num_known = *static_cast<const int *>(read("num_known"));
  if (num_known == 0) return {};
  const auto *known = static_cast<const double *>(read("known_fingerprints"));
  return {known, known + 2 * static_cast<std::size_t>(num_elements) * num_descriptors * num_known};
}

void ALQuerySource::want(bool wanted) { *sigma_flag = *descriptor_flag = wanted ? 1 : 0; }

const double *ALQuerySource::sigma()
{
  int num_columns;
  return static_cast<const double *>(pair->extract_peratom("sigma", num_columns));
}

double **ALQuerySource::descriptors()
{
  int num_columns;
  return static_cast<double **>(pair->extract_peratom("descriptor", num_columns));
}

double ALQuerySource::energy_on_this_rank() { return pair->eng_vdwl + pair->eng_coul; }
