// SPDX-License-Identifier: GPL-2.0-or-later
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

/// What Pair::extract() must answer; the fingerprints of a potential that has none may be null.
static constexpr const char *CONTRACT[] = {
    "sigma_flag",    "descriptor_flag", "potential_hash",  "default_threshold", "least_distance",
    "largest_force", "num_elements",    "element_symbols", "element_map",       "num_known"};

ALQuerySource::ALQuerySource(LAMMPS *lmp) : Pointers(lmp) {}

void ALQuerySource::init()
{
  read_units();
  pair = find_pair();
  flags = {static_cast<int *>(read("sigma_flag")), static_cast<int *>(read("descriptor_flag"))};
  for (const char *name : {"novelty_flag", "nearness_flag"})
    if (auto *flag = static_cast<int *>(offered(name))) flags.push_back(flag);
  potential = static_cast<const char *>(read("potential_hash"));
  has_novelty = offered("has_novelty") && *static_cast<const int *>(offered("has_novelty"));
  const auto *members = static_cast<const int *>(offered("num_members"));
  num_members = members ? *members : 0;
  read_training();
  read_elements();
}

void ALQuerySource::read_units()
{
  if (strcmp(update->unit_style, "lj") == 0)
    error->all(FLERR,
               "fix al_query: units are lj, but they must be those of a real material, as metal");
  units = ALMLIPUnits::of(lmp);
}

/// All pair styles of the run: the one there is, or the sub-styles of a hybrid.
std::vector<Pair *> ALQuerySource::pair_styles() const
{
  if (!utils::strmatch(force->pair_style, "^hybrid")) return {force->pair};
  std::vector<Pair *> found;
  // Together the patterns match every name but that of the hybrid itself, which pair_match would
  // return instead of its sub-styles.
  for (const char *pattern : {"^[^h]", "^h[^y]"}) {
    for (int k = 1; Pair *sub = force->pair_match(pattern, 0, k); k++) {
      if (!found.empty() && found.back() == sub) break;    // a single one is returned for each k
      found.push_back(sub);
    }
  }
  return found;
}

/// What a pair style does not offer of all that the fix reads; null if it offers everything.
const char *ALQuerySource::missing(Pair *style)
{
  int dim;
  for (const char *name : CONTRACT)
    if (!style->extract(name, dim)) return name;
  return nullptr;
}

/// The one pair style that offers what the fix reads.
Pair *ALQuerySource::find_pair() const
{
  if (!force->pair)
    error->all(FLERR, "fix al_query: there is no pair style; use pair_style almlip");
  std::vector<Pair *> able;
  std::string looked_at;
  for (Pair *style : pair_styles()) {
    const char *gap = missing(style);
    if (!gap) able.push_back(style);
    looked_at += (looked_at.empty() ? "" : ", ") + std::string(force->pair_match_ptr(style)) +
                 (gap ? " does not tell its " + std::string(gap) : " tells all");
  }
  if (able.size() != 1)
    error->all(FLERR, "fix al_query: exactly one pair style must tell its uncertainty, but " +
                          looked_at + "; use pair_style almlip, alone or once in a hybrid style");
  return able[0];
}

/// What the pair style may tell; null if it does not.
void *ALQuerySource::offered(const char *name) const
{
  int dim;
  return pair->extract(name, dim);
}

void *ALQuerySource::read(const char *name) const
{
  void *data = offered(name);
  if (!data)
    error->all(FLERR, "fix al_query: the pair style does not tell its " + std::string(name));
  return data;
}

void ALQuerySource::read_training()
{
  const auto number = [this](const char *name) {
    const auto *value = static_cast<const double *>(offered(name));
    return value ? *value : 0.0;
  };
  largest_force = number("force_limit") / units.force();
  if (largest_force == 0.0)
    largest_force = almlip::default_force_factor * number("largest_force") / units.force();
  basis = {};
  basis.force_error = number("force_error") / units.force();
  basis.rms_force = number("rms_force") / units.force();
  const auto *count = static_cast<const int *>(offered("num_held_out"));
  const auto *sigma = static_cast<const double *>(offered("held_out_sigma"));
  const auto *atoms = static_cast<const int *>(offered("held_out_atoms"));
  if (count && sigma && atoms)
    for (int k = 0; k < *count; k++) basis.held_out.push_back({sigma[k] / units.force(), atoms[k]});
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

const almlip::Potential *ALQuerySource::whole_potential() const
{
  return static_cast<const almlip::Potential *>(offered("potential"));
}

double **ALQuerySource::descriptors()
{
  int columns;
  return static_cast<double **>(pair->extract_peratom("descriptor", columns));
}

void ALQuerySource::want(bool wanted)
{
  for (int *flag : flags) *flag = wanted ? 1 : 0;
}

ALQuerySource::Outputs ALQuerySource::outputs()
{
  int columns = 0;
  Outputs result;
  result.sigma = static_cast<const double *>(pair->extract_peratom("sigma", columns));
  result.forces = static_cast<double **>(pair->extract_peratom("force", columns));
  if (!result.forces || columns != 3) result.forces = atom->f;
  result.novelty = has_novelty
                       ? static_cast<const double *>(pair->extract_peratom("novelty", columns))
                       : nullptr;
  result.nearness = static_cast<const double *>(offered("nearness"));
  result.member_energies = static_cast<const double *>(offered("member_energies"));
  result.energy = (pair->eng_vdwl + pair->eng_coul) / units.electron_volt;
  if (const auto *subtracted = static_cast<const double *>(offered("subtracted_energy")))
    result.energy += *subtracted;
  return result;
}
