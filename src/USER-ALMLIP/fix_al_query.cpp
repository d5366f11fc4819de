// SPDX-License-Identifier: GPL-2.0-or-later
#include "fix_al_query.h"

#include "al_query_atoms.h"
#include "al_query_peratom.h"
#include "al_query_rule.h"
#include "al_query_settings.h"
#include "al_query_signal.h"
#include "al_query_source.h"
#include "al_query_store.h"
#include "al_query_trace.h"
#include "almlip_problem.h"

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "error.h"
#include "force.h"
#include "group.h"
#include "input.h"
#include "modify.h"
#include "timer.h"
#include "universe.h"
#include "update.h"
#include "utils.h"

#include "almlip/error.h"
#include "almlip/query/report.h"
#include "almlip/query/rule.h"
#include "almlip/query/state.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

using namespace LAMMPS_NS;
using almlip::Decision;

namespace {

/// Name of the command that runs; LAMMPS before 2024 keeps it to itself and what derives from
/// Input.
struct CurrentCommand : public Input {
  static std::string of(Input *input)
  {
    const char *command = input->*(&CurrentCommand::command);
    return command ? command : "";
  }
};

}    // namespace

/// Excursions above hi that a run reports one by one.
static constexpr int MAX_TOLD = 5;

/// Arrays of atoms that KOKKOS brings to the host before it calls the fix, which changes none.
static constexpr unsigned int NO_ARRAYS = 0, ALL_ARRAYS = ~0U;

struct FixALQuery::Impl {
  Impl(LAMMPS *lmp, int narg, char **arg)
      : settings(lmp, narg, arg),
        source(lmp),
        atoms(lmp, source),
        state(settings.selection, settings.buffer),
        peratom(lmp, settings.array),
        store(lmp, settings, source, state)
  {
  }

  ALQuerySettings settings;
  ALQuerySource source;
  ALQueryAtoms atoms;
  almlip::QueryRule rule;
  almlip::QueryState state;
  ALQueryPeratom peratom;
  ALQueryStore store;    // used by rank 0, as is the trace
  ALQueryTrace trace;
  std::optional<ALQuerySignal> signal;    // during a run

  bool due = false;                       // at the next evaluation of forces
  bool pending = false;                   // `latest` waits for the end of its step
  bool stopped = false, ended = false;    // softly; for good
  bool told_to_wait = false;              // that the run goes on although it should end
  int num_told = 0;
  bool told_empty_group = false;
  ALQuerySnapshot latest;
  std::deque<ALQuerySnapshot> before;    // looks that were not stored, the newest last
  ALQueryAtoms::Look look;               // of the latest configuration looked at
};

/* ---------------------------------------------------------------------- */

FixALQuery::FixALQuery(LAMMPS *lmp, int narg, char **arg)
    : Fix(lmp, narg, arg), impl(new Impl(lmp, narg, arg))
{
  nevery = impl->settings.nevery;
  dynamic_group_allow = 1;
  datamask_read = datamask_modify = NO_ARRAYS;
  restart_global = 1;
  vector_flag = 1;
  size_vector = 12;
  extvector = 0;
  global_freq = nevery;
  peratom_flag = 1;
  size_peratom_cols = impl->peratom.num_columns();
  peratom_freq = nevery;
  create_attribute = 1;
  maxexchange = impl->peratom.num_values();
  FixALQuery::grow_arrays(atom->nmax);
  if (!impl->settings.trace.empty()) {
    std::string path = impl->settings.trace;
    if (universe->nworlds > 1) path += fmt::format(".{}", universe->iworld);    // as log.lammps
    on_first_rank(lmp, "fix al_query", [&] { impl->trace.open(path); });
  }
  // LAMMPS then refuses `replicate`, after which the values would be those of other atoms. KOKKOS
  // would sort and exchange all atoms on the CPU for it.
  if (!lmp->kokkos) atom->add_callback(Atom::GROW);
}

FixALQuery::~FixALQuery()
{
  if (!lmp->kokkos) atom->delete_callback(id, Atom::GROW);
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
  impl->pending = false;
  heed_signal();
}

/// Also in runs without init, those with `pre no`.
void FixALQuery::heed_signal()
{
  if (!impl->signal) impl->signal.emplace();
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
  if (!impl->told_empty_group && !group->dynamic[igroup] && group->count(igroup) == 0) {
    impl->told_empty_group = true;
    if (comm->me == 0)
      error->warning(FLERR, fmt::format("fix al_query: group {} has no atoms, so that no sigma and "
                                        "no novelty is looked at",
                                        group->names[igroup]));
  }
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
    if (impl->store.max_atoms == 0) impl->store.max_atoms = almlip::atoms_per_frame;
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
    impl->rule = al_query_rule(impl->settings, impl->source, static_cast<int>(atom->natoms));
  } catch (const almlip::Error &problem) {
    error->all(FLERR, "fix al_query: " + std::string(problem.what()));
  }
  if (impl->settings.measure == almlip::Measure::novelty && !impl->source.has_novelty)
    error->all(FLERR,
               "fix al_query: measure is novelty, but the potential does not tell it; train it "
               "with novelty true, or use another measure");
  check_strategy();
  if (impl->source.potential != impl->state.potential) forget_other_potential();
  impl->state.threshold.begin(impl->rule.force.lo, impl->settings.share);
  on_first_rank(lmp, "fix al_query", [&] { impl->store.begin_run(); });
}

/// What was chosen with another potential has other fingerprints.
void FixALQuery::forget_other_potential()
{
  almlip::QueryState &state = impl->state;
  if (!state.potential.empty()) state.forget_last_look();
  state.potential = impl->source.potential;
  state.threshold = {};
  if (comm->me == 0 && state.buffer.size() > 0)
    utils::logmesg(lmp, fmt::format("fix al_query: the potential is another one than before; {} "
                                    "candidates of the one before are taken out of the buffer{}\n",
                                    state.buffer.size(),
                                    impl->settings.spool.empty() ? "" : ", not out of the spool"));
  state.buffer.clear();
  impl->before.clear();
  if (comm->me == 0) impl->store.use_other_potential();
}

/* ----------------------------------------------------------------------
   observe: the configuration whose forces were computed last in a step
------------------------------------------------------------------------- */

void FixALQuery::setup_pre_force(int vflag) { pre_force(vflag); }

void FixALQuery::pre_force(int)
{
  impl->due = update->ntimestep % nevery == 0;
  datamask_read = impl->due ? ALL_ARRAYS : NO_ARRAYS;
  if (!impl->due) return;
  impl->source.want(true);
  heed_signal();
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
  grow_arrays(atom->nmax);
  impl->peratom.fill(impl->source, impl->rule, groupbit);
  impl->source.want(false);
  request_energy(update->ntimestep + nevery);
}

/// Whether this is an accepted step shows when the next iteration has moved the atoms.
void FixALQuery::min_post_force(int vflag)
{
  post_force(vflag);
  if (impl->pending) impl->atoms.keep_descriptors(impl->latest);
}

void FixALQuery::setup(int vflag)
{
  request_energy(update->ntimestep - update->ntimestep % nevery + nevery);
  post_force(vflag);
  impl->latest.move = {};    // no step was made, as in all looks of a rerun
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

/* ----------------------------------------------------------------------
   per-atom output follows its atoms
------------------------------------------------------------------------- */

void FixALQuery::grow_arrays(int)
{
  impl->peratom.allocate();
  vector_atom = impl->peratom.vector;
  array_atom = impl->peratom.array;
}

void FixALQuery::copy_arrays(int i, int j, int) { impl->peratom.copy(i, j); }

/// For an atom that create_atoms and the like have added, until the next look.
void FixALQuery::set_arrays(int i)
{
  grow_arrays(atom->nmax);
  impl->peratom.clear(i);
}

int FixALQuery::pack_exchange(int i, double *buf)
{
  std::copy_n(impl->peratom.values(i), maxexchange, buf);
  return maxexchange;
}

int FixALQuery::unpack_exchange(int i, double *buf)
{
  std::copy_n(buf, maxexchange, impl->peratom.values(i));
  return maxexchange;
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
  if (impl->look.identity.num_atoms == 0 && seen.num_lost == 0) return;
  if (impl->look.told_to_end && !impl->ended) end_by_signal();
  if (state.is_last_look(impl->look.identity)) return;
  if (rule.max_temperature > 0.0) seen.temperature = impl->atoms.temperature();
  if (rule.min_density > 0.0 || rule.max_density > 0.0)
    seen.density = impl->atoms.density(impl->latest);
  if (impl->settings.threshold == ALQuerySettings::Threshold::adaptive)
    rule.force.lo = state.threshold.lo();

  const bool new_excursion = !state.in_excursion();
  const Decision decision = state.look(rule, seen, impl->look.identity);
  const bool soft = impl->settings.soft,
             ends = decision.untrusted && (soft || (decision.exploded && !is_rerun()));
  const std::string why = decision.untrusted && (new_excursion || ends) ? reason_of(decision) : "";
  if (decision.untrusted && new_excursion) {
    if (!ends || !may_stop()) tell_distrust(why);    // else the last words tell it
    store_those_before();
  }
  const bool is_candidate = decision.verdict == Decision::Verdict::candidate;
  const bool may_lead_to_one =
      impl->settings.before > 0 && !decision.untrusted && rule.passes_gates(seen);
  if (is_candidate || may_lead_to_one) {
    impl->atoms.keep_descriptors(impl->latest);
    impl->latest.temperature = impl->atoms.temperature();
  }
  if (is_candidate)
    store(impl->latest, decision.untrusted ? "above_hi" : "window");
  else if (may_lead_to_one)
    impl->before.push_back(impl->latest);
  if (static_cast<int>(impl->before.size()) > impl->settings.before) impl->before.pop_front();
  if (!impl->settings.trace.empty() && comm->me == 0) {
    const std::string problem = impl->trace.write(seen, impl->look.mean_sigma, rule, state);
    if (!problem.empty()) error->warning(FLERR, "fix al_query: " + problem);
  }

  const int trigger = impl->settings.trigger;
  if (ends) {
    choose_batch(decision.exploded ? "exploded" : "above_hi");
    if (decision.exploded && may_stop()) forget_lost_atoms();
    stop_run(why);
  } else if (trigger != ALQuerySettings::AT_THE_END && state.num_buffered >= trigger) {
    choose_batch("trigger");
    if (soft) stop_run("a batch is chosen");
  }
}

/// Why the latest look is not trusted, with the element of its atom. For all ranks to call
/// together.
std::string FixALQuery::reason_of(const Decision &decision) const
{
  const std::string symbol =
      decision.atom > 0 ? impl->atoms.symbol_of(impl->latest, decision.atom) : "";
  return decision.why + (symbol.empty() ? "" : ", element " + symbol);
}

void FixALQuery::tell_distrust(const std::string &why)
{
  if (++impl->num_told > MAX_TOLD || comm->me != 0) return;
  utils::logmesg(lmp, fmt::format("fix al_query: step {}: {}{}\n", impl->latest.step, why,
                                  impl->num_told == MAX_TOLD ? "; further ones are not told" : ""));
}

/// The looks that led to one that is not trusted.
void FixALQuery::store_those_before()
{
  for (const ALQuerySnapshot &shot : impl->before) store(shot, "before");
  impl->before.clear();
}

/// Gathers the configuration on rank 0, which takes it into the buffer unless it is known.
void FixALQuery::store(const ALQuerySnapshot &shot, const std::string &why)
{
  ALQueryStore::Verdict verdict;
  almlip::QueryState &state = impl->state;
  almlip::QueryCandidate candidate = impl->atoms.gather(shot, impl->store.max_atoms);
  candidate.why = why;
  candidate.keep = why != "window";
  on_first_rank(lmp, "fix al_query", [&] { verdict = impl->store.add(std::move(candidate)); });
  MPI_Bcast(&verdict, sizeof(verdict), MPI_BYTE, 0, world);
  if (verdict.known) {
    // nobody asked for looks of *before*
    if (why != "before") state.count_known(shot.step, why == "above_hi");
    return;
  }
  state.count_stored(shot.step, why == "above_hi", verdict.buffered);
  if (verdict.given_up) state.count_given_up(shot.step);
}

/// Chooses and writes a batch from whatever is in the buffer.
void FixALQuery::choose_batch(const char *reason)
{
  almlip::QueryState &state = impl->state;
  const int num_candidates = state.num_buffered;
  if (num_candidates == 0) return;
  int chosen = 0;
  on_first_rank(lmp, "fix al_query", [&] { chosen = impl->store.write_batch(reason, impl->rule); });
  MPI_Bcast(&chosen, 1, MPI_INT, 0, world);
  state.count_batch(chosen, num_candidates - chosen, update->ntimestep);
}

/// Whether the steps of this run are tied to those of other partitions, or to a command that waits
/// for all of them: if one ended earlier, the others would wait for it for ever.
bool FixALQuery::is_tied() const
{
  if (update->multireplica) return true;
  const std::string command = CurrentCommand::of(input);
  for (const char *name : {"neb", "prd", "tad", "hyper", "temper"})
    if (command.compare(0, strlen(name), name) == 0) return true;
  if (utils::strmatch(update->integrate_style, "^verlet/split")) return true;
  for (const auto *fix : modify->get_fix_list())
    if (utils::strmatch(fix->style, "^pimd") || utils::strmatch(fix->style, "^alchemy"))
      return true;
  return false;
}

/// LAMMPS reads all snapshots, whatever happens in between.
bool FixALQuery::is_rerun() const { return CurrentCommand::of(input) == "rerun"; }

bool FixALQuery::may_stop() const { return !is_rerun() && !is_tied(); }

/// As `thermo_modify lost warn` does: else LAMMPS would end before the run has ended softly.
void FixALQuery::forget_lost_atoms()
{
  bigint mine = atom->nlocal, all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_LMP_BIGINT, MPI_SUM, world);
  if (all < atom->natoms && comm->me == 0)
    error->warning(
        FLERR, fmt::format("fix al_query: lost atoms: original {} current {}", atom->natoms, all));
  atom->natoms = all;
}

void FixALQuery::tell_to_wait()
{
  if (comm->me == 0 && !impl->told_to_wait)
    error->warning(FLERR,
                   "fix al_query: the run should end, but goes on: other partitions or parts of "
                   "this command would wait for it");
  impl->told_to_wait = true;
}

/// Ends the run after this step as fix halt does; later commands of the script follow. A rerun
/// goes on, and so does a run that is tied to others.
void FixALQuery::stop_run(const std::string &why)
{
  if (impl->stopped || is_rerun()) return;
  if (is_tied()) return tell_to_wait();
  if (comm->me == 0)
    utils::logmesg(
        lmp, fmt::format("fix al_query: step {}: {}, the run stops\n", update->ntimestep, why));
  timer->force_timeout();
  impl->stopped = !impl->ended;
}

/// As `timer timeout` does: this run ends after the step, and all further ones of the script. One
/// that cannot end may be killed before it does, so its batch is chosen now.
void FixALQuery::end_by_signal()
{
  impl->ended = true;
  impl->stopped = false;
  impl->store.patience = 10.0;    // batch systems wait for 30 s as a rule
  if (is_tied() || is_rerun()) choose_batch("end_of_run");
  if (is_tied()) return tell_to_wait();
  if (comm->me == 0)
    utils::logmesg(lmp,
                   fmt::format("fix al_query: step {}: told to end by SIGTERM, all runs {}\n",
                               update->ntimestep, is_rerun() ? "but reruns are skipped" : "stop"));
  timer->force_timeout();
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

/// The closing words of a run. A rerun has one run, but an init for each snapshot.
void FixALQuery::report()
{
  almlip::QueryState &state = impl->state;
  state.end_run();
  const almlip::LookedAt looked_at{impl->source.has_novelty, group->count(igroup)};
  if (comm->me == 0 && state.run.counts.looks > 0)
    utils::logmesg(lmp, almlip::run_report(state, impl->rule, impl->store.files_of_run, looked_at,
                                           fmt::format("fix al_query {}: ", id)));
  if (!impl->store.spool_problem.empty())
    error->warning(
        FLERR, "fix al_query: candidates are missing in the spool: " + impl->store.spool_problem);
  impl->store.spool_problem.clear();
  impl->store.files_of_run.batches.clear();
  state.begin_run();
  impl->num_told = 0;
}

/* ----------------------------------------------------------------------
   output and restart
------------------------------------------------------------------------- */

/// In a minimisation LAMMPS asks before the next iteration shows that the step is accepted: what is
/// seen is of now, what is counted is of the step before.
double FixALQuery::compute_vector(int i)
{
  const almlip::QueryState &state = impl->state;
  if (impl->pending && update->whichflag == 2) impl->look = impl->atoms.look(impl->latest);
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
  const std::string block = impl->store.save();
  const auto size = static_cast<int>(block.size());
  fwrite(&size, sizeof(int), 1, fp);
  fwrite(block.data(), 1, block.size(), fp);
}

void FixALQuery::restart(char *buf)
{
  try {
    impl->state.load(buf, comm->me == 0);
  } catch (const almlip::Error &problem) {
    error->all(FLERR, "fix al_query: " + std::string(problem.what()));
  }
}

double FixALQuery::memory_usage()
{
  double numbers =
      static_cast<double>(impl->latest.atoms.capacity() + impl->latest.descriptors.capacity()) *
      static_cast<double>(1 + impl->before.size());
  for (const auto &candidate : impl->state.buffer.candidates())
    numbers +=
        static_cast<double>(candidate.fingerprint.size()) + 9.0 * candidate.frame.num_atoms();
  return impl->peratom.memory_usage() + numbers * sizeof(double);
}
