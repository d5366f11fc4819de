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

#include "almlip/committee.h"
#include "almlip/error.h"
#include "almlip/potential.h"
#include "almlip/text.h"
#include "almlip_problem.h"
#include "almlip_step.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

using namespace LAMMPS_NS;
using almlip::require;

static constexpr double NOT_COMPUTED = std::numeric_limits<double>::quiet_NaN();
static constexpr int NUM_SUMMARY = 3;    // of pvector: max sigma, mean sigma, max novelty

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
            almlip::joined(potential.settings.elements, ", "), "); retrain with ", name,
            " or map type ", type, " to NULL");
  }
  require(*std::max_element(element_of_type.begin(), element_of_type.end()) >= 0,
          "all atom types are NULL; name the element of at least one");
  return element_of_type;
}

// A mistake in the input, which would show as energies that are huge or not a number; empty if
// none.
static std::string problem_of_atoms_at_one_place(LAMMPS *lmp,
                                                 const almlip::Neighborhood &neighborhood)
{
  constexpr double AT_ONE_PLACE = 1.0e-6;    // Angstrom
  const auto *x = reinterpret_cast<const double(*)[3]>(neighborhood.positions);
  for (int c = 0; c < neighborhood.num_centers; c++) {
    const int i = neighborhood.centers[c];
    for (int jj = 0; jj < neighborhood.num_neighbors[i]; jj++) {
      const int j = neighborhood.neighbors[i][jj] & neighborhood.neighbor_mask;
      if (std::hypot(x[j][0] - x[i][0], x[j][1] - x[i][1], x[j][2] - x[i][2]) < AT_ONE_PLACE)
        return fmt::format(
            "pair_style almlip: atoms {} and {} are at the same place, where there "
            "is no force; remove one of them, such as with delete_atoms overlap",
            lmp->atom->tag[i], lmp->atom->tag[j]);
    }
  }
  return {};
}

/* ---------------------------------------------------------------------- */

struct PairALMLIP::Impl {
  ALMLIPUnits units;
  almlip::Potential potential;
  almlip::Precision precision = almlip::Precision::full;
  std::unique_ptr<almlip::Committee> committee;    // null before the first pair_coeff
  double cutoff_at_init = 0.0;                     // what neighbour lists and
  int members_at_init = 0;                         // communication buffers were made for

  ALMLIPStepInput input;
  ALMLIPStepOutput output;

  ALMLIPUncertainty uncertainty;
  int promised_columns = 0;       // of descriptors, told to a fix that allocates accordingly
  std::vector<double> pvector;    // never shrinks: compute pair reads all terms it once counted

  // what extract() hands out
  int num_elements = 0, num_members = 0, num_known = 0, has_novelty = 0;
  double force_error = 0.0;
  std::vector<double> member_energies;    // shape [num_members], of this rank, energy units
  double least_distance = 0.0, largest_force = 0.0, default_threshold[2] = {0.0, 0.0};
  char potential_hash[17] = "", element_symbols[512] = "";
  std::vector<int> element_map;    // shape [ntypes + 1]

  void take(almlip::Potential &&, const std::string &text);
  void describe(const std::string &text);
};

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
  const bool summary_is_due = eflag_global && compute_pair_is_due();
  const bool with_members = impl->uncertainty.sigma_flag || summary_is_due;
  const bool with_novelty =
      !impl->potential.novelty.empty() && (impl->uncertainty.novelty_flag || summary_is_due);
  const bool with_descriptors = impl->uncertainty.descriptor_flag || with_novelty;

  const auto neighborhood = impl->input.fill(lmp, list, impl->element_map, impl->units);
  if (update->setupflag)
    end_on_problem_of_any_rank(lmp, problem_of_atoms_at_one_place(lmp, neighborhood));
  impl->output.open(lmp, *this, impl->units);
  impl->uncertainty.open(impl->output.core, impl->potential.settings, with_members,
                         with_descriptors, atom->nlocal, atom->nghost);
  try {
    impl->committee->evaluate(neighborhood, impl->output.core);
  } catch (const almlip::Error &problem) {
    error->one(FLERR, std::string("pair_style almlip: ") + problem.what());
  }
  impl->output.close(*this, impl->units);
  impl->uncertainty.convert_zbl(impl->units);

  if (with_members) {
    comm->reverse_comm(this);    // member forces on ghosts
    impl->uncertainty.find_sigma(impl->input, impl->potential, impl->units, atom->nlocal);
  }
  if (with_novelty || impl->uncertainty.novelty_flag)
    impl->uncertainty.find_novelty(impl->input, impl->potential, atom->nlocal);
  if (impl->uncertainty.nearness_flag)
    impl->uncertainty.find_nearest(lmp, neighborhood, impl->potential, impl->units);
  impl->member_energies = impl->output.core.member_energies;
  for (double &energy : impl->member_energies) energy *= impl->units.electron_volt;
  if (eflag_global) fill_pvector(summary_is_due);
  if (vflag_fdotr) virial_fdotr_compute();
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
  if (summary_is_due) summary = impl->uncertainty.summarize(impl->input, atom->nlocal, world);

  std::fill(impl->pvector.begin(), impl->pvector.end(), 0.0);
  if (comm->me == 0) {
    pvector[0] = summary.max_sigma;
    pvector[1] = summary.mean_sigma;
    pvector[2] = summary.max_novelty;
  }
  for (int k = 0; k < impl->num_members; k++)
    pvector[NUM_SUMMARY + k] = impl->output.core.member_energies[k] * impl->units.electron_volt;
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
  if (narg == 0) return;
  if (narg != 2 || strcmp(arg[0], "precision") != 0)
    error->all(FLERR, std::string("pair_style almlip: unknown argument ") + arg[0] +
                          "; allowed is: precision double|mixed");
  if (strcmp(arg[1], "double") == 0)
    impl->precision = almlip::Precision::full;
  else if (strcmp(arg[1], "mixed") == 0)
    impl->precision = almlip::Precision::mixed;
  else
    error->all(FLERR, std::string("pair_style almlip: precision is ") + arg[1] +
                          ", but it must be double or mixed");
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
    impl->take(std::move(potential), text);
    set_types(element_of_type);
  } catch (const almlip::Error &problem) {
    error->all(FLERR, std::string("pair_style almlip: ") + problem.what());
  }

  const auto &settings = impl->potential.settings;
  comm_reverse = 3 * settings.num_members;
  nextra = NUM_SUMMARY + settings.num_members;
  if (nextra > static_cast<int>(impl->pvector.size())) impl->pvector.resize(nextra, NOT_COMPUTED);
  pvector = impl->pvector.data();
  if (comm->me == 0)
    utils::logmesg(
        lmp, "pair_style almlip: {}, hash {}, {} members, cutoff {} Angstrom, elements {}\n",
        arg[2], impl->potential_hash, settings.num_members, settings.cutoff, impl->element_symbols);
}

// Rank 0 reads, so that all ranks have the same text even where the file changes under them. A name
// with a folder means that file only: LAMMPS would take one of the same name elsewhere instead.
std::string PairALMLIP::read_on_all_ranks(const char *name)
{
  const bool has_folder = platform::path_basename(name) != name;
  std::string text;
  if (comm->me == 0) {
    std::ifstream file(has_folder ? name : utils::get_potential_file_path(name), std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  int length = static_cast<int>(text.size());
  MPI_Bcast(&length, 1, MPI_INT, 0, world);
  require(length > 0, "cannot read ", name,
          has_folder ? ": no such file, or empty"
                     : ": not in the current folder nor in those of LAMMPS_POTENTIALS, or empty");
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
void PairALMLIP::Impl::take(almlip::Potential &&new_potential, const std::string &text)
{
  const int num_descriptors = new_potential.settings.num_descriptors();
  require(promised_columns == 0 || promised_columns == num_descriptors, "the new potential has ",
          num_descriptors, " descriptors per atom, but a fix reads ", promised_columns,
          "; delete the fix and issue pair_style again before pair_coeff");
  committee = std::make_unique<almlip::Committee>(new_potential, precision);
  potential = std::move(new_potential);
  uncertainty.forget();
  describe(text);
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
}

void PairALMLIP::init_style()
{
  if (force->newton_pair == 0)
    error->all(FLERR, "pair_style almlip: newton is off for pairs; add the command newton on");
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
  if (strcmp(name, "novelty") == 0) {
    ncol = 0;
    return impl->uncertainty.novelty(atom->nlocal);
  }
  if (strcmp(name, "zbl") == 0) {
    ncol = 0;
    return impl->uncertainty.zbl(atom->nlocal);
  }
  if (strcmp(name, "descriptor") == 0) {
    if (!impl->committee)
      error->all(FLERR,
                 "pair_style almlip: the number of descriptors is known after pair_coeff; "
                 "put pair_coeff before what reads them");
    ncol = impl->promised_columns = impl->potential.settings.num_descriptors();
    return impl->uncertainty.descriptors(atom->nlocal, ncol);
  }
  return nullptr;
}

double PairALMLIP::memory_usage()
{
  return Pair::memory_usage() + impl->uncertainty.memory_usage();
}
