#include "fix_al_query.h"

#include "al_query_atoms.h"
#include "al_query_settings.h"
#include "al_query_source.h"
#include "almlip_problem.h"

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "modify.h"
#include "timer.h"
#include "update.h"
#include "utils.h"

#include "almlip/error.h"
#include "almlip/query/batch.h"
#include "almlip/query/buffer.h"
#include "almlip/surroundings.h"

#include <algorithm>
#include <cmath>

using namespace LAMMPS_NS;
using almlip::Refusal;

/// Defaults of the gate, relative to the extremes of the training set.
static constexpr double MINDIST_FACTOR = 0.85;
static constexpr double FMAX_FACTOR = 3.0;

struct FixALQuery::Verdict {
  bool refused = true;
  Refusal refusal = Refusal::not_finite;
  double value = 0.0;       // what was wrong: least distance, Angstrom
  bool given_up = false;    // a candidate had to leave the full buffer
  int buffered = 0;
};

struct FixALQuery::Impl {
  Impl(LAMMPS *lmp, int narg, char **arg)
      : settings(lmp, narg, arg),
        source(lmp),
        atoms(lmp, source),
        buffer(settings.buffer, settings.selection.strategy, settings.selection.seed)
  {
  }

  ALQuerySettings settings;
  ALQuerySource source;
  ALQueryAtoms atoms;
  std::string potential;    // hash of the one that everything below belongs to

  // this step
  bool due = false, stopped = false;
  bool finite = true;
  double max_sigma = 0.0, mean_sigma = 0.0, max_force = 0.0;

  // the same on all ranks; written to restart files
  bigint last_evaluated = -1, last_stored = -1;
  bigint flagged = 0, rejected = 0, selected = 0, batches = 0;
  int buffered = 0;
  almlip::RefusalTally refusals;    // since the batch before

  // rank 0 only
  almlip::QueryBuffer buffer;
  std::vector<double>
      known;    // fingerprints of the training set and of everything chosen with this potential

  bool is_known(const almlip::QueryCandidate &candidate) const;
  std::vector<almlip::Choice> choose() const;
  almlip::BatchRecord record(const char *reason) const;
};

bool FixALQuery::Impl::is_known(const almlip::QueryCandidate &candidate) const
{
  const int num_features = static_cast<int>(candidate.fingerprint.size());
  const almlip::Candidates one{num_features, candidate.fingerprint, {candidate.max_sigma}, known};
  return almlip::known_already(one, settings.selection.duplicate)[0];
}

std::vector<almlip::Choice> FixALQuery::Impl::choose() const
{
  almlip::Candidates candidates;
  candidates.known = known;
  for (const auto &candidate : buffer.candidates()) {
    candidates.num_features = static_cast<int>(candidate.fingerprint.size());
    candidates.features.insert(candidates.features.end(), candidate.fingerprint.begin(),
                               candidate.fingerprint.end());
    candidates.uncertainty.push_back(candidate.max_sigma);
  }
  return almlip::select(candidates, record("").selection);
}

almlip::BatchRecord FixALQuery::Impl::record(const char *reason) const
{
  almlip::BatchRecord record;
  record.reason = reason;
  record.potential = potential;
  record.lo = settings.lo / source.units.force();
  record.hi = settings.hi / source.units.force();
  record.mindist = settings.mindist / source.units.angstrom;
  record.fmax = settings.fmax / source.units.force();
  record.selection = settings.selection;
  record.selection.seed += batches;    // each batch draws anew
  record.periods = {{"every", settings.nevery},
                    {"buffer", settings.buffer},
                    {"spacing", settings.spacing},
                    {"trigger", settings.trigger}};
  record.refusals = refusals;
  return record;
}

/* ---------------------------------------------------------------------- */

FixALQuery::FixALQuery(LAMMPS *lmp, int narg, char **arg)
    : Fix(lmp, narg, arg), impl(new Impl(lmp, narg, arg))
{
  nevery = impl->settings.nevery;
  dynamic_group_allow = 1;
  restart_global = 1;
  vector_flag = 1;
  size_vector = 7;
  extvector = 0;
  global_freq = nevery;
  peratom_flag = 1;
  size_peratom_cols = 0;
  peratom_freq = nevery;

  nmax = std::max(atom->nmax, 1);
  memory->create(vector_atom, nmax, "al_query:sigma");
  std::fill_n(vector_atom, nmax, 0.0);
}

FixALQuery::~FixALQuery() { memory->destroy(vector_atom); }

int FixALQuery::setmask()
{
  return FixConst::PRE_FORCE | FixConst::POST_FORCE | FixConst::POST_RUN;
}

void FixALQuery::init()
{
  if (utils::strmatch(update->integrate_style, "^respa"))
    error->all(FLERR, "fix al_query: run_style is respa, but it must be verlet");
  if (!atom->tag_enable)
    error->all(FLERR, "fix al_query: atoms have no IDs; use atom_modify id yes");
  impl->source.init();
  check_atoms();
  use_potential();
}

void FixALQuery::check_atoms()
{
  int mine = 0, all;
  for (int i = 0; i < atom->nlocal; i++)
    if (impl->source.element_of_type[atom->type[i]] < 0) mine++;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, world);
  if (all > 0)
    error->all(FLERR, fmt::format("fix al_query: {} atoms have a type that the pair style maps to "
                                  "NULL, but a label needs "
                                  "an element for each atom",
                                  all));
  if (!impl->atoms.fits())
    error->all(FLERR, fmt::format("fix al_query: {} atoms are too many for one configuration",
                                  atom->natoms));
}

/// Takes over defaults and training set; what was chosen with another potential has other
/// fingerprints and is forgotten.
void FixALQuery::use_potential()
{
  const ALQuerySource &source = impl->source;
  ALQuerySettings &settings = impl->settings;
  if (!settings.threshold_given) {
    if (!(source.hi > source.lo))
      error->all(FLERR,
                 "fix al_query: the potential has no force error on held-out frames; give "
                 "threshold lo hi");
    settings.lo = source.lo;
    settings.hi = source.hi;
  }
  if (!settings.mindist_given) settings.mindist = MINDIST_FACTOR * source.least_distance;
  if (!settings.fmax_given) settings.fmax = FMAX_FACTOR * source.largest_force;
  if (source.potential == impl->potential) return;

  if (!impl->potential.empty())
    impl->last_evaluated = -1;    // this step again, with the new potential
  impl->potential = source.potential;
  impl->buffer.clear();
  impl->buffered = 0;
  if (comm->me == 0) impl->known = source.training_fingerprints();
}

/* ----------------------------------------------------------------------
   one step
------------------------------------------------------------------------- */

void FixALQuery::setup_pre_force(int vflag) { pre_force(vflag); }

void FixALQuery::pre_force(int)
{
  impl->due = update->ntimestep % nevery == 0;
  if (impl->due) impl->source.want(true);
}

void FixALQuery::setup(int vflag)
{
  impl->stopped = false;
  request_energy(update->ntimestep - update->ntimestep % nevery + nevery);
  post_force(vflag);
}

void FixALQuery::post_force(int)
{
  if (!impl->due) return;
  impl->due = false;
  copy_sigma();
  find_extremes();
  impl->source.want(false);
  request_energy(update->ntimestep + nevery);
  if (update->ntimestep == impl->last_evaluated)
    return;    // a run begins with the step that the last one ended with
  impl->last_evaluated = update->ntimestep;
  consider();
}

void FixALQuery::post_run()
{
  choose_batch("end_of_run");
  if (impl->stopped) timer->reset_timeout();    // later runs of the script are not affected
  impl->stopped = false;
}

/// Makes LAMMPS sum up the energy on a later step.
void FixALQuery::request_energy(bigint step)
{
  if (Compute *pe = modify->get_compute_by_id("thermo_pe")) pe->addstep(step);
}

void FixALQuery::copy_sigma()
{
  if (atom->nmax > nmax) {
    nmax = atom->nmax;
    memory->grow(vector_atom, nmax, "al_query:sigma");
  }
  const double *sigma = impl->source.sigma();
  for (int i = 0; i < atom->nlocal; i++)
    vector_atom[i] = (atom->mask[i] & groupbit) ? sigma[i] : 0.0;
}

/// Largest and mean sigma of the group; largest force of all atoms; whether all numbers are
/// numbers.
void FixALQuery::find_extremes()
{
  double largest[3] = {0.0, 0.0, 0.0};    // sigma, force squared, 1 if something is not finite
  double sum[2] = {0.0, 0.0};             // sigma, atoms of the group
  for (int i = 0; i < atom->nlocal; i++) {
    const double *f = atom->f[i], *x = atom->x[i];
    const double f2 = f[0] * f[0] + f[1] * f[1] + f[2] * f[2];
    if (!std::isfinite(f2 + x[0] + x[1] + x[2] + vector_atom[i])) {
      largest[2] = 1.0;
      continue;
    }
    largest[0] = std::max(largest[0], vector_atom[i]);
    largest[1] = std::max(largest[1], f2);
    sum[0] += vector_atom[i];
    if (atom->mask[i] & groupbit) sum[1] += 1.0;
  }
  MPI_Allreduce(MPI_IN_PLACE, largest, 3, MPI_DOUBLE, MPI_MAX, world);
  MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_DOUBLE, MPI_SUM, world);
  impl->max_sigma = largest[0];
  impl->max_force = std::sqrt(largest[1]);
  impl->finite = largest[2] == 0.0;
  impl->mean_sigma = sum[1] > 0.0 ? sum[0] / sum[1] : 0.0;
}

/// Decides about the configuration of this step; all ranks decide alike.
void FixALQuery::consider()
{
  const ALQuerySettings &settings = impl->settings;
  if (impl->finite && impl->max_sigma < settings.lo) return;
  impl->flagged++;
  if (!impl->finite)
    return distrust(Refusal::not_finite, 0.0, "a force, a position or sigma is not a number");
  if (impl->max_sigma > settings.hi)
    return distrust(Refusal::above_hi, impl->max_sigma / impl->source.units.force(),
                    fmt::format("sigma {:.4g} is above {:.4g}", impl->max_sigma, settings.hi));
  if (too_soon()) return impl->refusals.add(Refusal::spacing, update->ntimestep);
  if (settings.fmax > 0.0 && impl->max_force > settings.fmax)
    return refuse(Refusal::fmax, impl->max_force / impl->source.units.force());

  store();
  if (settings.trigger == ALQuerySettings::AT_THE_END || impl->buffered < settings.trigger) return;
  choose_batch("trigger");
  if (settings.soft) stop_run("a batch is chosen");
}

/// The prediction cannot be trusted: the configuration is not taken and, with action soft, the run
/// ends.
void FixALQuery::distrust(Refusal refusal, double value, const std::string &why)
{
  refuse(refusal, value);
  if (!impl->settings.soft) return;
  choose_batch("above_hi");
  stop_run(why);
}

void FixALQuery::refuse(Refusal refusal, double value)
{
  impl->refusals.add(refusal, update->ntimestep, value);
  impl->rejected++;
}

bool FixALQuery::too_soon() const
{
  const bigint since = update->ntimestep - impl->last_stored;
  return impl->last_stored >= 0 && since >= 0 &&
         since < impl->settings.spacing;    // negative after reset_timestep
}

/// Gathers the configuration on rank 0, which takes it into the buffer or finds a reason not to.
void FixALQuery::store()
{
  Verdict verdict;
  almlip::QueryCandidate candidate = impl->atoms.gather(groupbit);
  on_first_rank(lmp, "fix al_query", [&] {
    verdict = judge(candidate);
    if (!verdict.refused) verdict.given_up = impl->buffer.add(std::move(candidate));
    verdict.buffered = impl->buffer.size();
  });
  MPI_Bcast(&verdict, sizeof(verdict), MPI_BYTE, 0, world);
  if (verdict.refused) return refuse(verdict.refusal, verdict.value);
  if (verdict.given_up) impl->refusals.add(Refusal::buffer_full, update->ntimestep);
  impl->buffered = verdict.buffered;
  impl->last_stored = update->ntimestep;
}

/// Rank 0's part of store: the checks that need the whole configuration.
FixALQuery::Verdict FixALQuery::judge(const almlip::QueryCandidate &candidate)
{
  Verdict verdict;
  const double mindist = impl->settings.mindist / impl->source.units.angstrom;
  if (mindist > 0.0) verdict.value = almlip::least_distance(candidate.frame, mindist);
  if (mindist > 0.0 && verdict.value < mindist)
    verdict.refusal = Refusal::mindist;
  else if (impl->is_known(candidate))
    verdict.refusal = Refusal::duplicate;
  else
    verdict.refused = false;
  return verdict;
}

/// Chooses and writes a batch from whatever is in the buffer.
void FixALQuery::choose_batch(const char *reason)
{
  if (impl->buffered == 0) return;
  int chosen = 0;
  on_first_rank(lmp, "fix al_query", [&] { chosen = write_batch(reason); });
  MPI_Bcast(&chosen, 1, MPI_INT, 0, world);
  impl->selected += chosen;
  impl->batches++;
  impl->buffered = 0;
  impl->refusals = {};
}

/// Rank 0's part of choose_batch; returns the number of configurations.
int FixALQuery::write_batch(const char *reason)
{
  const auto &candidates = impl->buffer.candidates();
  const std::vector<almlip::Choice> choices = impl->choose();
  const int chosen = static_cast<int>(choices.size()), left = impl->buffer.size() - chosen;
  impl->refusals.add(Refusal::passed_over, update->ntimestep, 0.0, left);

  almlip::BatchRecord record = impl->record(reason);
  record.step = update->ntimestep;
  record.lammps = lmp->version;
  record.units = update->unit_style;
  record.counts = {{"flagged", impl->flagged},
                   {"rejected", impl->rejected},
                   {"selected", impl->selected + chosen},
                   {"batches", impl->batches + 1}};
  const std::string stem = almlip::write_batch(impl->settings.prefix, candidates, choices, record);
  utils::logmesg(lmp,
                 fmt::format("fix al_query: step {}: {} of {} candidates written to {}.extxyz\n",
                             update->ntimestep, chosen, chosen + left, stem));
  for (const auto &choice : choices) {
    const auto &fingerprint = candidates[choice.index].fingerprint;
    impl->known.insert(impl->known.end(), fingerprint.begin(), fingerprint.end());
  }
  impl->buffer.clear();
  return chosen;
}

/// Ends the run after this step as fix halt does; later commands of the script follow.
void FixALQuery::stop_run(const std::string &why)
{
  if (comm->me == 0)
    utils::logmesg(
        lmp, fmt::format("fix al_query: step {}: {}, the run stops\n", update->ntimestep, why));
  timer->force_timeout();
  impl->stopped = true;
}

/* ----------------------------------------------------------------------
   output and restart
------------------------------------------------------------------------- */

double FixALQuery::compute_vector(int i)
{
  const double values[] = {impl->max_sigma,
                           impl->mean_sigma,
                           static_cast<double>(impl->flagged),
                           static_cast<double>(impl->rejected),
                           static_cast<double>(impl->buffered),
                           static_cast<double>(impl->selected),
                           static_cast<double>(impl->batches)};
  return values[i];
}

void FixALQuery::write_restart(FILE *fp)
{
  if (comm->me != 0) return;
  std::vector<double> list;
  for (bigint value : {impl->last_evaluated, impl->last_stored, impl->flagged, impl->rejected,
                       impl->selected, impl->batches, static_cast<bigint>(impl->buffered)})
    list.push_back(static_cast<double>(value));
  for (const auto &entry : impl->refusals.entries)
    for (double value : {static_cast<double>(entry.count), static_cast<double>(entry.first_step),
                         static_cast<double>(entry.last_step), entry.worst})
      list.push_back(value);
  const int size = static_cast<int>(list.size() * sizeof(double));
  fwrite(&size, sizeof(int), 1, fp);
  fwrite(list.data(), sizeof(double), list.size(), fp);
}

void FixALQuery::restart(char *buf)
{
  const auto *list = reinterpret_cast<const double *>(buf);
  for (bigint *value : {&impl->last_evaluated, &impl->last_stored, &impl->flagged, &impl->rejected,
                        &impl->selected, &impl->batches})
    *value = static_cast<bigint>(*list++);
  const int lost = static_cast<int>(*list++);
  for (auto &entry : impl->refusals.entries) {
    entry.count = static_cast<std::int64_t>(*list++);
    entry.first_step = static_cast<std::int64_t>(*list++);
    entry.last_step = static_cast<std::int64_t>(*list++);
    entry.worst = *list++;
  }
  if (lost > 0 && comm->me == 0)
    utils::logmesg(
        lmp,
        fmt::format(
            "fix al_query: {} candidates waited in the buffer when the restart file was written; "
            "they are not in it\n",
            lost));
}

double FixALQuery::memory_usage()
{
  double bytes = static_cast<double>(nmax) * sizeof(double);
  if (comm->me == 0)
    for (const auto &candidate : impl->buffer.candidates())
      bytes += (candidate.fingerprint.size() + 8.0 * candidate.frame.num_atoms()) * sizeof(double);
  return bytes;
}
