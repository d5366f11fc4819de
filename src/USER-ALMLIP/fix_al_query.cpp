// SPDX-License-Identifier: GPL-2.0-or-later
#include "fix_al_query.h"

#include "al_query_atoms.h"
#include "al_query_settings.h"
#include "al_query_signal.h"
#include "al_query_source.h"
#include "al_query_trace.h"
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
#include "almlip/query/known_files.h"
#include "almlip/query/report.h"
#include "almlip/query/rule.h"
#include "almlip/query/spool.h"
#include "almlip/query/state.h"

#include <algorithm>
#include <deque>
#include <optional>

using namespace LAMMPS_NS;
using almlip::Decision;
using almlip::Refusal;

/// Known configurations that a choice keeps away from, beside those of the training set.
static constexpr int MOST_KNOWN = 2000;
/// Excursions above hi that a run reports one by one.
static constexpr int MOST_TOLD = 5;

enum PeratomColumn { SIGMA, NOVELTY, FLAG, NUM_COLUMNS };

struct FixALQuery::Impl {
  Impl(LAMMPS *lmp, int narg, char **arg)
      : settings(lmp, narg, arg),
        source(lmp),
        atoms(lmp, source),
        state(settings.selection, settings.buffer),
        known_files(settings.known, settings.prefix)
  {
  }

  ALQuerySettings settings;
  ALQuerySource source;
  ALQueryAtoms atoms;
  almlip::QueryRule rule;
  almlip::QueryState state;
  std::optional<ALQuerySignal> signal;    // during a run

  // rank 0 only
  ALQueryTrace trace;
  almlip::KnownFiles known_files;
  std::optional<almlip::Spool> spool;    // from the first candidate on
  std::string spool_problem;
  int max_atoms = 0;    // of a candidate, for the choice by atoms

  bool due = false;                       // at the next evaluation of forces
  bool pending = false;                   // `latest` waits for the end of its step
  bool stopped = false, ended = false;    // softly; for good
  int num_told = 0;
  ALQuerySnapshot latest;
  std::deque<ALQuerySnapshot> before;    // looks that were not stored, the newest last
  ALQueryAtoms::Look look;               // of the latest configuration looked at

  void open_spool();
  void keep_on_disk(const almlip::QueryCandidate &candidate);
  void read_known();
  std::vector<almlip::Choice> choose() const;
  almlip::BatchRecord record(const char *reason) const;
};

/// Goes on with the spool of the restart file, if there is one.
void FixALQuery::Impl::open_spool()
{
  almlip::SpoolSettings limits;
  limits.folder = settings.spool;
  limits.max_megabytes = settings.megabytes;
  limits.seed = settings.selection.seed;
  if (state.spool.empty())
    spool.emplace(limits);
  else
    spool.emplace(limits, state.spool);
}

/// A candidate that cannot be kept on disk is still in memory: the run goes on.
void FixALQuery::Impl::keep_on_disk(const almlip::QueryCandidate &candidate)
{
  if (settings.spool.empty()) return;
  try {
    if (!spool) open_spool();
    spool->add(candidate, {candidate.why, state.potential, candidate.keep});
  } catch (const almlip::Error &problem) {
    spool_problem = problem.what();
  }
}

void FixALQuery::Impl::read_known()
{
  if (const almlip::Potential *potential = source.whole_potential())
    state.known.add(known_files.read_new(*potential, state.potential, state.labelled));
}

std::vector<almlip::Choice> FixALQuery::Impl::choose() const
{
  almlip::Candidates candidates;
  candidates.known = state.known.latest(MOST_KNOWN);
  for (const auto &candidate : state.buffer.candidates()) {
    candidates.num_features = static_cast<int>(candidate.fingerprint.size());
    candidates.features.insert(candidates.features.end(), candidate.fingerprint.begin(),
                               candidate.fingerprint.end());
    candidates.uncertainty.push_back(candidate.max_sigma);
    candidates.atoms.push_back(&candidate.atoms);
  }
  candidates.labelled_atoms = &state.labelled;
  return almlip::select(candidates, record("").selection);
}

almlip::BatchRecord FixALQuery::Impl::record(const char *reason) const
{
  almlip::BatchRecord record;
  record.reason = reason;
  record.potential = state.potential;
  record.rule = rule;
  record.selection = settings.selection;
  record.selection.seed += state.total.batches;    // each batch draws anew
  record.periods = {{"every", settings.nevery},
                    {"buffer", settings.buffer},
                    {"before", settings.before},
                    {"trigger", std::max(settings.trigger, 0)}};
  record.refusals = state.refusals;
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
  size_vector = 12;
  extvector = 0;
  global_freq = nevery;
  peratom_flag = 1;
  size_peratom_cols = impl->settings.array ? NUM_COLUMNS : 0;
  peratom_freq = nevery;
  fill_peratom();
  if (impl->settings.trace.empty()) return;
  on_first_rank(lmp, "fix al_query", [&] { impl->trace.open(impl->settings.trace); });
}

FixALQuery::~FixALQuery()
{
  memory->destroy(vector_atom);
  memory->destroy(array_atom);
}

int FixALQuery::setmask()
{
  return FixConst::PRE_FORCE | FixConst::POST_FORCE | FixConst::END_OF_STEP |
         FixConst::MIN_PRE_FORCE | FixConst::MIN_POST_FORCE | FixConst::POST_RUN;
}

void FixALQuery::init()
{
  if (update->whichflag == 1 && utils::strmatch(update->integrate_style, "^respa"))
    error->all(FLERR, "fix al_query: run_style is respa, but it must be verlet");
  if (!atom->tag_enable)
    error->all(FLERR, "fix al_query: atoms have no IDs; use atom_modify id yes");
  impl->source.init();
  check_atoms();
  use_potential();
  impl->state.begin_run();
  impl->stopped = impl->pending = false;
  impl->num_told = 0;
  impl->signal.emplace();
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

/// Choice by atoms needs to know the potential; without one the default is the choice by frames.
void FixALQuery::check_strategy()
{
  almlip::Strategy &strategy = impl->settings.selection.strategy;
  if (strategy != almlip::Strategy::alc_atoms) return;
  if (impl->source.whole_potential()) {
    if (impl->max_atoms == 0) impl->max_atoms = almlip::atoms_per_frame;
    return;
  }
  if (impl->settings.strategy_given)
    error->all(FLERR,
               "fix al_query: the pair style does not tell its potential, which strategy "
               "alc_atoms needs; use another one, such as alc");
  strategy = almlip::Strategy::alc;
  if (comm->me == 0)
    utils::logmesg(lmp,
                   "fix al_query: the pair style does not tell its potential, strategy is alc\n");
}

/// Takes over windows, gates and training set of the potential.
void FixALQuery::use_potential()
{
  try {
    set_rule();
  } catch (const almlip::Error &problem) {
    error->all(FLERR, "fix al_query: " + std::string(problem.what()));
  }
  check_strategy();
  if (impl->source.potential != impl->state.potential) forget_other_potential();
  on_first_rank(lmp, "fix al_query", [&] {
    impl->read_known();
    if (!impl->spool && !impl->state.spool.empty())
      impl->open_spool();    // cuts off what came later
  });
}

/// The one place where the input's units become those of the core.
void FixALQuery::set_rule()
{
  using Threshold = ALQuerySettings::Threshold;
  const ALQuerySettings &settings = impl->settings;
  const ALQuerySource &source = impl->source;
  const double angstrom = source.units.angstrom, force_unit = source.units.force();

  almlip::QueryRule rule;
  rule.measure = settings.measure;
  rule.spacing = settings.spacing;
  if (settings.threshold == Threshold::given) {
    const almlip::Window window{settings.lo, settings.hi};
    if (settings.measure == almlip::Measure::energy)
      rule.energy = {window.lo / source.units.electron_volt,
                     window.hi / source.units.electron_volt};
    else if (settings.measure == almlip::Measure::novelty)
      rule.novelty = window;
    else
      rule.force = {window.lo / force_unit, window.hi / force_unit};
  } else if (settings.measure != almlip::Measure::novelty) {
    rule.force = almlip::automatic_window(source.basis, static_cast<int>(atom->natoms));
  }
  if (settings.threshold == Threshold::none) rule.force.lo = rule.novelty.lo = 0.0;
  rule.min_distance = settings.mindist / angstrom;
  rule.min_distance_ratio = settings.mindist_given ? 0.0 : almlip::default_distance_ratio;
  rule.max_force = settings.fmax_given ? settings.fmax / force_unit : source.largest_force;
  rule.min_density = settings.least_density;
  rule.max_density = settings.largest_density;
  rule.max_temperature = settings.largest_temperature;
  impl->rule = rule;
}

/// What was chosen with another potential has other fingerprints.
void FixALQuery::forget_other_potential()
{
  almlip::QueryState &state = impl->state;
  if (!state.potential.empty()) state.forget_last_look();
  state.potential = impl->source.potential;
  state.threshold = {impl->rule.force.lo, impl->settings.share};
  state.buffer.clear();
  impl->before.clear();
  impl->known_files.forget();
  if (comm->me != 0) return;
  state.known.reset(2 * impl->source.num_elements * impl->source.num_descriptors);
  state.known.add(impl->source.training_fingerprints());
  if (const almlip::Potential *whole = impl->source.whole_potential())
    state.labelled = almlip::training_atoms(*whole);
}

/* ----------------------------------------------------------------------
   observe: the configuration whose forces were computed last in a step
------------------------------------------------------------------------- */

void FixALQuery::setup_pre_force(int vflag) { pre_force(vflag); }

void FixALQuery::pre_force(int)
{
  impl->due = update->ntimestep % nevery == 0;
  if (impl->due) impl->source.want(true);
}

/// A new iteration begins: the last evaluation of the one before was its accepted step.
void FixALQuery::min_pre_force(int vflag)
{
  if (impl->pending && impl->latest.step != update->ntimestep) consider();
  pre_force(vflag);
}

void FixALQuery::post_force(int)
{
  if (!impl->due) return;
  impl->due = false;
  impl->latest = impl->atoms.take(groupbit);
  impl->pending = true;
  fill_peratom();
  impl->source.want(false);
  request_energy(update->ntimestep + nevery);
}

void FixALQuery::min_post_force(int vflag) { post_force(vflag); }

void FixALQuery::setup(int vflag)
{
  request_energy(update->ntimestep - update->ntimestep % nevery + nevery);
  post_force(vflag);
  if (impl->pending) consider();
}

void FixALQuery::min_setup(int vflag) { setup(vflag); }

void FixALQuery::end_of_step()
{
  if (impl->pending) consider();
}

/// Makes LAMMPS sum up the energy on a later step.
void FixALQuery::request_energy(bigint step)
{
  if (Compute *pe = modify->get_compute_by_id("thermo_pe")) pe->addstep(step);
}

void FixALQuery::fill_peratom()
{
  const bool array = impl->settings.array;
  if (atom->nmax > nmax || nmax == 0) {
    nmax = std::max(atom->nmax, 1);
    if (array)
      memory->grow(array_atom, nmax, NUM_COLUMNS, "al_query:array");
    else
      memory->grow(vector_atom, nmax, "al_query:sigma");
    if (array) std::fill_n(&array_atom[0][0], nmax * NUM_COLUMNS, 0.0);
    if (!array) std::fill_n(vector_atom, nmax, 0.0);
  }
  if (!impl->pending) return;
  const ALQuerySource::Outputs out = impl->source.outputs();
  for (int i = 0; i < atom->nlocal; i++) {
    const bool watched = (atom->mask[i] & groupbit) != 0;
    const double sigma = watched ? out.sigma[i] : 0.0;
    if (!array) {
      vector_atom[i] = sigma;
      continue;
    }
    const double novelty = watched && out.novelty ? out.novelty[i] : 0.0;
    const double force = sigma / impl->source.units.force();
    array_atom[i][SIGMA] = sigma;
    array_atom[i][NOVELTY] = novelty;
    array_atom[i][FLAG] = impl->rule.flags(force, novelty) ? 1.0 : 0.0;
  }
}

/* ----------------------------------------------------------------------
   decide, and act
------------------------------------------------------------------------- */

/// Decides about the latest configuration; all ranks decide alike.
void FixALQuery::consider()
{
  impl->pending = false;
  almlip::QueryState &state = impl->state;
  almlip::QueryRule &rule = impl->rule;
  impl->look = impl->atoms.look(impl->latest);
  almlip::Observation &seen = impl->look.seen;
  if (impl->look.told_to_end && !impl->ended) end_by_signal();
  if (state.is_last_look(impl->look.identity)) return;
  if (rule.max_temperature > 0.0) seen.temperature = impl->atoms.temperature();
  if (rule.min_density > 0.0 || rule.max_density > 0.0)
    seen.density = impl->atoms.density(impl->latest);
  if (impl->settings.threshold == ALQuerySettings::Threshold::adaptive)
    rule.force.lo = state.threshold.lo();

  const bool new_excursion = !state.in_excursion();
  const Decision decision = state.look(rule, seen, impl->look.identity);
  if (decision.untrusted && new_excursion) {
    tell_distrust(decision.why, decision.atom);
    store_those_before();
  }
  if (decision.verdict == Decision::Verdict::candidate)
    store(impl->latest, decision.untrusted ? "above_hi" : "window", decision.untrusted);
  else if (impl->settings.before > 0 && !decision.untrusted)
    impl->before.push_back(impl->latest);
  if (static_cast<int>(impl->before.size()) > impl->settings.before) impl->before.pop_front();
  if (!impl->settings.trace.empty())
    on_first_rank(lmp, "fix al_query",
                  [&] { impl->trace.write(seen, impl->look.mean_sigma, rule, state); });

  const bool soft = impl->settings.soft;
  const int trigger = impl->settings.trigger;
  if (decision.untrusted && soft) {
    choose_batch("above_hi");
    stop_run(decision.why);
  } else if (trigger != ALQuerySettings::AT_THE_END && state.num_buffered >= trigger) {
    choose_batch("trigger");
    if (soft) stop_run("a batch is chosen");
  }
}

void FixALQuery::tell_distrust(const std::string &why, tagint worst)
{
  const std::string symbol = worst > 0 ? impl->atoms.symbol_of(impl->latest, worst) : "";
  if (++impl->num_told > MOST_TOLD || comm->me != 0) return;
  utils::logmesg(lmp,
                 fmt::format("fix al_query: step {}: {}{}{}\n", impl->latest.step, why,
                             symbol.empty() ? "" : ", element " + symbol,
                             impl->num_told == MOST_TOLD ? "; further ones are not told" : ""));
}

/// The looks that led to one that is not trusted.
void FixALQuery::store_those_before()
{
  for (const ALQuerySnapshot &shot : impl->before) store(shot, "before", true);
  impl->before.clear();
}

/// Gathers the configuration on rank 0, which takes it into the buffer unless it is known.
void FixALQuery::store(const ALQuerySnapshot &shot, const std::string &why, bool keep)
{
  struct {
    int known = 0, given_up = 0, buffered = 0;
  } verdict;
  almlip::QueryState &state = impl->state;
  almlip::QueryCandidate candidate = impl->atoms.gather(shot, impl->max_atoms);
  on_first_rank(lmp, "fix al_query", [&] {
    verdict.known = state.known.contains(candidate.fingerprint, impl->settings.selection.duplicate);
    if (!verdict.known) {
      candidate.why = why;
      candidate.keep = keep;
      impl->keep_on_disk(candidate);
      verdict.given_up = state.buffer.add(std::move(candidate));
      impl->max_atoms = state.buffer.thin_atoms(impl->max_atoms, impl->source.num_descriptors);
    }
    verdict.buffered = state.buffer.size();
  });
  MPI_Bcast(&verdict, sizeof(verdict), MPI_BYTE, 0, world);
  if (verdict.known) return state.refuse(Refusal::duplicate, shot.step);
  state.count_stored(shot.step, keep, verdict.buffered);
  if (verdict.given_up) state.count_given_up(shot.step);
}

/// Chooses and writes a batch from whatever is in the buffer.
void FixALQuery::choose_batch(const char *reason)
{
  almlip::QueryState &state = impl->state;
  const int num_candidates = state.num_buffered;
  if (num_candidates == 0) return;
  int chosen = 0;
  on_first_rank(lmp, "fix al_query", [&] { chosen = write_batch(reason); });
  MPI_Bcast(&chosen, 1, MPI_INT, 0, world);
  state.count_batch(chosen, num_candidates - chosen, update->ntimestep);
}

/// Rank 0's part of choose_batch; returns the number of configurations.
int FixALQuery::write_batch(const char *reason)
{
  almlip::QueryState &state = impl->state;
  const auto &candidates = state.buffer.candidates();
  impl->read_known();    // what other processes chose meanwhile
  const std::vector<almlip::Choice> choices = impl->choose();
  const int chosen = static_cast<int>(choices.size()), left = state.buffer.size() - chosen;
  if (chosen == 0) {
    utils::logmesg(lmp, fmt::format("fix al_query: step {}: all {} candidates are known by now, no "
                                    "batch is written\n",
                                    update->ntimestep, left));
    state.buffer.clear();
    return 0;
  }

  almlip::BatchRecord record = impl->record(reason);
  record.refusals.add(Refusal::passed_over, update->ntimestep, 0.0, left);
  record.step = update->ntimestep;
  record.lammps = lmp->version;
  record.units = update->unit_style;
  record.counts = {{"looks", state.total.looks},
                   {"flagged", state.total.flagged},
                   {"untrusted", state.total.untrusted},
                   {"rejected", state.total.rejected},
                   {"selected", state.total.selected + chosen},
                   {"batches", state.total.batches + 1}};
  const int number =
      almlip::write_batch(impl->settings.prefix, candidates, choices, record, state.next_batch);
  state.next_batch = number + 1;
  impl->known_files.skip_batch(number);
  utils::logmesg(lmp,
                 fmt::format("fix al_query: step {}: {} of {} candidates written to {}.extxyz\n",
                             update->ntimestep, chosen, chosen + left,
                             almlip::batch_stem(impl->settings.prefix, number)));
  for (const auto &choice : choices) {
    state.known.add(candidates[choice.index].fingerprint);
    if (impl->max_atoms > 0) state.labelled.add(candidates[choice.index].atoms);
  }
  state.buffer.clear();
  return chosen;
}

/// Ends the run after this step as fix halt does; later commands of the script follow.
void FixALQuery::stop_run(const std::string &why)
{
  if (comm->me == 0)
    utils::logmesg(
        lmp, fmt::format("fix al_query: step {}: {}, the run stops\n", update->ntimestep, why));
  timer->force_timeout();
  impl->stopped = !impl->ended;
}

/// As `timer timeout` does: this run ends after the step, and all further ones of the script.
void FixALQuery::end_by_signal()
{
  if (comm->me == 0)
    utils::logmesg(lmp,
                   fmt::format("fix al_query: step {}: told to end by SIGTERM, all runs stop\n",
                               update->ntimestep));
  timer->force_timeout();
  impl->stopped = false;
  impl->ended = true;
}

void FixALQuery::post_run()
{
  if (impl->pending) consider();    // the last accepted step of a minimisation
  choose_batch("end_of_run");
  report();
  impl->signal.reset();
  if (impl->stopped) timer->reset_timeout();    // later runs of the script are not affected
  impl->stopped = false;
}

/// The closing words of a run.
void FixALQuery::report()
{
  almlip::QueryState &state = impl->state;
  state.end_run();
  if (comm->me == 0 && state.run.counts.looks > 0)
    utils::logmesg(lmp, almlip::run_report(state, impl->rule, impl->source.has_novelty,
                                           fmt::format("fix al_query {}: ", id)));
  if (!impl->spool_problem.empty())
    error->warning(FLERR,
                   "fix al_query: candidates are missing in the spool: " + impl->spool_problem);
  impl->spool_problem.clear();
  state.begin_run();
}

/* ----------------------------------------------------------------------
   output and restart
------------------------------------------------------------------------- */

double FixALQuery::compute_vector(int i)
{
  const almlip::QueryState &state = impl->state;
  const double force_unit = impl->source.units.force();
  const double values[] = {
      impl->look.seen.sigma.value * force_unit, impl->look.mean_sigma * force_unit,
      static_cast<double>(state.total.flagged), static_cast<double>(state.total.rejected),
      static_cast<double>(state.num_buffered),  static_cast<double>(state.total.selected),
      static_cast<double>(state.total.batches), impl->look.seen.novelty.value,
      static_cast<double>(state.total.looks),   static_cast<double>(state.total.untrusted),
      impl->rule.force.lo * force_unit,         impl->rule.force.hi * force_unit};
  return values[i];
}

void FixALQuery::write_restart(FILE *fp)
{
  if (comm->me != 0) return;
  try {
    if (impl->spool) impl->state.spool = impl->spool->save();
  } catch (const almlip::Error &problem) {
    error->warning(FLERR, "fix al_query: " + std::string(problem.what()));
  }
  const std::string block = impl->state.save();
  const auto size = static_cast<int>(block.size());
  fwrite(&size, sizeof(int), 1, fp);
  fwrite(block.data(), 1, block.size(), fp);
}

void FixALQuery::restart(char *buf)
{
  try {
    impl->state.load(buf);
  } catch (const almlip::Error &problem) {
    error->all(FLERR, "fix al_query: " + std::string(problem.what()));
  }
  if (comm->me != 0) impl->state.leave_to_first_rank();
}

double FixALQuery::memory_usage()
{
  double bytes = static_cast<double>(nmax) * (impl->settings.array ? NUM_COLUMNS : 1);
  bytes += static_cast<double>(impl->latest.atoms.capacity()) *
           static_cast<double>(1 + impl->before.size());
  for (const auto &candidate : impl->state.buffer.candidates())
    bytes += static_cast<double>(candidate.fingerprint.size()) + 9.0 * candidate.frame.num_atoms();
  return bytes * sizeof(double);
}
