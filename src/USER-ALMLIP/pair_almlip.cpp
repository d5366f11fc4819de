// SPDX-License-Identifier: GPL-2.0-or-later
#include "pair_almlip.h"

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "modify.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include "almlip/elements.h"
#include "almlip/energy_sigma.h"
#include "almlip/error.h"
#include "almlip/text.h"
#include "almlip_problem.h"
#include "pair_almlip_impl.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

using namespace LAMMPS_NS;
using almlip::require;

static constexpr double NOT_COMPUTED = std::numeric_limits<double>::quiet_NaN();
// pvector: max sigma, mean sigma, max novelty; energies of the members; sigma of the energy
static constexpr int NUM_SUMMARY = 3;
static constexpr int num_columns(int num_members) { return NUM_SUMMARY + num_members + 1; }

// What to do about a name that is none of the potential's elements.
static std::string what_instead(const almlip::ModelSettings &settings, std::string name)
{
  const std::string given = name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(name[0]));
  if (settings.element_index(name) >= 0) return "did you mean " + name + "? Write it so,";
  return almlip::atomic_number(name) > 0 ? "retrain with " + name
                                         : "there is no element " + given + ", correct the name";
}

// Element index of each atom type (from 1), -1 for NULL.
static std::vector<int> map_types(const almlip::Potential &potential, const char *file, int ntypes,
                                  char **names, bool null_allowed)
{
  std::vector<int> element_of_type(ntypes + 1, -1);
  for (int type = 1; type <= ntypes; type++) {
    const std::string name = names[type - 1];
    const bool skip = name == "NULL";
    element_of_type[type] = skip ? -1 : potential.settings.element_index(name);
    require(!skip || null_allowed, "atom type ", type,
            " is NULL, which needs pair_style hybrid or hybrid/overlay");
    require(skip || element_of_type[type] >= 0, file, " has no element ", name, " (it has ",
            almlip::joined(potential.settings.elements, ", "), "); ",
            what_instead(potential.settings, name), " or map type ", type, " to NULL");
  }
  require(*std::max_element(element_of_type.begin(), element_of_type.end()) >= 0,
          "all atom types are NULL; name the element of at least one");
  return element_of_type;
}

// Which of the allowed values a keyword has.
static int one_of(LAMMPS *lmp, const std::string &key, const std::string &value,
                  const std::vector<std::string> &allowed)
{
  const auto found = std::find(allowed.begin(), allowed.end(), value);
  if (found == allowed.end())
    lmp->error->all(FLERR, fmt::format("pair_style almlip: {} is {}, but it must be {}", key, value,
                                       almlip::joined(allowed, " or ")));
  return static_cast<int>(found - allowed.begin());
}

std::vector<double> LAMMPS_NS::energies_of_isolated_atoms(almlip::Committee &committee)
{
  const int num_elements = static_cast<int>(committee.settings().elements.size());
  std::vector<double> energies(num_elements);
  for (int element = 0; element < num_elements; element++) {
    const double position[3] = {0.0, 0.0, 0.0};
    const int center = 0, none = 0;
    const int *const no_neighbors = nullptr;
    almlip::Neighborhood alone;
    alone.num_all = alone.num_centers = 1;
    alone.positions = position;
    alone.element = &element;
    alone.centers = &center;
    alone.num_neighbors = &none;
    alone.neighbors = &no_neighbors;
    double force[3] = {0.0, 0.0, 0.0};
    almlip::CommitteeOutput output;
    output.forces = force;
    committee.evaluate(alone, output);
    energies[element] = output.energy;
  }
  return energies;
}

/* ---------------------------------------------------------------------- */

PairALMLIP::PairALMLIP(LAMMPS *lmp) : Pair(lmp), impl(new Impl)
{
  single_enable = 0;
  restartinfo = 0;
  one_coeff = 1;
  manybody_flag = 1;
  centroidstressflag = CENTROID_AVAIL;
}

PairALMLIP::~PairALMLIP()
{
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }
}

/* ----------------------------------------------------------------------
   energy, forces, virial of the committee's mean; its disagreement on steps when somebody asked
------------------------------------------------------------------------- */

void PairALMLIP::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  check_ready_to_run();
  if (update->setupflag) check_exclusions();
  const bool summary_is_due = eflag_global && compute_pair_is_due();
  evaluate(summary_is_due);

  impl->member_energies = impl->output.core.member_energies;
  for (double &energy : impl->member_energies) energy *= impl->units.electron_volt;
  if (eflag_global) fill_pvector(summary_is_due);
  if (vflag_fdotr) virial_fdotr_compute();
}

void PairALMLIP::evaluate(bool summary_is_due)
{
  const auto wanted = impl->uncertainty.wanted(impl->potential, summary_is_due);
  const auto neighborhood = impl->input.fill(lmp, list, impl->element_map, impl->units);
  if (update->setupflag) check_neighbors(neighborhood);
  impl->output.open(lmp, *this, impl->units);
  impl->uncertainty.open(impl->output.core, impl->potential.settings, wanted,
                         neighborhood.num_centers == atom->nlocal, atom->nlocal, atom->nghost);
  try {
    impl->committee->evaluate(neighborhood, impl->output.core);
  } catch (const almlip::Error &problem) {
    error->one(FLERR, std::string("pair_style almlip: ") + problem.what());
  }
  impl->subtracted = impl->input.subtract(impl->isolated_energy, impl->output.core);
  impl->output.close(*this, impl->units);
  impl->uncertainty.convert_zbl(impl->units);

  if (wanted.members) {
    comm->reverse_comm(this);    // member forces on ghosts
    impl->uncertainty.find_sigma(impl->input, impl->potential, impl->units, atom->nlocal);
  }
  if (wanted.novelty) impl->uncertainty.find_novelty(impl->input, impl->potential, atom->nlocal);
  if (impl->uncertainty.nearness_flag)
    impl->uncertainty.find_nearest(lmp, neighborhood, impl->potential, impl->units);
}

// The compute's vector is read on steps that it was registered for, which all have global energies.
bool PairALMLIP::compute_pair_is_due()
{
  if (impl->num_members < 2) return false;
  for (auto *compute : modify->get_compute_by_style("^pair$"))
    if (compute->vector_flag && compute->matchstep(update->ntimestep)) return true;
  return false;
}

// compute pair adds up pvector over the ranks: what is not a sum goes to rank 0 alone.
void PairALMLIP::fill_pvector(bool summary_is_due)
{
  ALMLIPUncertainty::Summary summary = {NOT_COMPUTED, NOT_COMPUTED, NOT_COMPUTED};
  double energy_sigma = NOT_COMPUTED;
  if (summary_is_due) {
    summary = impl->uncertainty.summarize(impl->input, atom->nlocal, world);
    if (impl->potential.energy_calibration.num_frames > 0) energy_sigma = sigma_of_energy();
  }

  std::fill(impl->pvector.begin(), impl->pvector.end(), 0.0);
  if (comm->me == 0) {
    pvector[0] = summary.max_sigma;
    pvector[1] = summary.mean_sigma;
    pvector[2] = summary.max_novelty;
    pvector[NUM_SUMMARY + impl->num_members] = energy_sigma;
  }
  for (int k = 0; k < impl->num_members; k++)
    pvector[NUM_SUMMARY + k] = impl->output.core.member_energies[k] * impl->units.electron_volt;
}

std::vector<double> PairALMLIP::energy_features()
{
  return impl->uncertainty.energy_features(impl->input, impl->potential, atom->nlocal);
}

/// Over all ranks, energy units of the run per atom.
double PairALMLIP::sigma_of_energy()
{
  std::vector<double> features = energy_features();
  MPI_Allreduce(MPI_IN_PLACE, features.data(), static_cast<int>(features.size()), MPI_DOUBLE,
                MPI_SUM, world);
  return almlip::energy_sigma(impl->potential, std::move(features)) * impl->units.electron_volt;
}

int PairALMLIP::pack_reverse_comm(int n, int first, double *buf)
{
  return impl->uncertainty.pack(n, first, buf);
}

void PairALMLIP::unpack_reverse_comm(int n, int *list, double *buf)
{
  impl->uncertainty.unpack(n, list, buf);
}

/* ----------------------------------------------------------------------
   input
------------------------------------------------------------------------- */

void PairALMLIP::settings(int narg, char **arg)
{
  impl->promised_columns = 0;    // LAMMPS keeps the object when the same pair_style is issued again
  impl->precision = almlip::Precision::full;
  impl->isolated_is_zero = false;
  impl->device_use = ALMLIPDeviceUse::NO;
  for (int iarg = 0; iarg < narg; iarg += 2) {
    const std::string key = arg[iarg];
    if (key != "precision" && key != "isolated" && key != "device")
      error->all(FLERR, "pair_style almlip: unknown argument " + key +
                            "; allowed are: precision double|mixed, isolated model|zero, device "
                            "yes|no|auto");
    if (iarg + 1 >= narg) error->all(FLERR, "pair_style almlip: a value is missing after " + key);
    const char *const value = arg[iarg + 1];
    if (key == "precision")
      impl->precision = one_of(lmp, key, value, {"double", "mixed"}) == 0
                            ? almlip::Precision::full
                            : almlip::Precision::mixed;
    else if (key == "isolated")
      impl->isolated_is_zero = one_of(lmp, key, value, {"model", "zero"}) == 1;
    else
      impl->device_use =
          static_cast<ALMLIPDeviceUse>(one_of(lmp, key, value, {"no", "yes", "auto"}));
  }
}

// A pair_coeff that fails leaves the potential as it was.
void PairALMLIP::coeff(int narg, char **arg)
{
  try {
    require(strcmp(update->unit_style, "lj") != 0,
            "units are lj, but a potential in eV and Angstrom needs real units, such as metal");
    require(narg == 3 + atom->ntypes && !strcmp(arg[0], "*") && !strcmp(arg[1], "*"),
            "pair_coeff needs * * FILE and one element or NULL for each of the ", atom->ntypes,
            " atom types, but it has ", narg, " words");
    const std::string text = read_on_all_ranks(arg[2]);
    auto potential = almlip::parse_potential(text, arg[2]);
    const bool hybrid = utils::strmatch(force->pair_style, "^hybrid");
    const auto element_of_type = map_types(potential, arg[2], atom->ntypes, arg + 3, hybrid);
    impl->units = ALMLIPUnits::of(lmp);
    take(std::move(potential), text);
    set_types(element_of_type);
  } catch (const almlip::Error &problem) {
    error->all(FLERR, std::string("pair_style almlip: ") + problem.what());
  }

  const auto &settings = impl->potential.settings;
  comm_reverse = 3 * settings.num_members;
  nextra = num_columns(settings.num_members);
  if (nextra > static_cast<int>(impl->pvector.size())) impl->pvector.resize(nextra, NOT_COMPUTED);
  pvector = impl->pvector.data();
  if (comm->me == 0)
    utils::logmesg(
        lmp, "pair_style almlip: {}, hash {}, {} members, cutoff {:.8g} Angstrom, elements {}\n",
        arg[2], impl->potential_hash, settings.num_members, settings.cutoff, impl->element_symbols);
}

// Rank 0 reads, so that all ranks have the same text even where the file changes under them. A name
// with a folder means that file only: LAMMPS would take one of the same name elsewhere instead.
std::string PairALMLIP::read_on_all_ranks(const char *name)
{
  const bool has_folder = platform::path_basename(name) != name;
  std::string text;
  int is_folder = 0;
  if (comm->me == 0) {
    const std::string path = has_folder ? name : utils::get_potential_file_path(name);
    is_folder = platform::path_is_directory(path) ? 1 : 0;
    if (!is_folder) {
      std::ifstream file(path, std::ios::binary);
      try {
        text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      } catch (const std::ios_base::failure &) {
        text.clear();    // told below, by all ranks
      }
    }
  }
  MPI_Bcast(&is_folder, 1, MPI_INT, 0, world);
  require(!is_folder, name, " is a folder; name the potential file in it");
  int length = static_cast<int>(text.size());
  MPI_Bcast(&length, 1, MPI_INT, 0, world);
  require(length > 0, "cannot read ", name,
          has_folder ? ": no such file, or it is empty or cannot be read"
                     : ": not in the current folder nor in those of LAMMPS_POTENTIALS, or it is "
                       "empty or cannot be read");
  text.resize(length);
  MPI_Bcast(text.data(), length, MPI_CHAR, 0, world);
  return text;
}

// Which type pairs are ours; pair hybrid asks.
void PairALMLIP::set_types(const std::vector<int> &element_of_type)
{
  const int n = atom->ntypes;
  if (!allocated) {
    allocated = 1;
    memory->create(setflag, n + 1, n + 1, "pair:setflag");
    memory->create(cutsq, n + 1, n + 1, "pair:cutsq");
    impl->element_map.resize(n + 1);
  }
  std::copy(element_of_type.begin(), element_of_type.end(), impl->element_map.begin());
  for (int i = 1; i <= n; i++)
    for (int j = 1; j <= n; j++) setflag[i][j] = element_of_type[i] >= 0 && element_of_type[j] >= 0;
}

// Everything that can fail comes before the first change.
void PairALMLIP::take(almlip::Potential &&potential, const std::string &text)
{
  const int num_descriptors = potential.settings.num_descriptors();
  require(impl->promised_columns == 0 || impl->promised_columns == num_descriptors,
          "the new potential has ", num_descriptors, " descriptors per atom, but a fix reads ",
          impl->promised_columns, "; delete the fix and issue pair_style again before pair_coeff");
  make_committee(potential, text);
  impl->potential = std::move(potential);
  impl->uncertainty.forget();
  impl->describe(text);
}

void PairALMLIP::make_committee(const almlip::Potential &potential, const std::string &text)
{
  impl->committee = almlip_committee(lmp, potential, text, impl->precision, impl->device_use);
  impl->isolated_energy.clear();
  if (impl->isolated_is_zero) impl->isolated_energy = energies_of_isolated_atoms(*impl->committee);
}

void PairALMLIP::Impl::describe(const std::string &text)
{
  const auto &settings = potential.settings;
  num_members = settings.num_members;
  num_elements = static_cast<int>(settings.elements.size());
  num_known = static_cast<int>(potential.known_fingerprints.size()) /
              (2 * num_elements * settings.num_descriptors());
  least_distance = potential.least_distance * units.angstrom;
  largest_force = potential.largest_force * units.force();
  force_error = potential.force_error * units.force();
  has_novelty = potential.novelty.empty() ? 0 : 1;
  default_threshold[0] = 2.0 * potential.force_error * units.force();
  default_threshold[1] = 10.0 * potential.force_error * units.force();
  snprintf(potential_hash, sizeof(potential_hash), "%s", almlip::content_hash(text).c_str());
  snprintf(element_symbols, sizeof(element_symbols), "%s",
           almlip::joined(settings.elements, " ").c_str());
  describe_training();
}

void PairALMLIP::Impl::describe_training()
{
  const almlip::TrainingRecord &record = potential.record;
  num_held_out = static_cast<int>(record.held_out_sigma.size());
  rms_force = record.rms_force * units.force();
  force_limit = record.force_limit * units.force();
  held_out_sigma = record.held_out_sigma;
  for (double &sigma : held_out_sigma) sigma *= units.force();
  min_distances = record.min_distances;
  for (double &distance : min_distances) distance *= units.angstrom;
}

void PairALMLIP::init_style()
{
  if (force->newton_pair == 0)
    error->all(FLERR, "pair_style almlip: newton is off for pairs; add the command newton on");
  check_bonded();
  warn_of_masses();
  neighbor->add_request(this, NeighConst::REQ_FULL);
  impl->cutoff_at_init = impl->potential.settings.cutoff;
  impl->members_at_init = impl->num_members;

  // LAMMPS sizes its buffers by the top style; hybrid asked before the number of members was known
  force->pair->comm_reverse = std::max(force->pair->comm_reverse, comm_reverse);
}

double PairALMLIP::init_one(int i, int j)
{
  if (setflag[i][j] == 0) error->all(FLERR, "pair_style almlip: all pair coeffs are not set");
  return impl->potential.settings.cutoff * impl->units.angstrom;
}

/* ----------------------------------------------------------------------
   outputs on request
------------------------------------------------------------------------- */

void *PairALMLIP::extract(const char *name, int &dim)
{
  Impl &m = *impl;
  const struct {
    const char *name;
    int dim;
    void *address;
  } offers[] = {
      {"sigma_flag", 0, &m.uncertainty.sigma_flag},
      {"descriptor_flag", 0, &m.uncertainty.descriptor_flag},
      {"zbl_flag", 0, &m.uncertainty.zbl_flag},
      {"novelty_flag", 0, &m.uncertainty.novelty_flag},
      {"nearness_flag", 0, &m.uncertainty.nearness_flag},
      {"nearness", 1, m.uncertainty.nearness},
      {"member_energies", 1, m.member_energies.data()},
      {"subtracted_energy", 0, &m.subtracted},
      {"has_novelty", 0, &m.has_novelty},
      {"force_error", 0, &m.force_error},
      {"potential", 0, &m.potential},
      {"num_elements", 0, &m.num_elements},
      {"num_members", 0, &m.num_members},
      {"num_known", 0, &m.num_known},
      {"num_member_passes", 0, &m.uncertainty.num_member_passes},
      {"least_distance", 0, &m.least_distance},
      {"largest_force", 0, &m.largest_force},
      {"potential_hash", 0, m.potential_hash},
      {"element_symbols", 0, m.element_symbols},
      {"default_threshold", 1, m.default_threshold},
      {"element_map", 1, m.element_map.data()},
      {"known_fingerprints", 1, m.potential.known_fingerprints.data()},
      {"num_held_out", 0, &m.num_held_out},
      {"held_out_sigma", 1, m.held_out_sigma.data()},
      {"held_out_novelty", 1, m.potential.record.held_out_novelty.data()},
      {"held_out_atoms", 1, m.potential.record.held_out_atoms.data()},
      {"min_distances", 1, m.min_distances.data()},
      {"rms_force", 0, &m.rms_force},
      {"force_limit", 0, &m.force_limit},
  };
  for (const auto &offer : offers) {
    if (strcmp(name, offer.name) != 0) continue;
    dim = offer.dim;
    return offer.address;
  }
  return nullptr;
}

void *PairALMLIP::extract_peratom(const char *name, int &ncol)
{
  if (strcmp(name, "sigma") == 0) {
    ncol = 0;
    return impl->uncertainty.sigma(atom->nlocal);
  }
  if (strcmp(name, "force") == 0) {
    ncol = 3;
    return impl->uncertainty.forces(atom->nlocal);
  }
  if (strcmp(name, "novelty") == 0) {
    ncol = 0;
    return impl->uncertainty.novelty(atom->nlocal);
  }
  if (strcmp(name, "zbl") == 0) {
    ncol = 0;
    return impl->uncertainty.zbl(atom->nlocal);
  }
  if (strcmp(name, "descriptor") == 0) {
    if (impl->num_elements == 0)
      error->all(FLERR,
                 "pair_style almlip: the number of descriptors is known after pair_coeff; "
                 "put pair_coeff before what reads them");
    ncol = impl->promised_columns = impl->potential.settings.num_descriptors();
    bring_descriptors();
    return impl->uncertainty.descriptors(atom->nlocal, ncol);
  }
  return nullptr;
}

double PairALMLIP::memory_usage()
{
  return Pair::memory_usage() + impl->uncertainty.memory_usage();
}
