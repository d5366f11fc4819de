// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_store.h"

#include "al_query_settings.h"
#include "al_query_source.h"

#include "error.h"
#include "update.h"
#include "utils.h"

#include "almlip/error.h"
#include "almlip/files/file_lock.h"

#include <algorithm>
#include <utility>

using namespace LAMMPS_NS;

/// Known configurations that a choice keeps away from, beside those of the training set.
static constexpr int MAX_KNOWN = 2000;

ALQueryStore::ALQueryStore(LAMMPS *lmp, const ALQuerySettings &settings,
                           const ALQuerySource &source, almlip::QueryState &state)
    : Pointers(lmp),
      settings(settings),
      source(source),
      state(state),
      known_files(settings.known, settings.prefix)
{
}

void ALQueryStore::use_other_potential()
{
  known_files.forget();
  state.know_training_set(2 * source.num_elements * source.num_descriptors,
                          source.training_fingerprints());
  if (const almlip::Potential *whole = source.whole_potential())
    state.labelled = almlip::training_atoms(*whole);
}

void ALQueryStore::begin_run()
{
  if (state.lacks_training_set()) state.add_training_set(source.training_fingerprints());
  read_known();
  if (settings.spool.empty() || spool) return;
  try {
    open_spool();    // cuts off what came after a restart point, also one before any candidate
  } catch (const almlip::Error &) {
    if (!state.spool.empty()) throw;    // else the first candidate tries again, and tells
  }
}

ALQueryStore::Verdict ALQueryStore::add(almlip::QueryCandidate candidate)
{
  Verdict verdict;
  verdict.known = state.known.contains(candidate.fingerprint, settings.selection.duplicate);
  if (!verdict.known) {
    keep_on_disk(candidate);
    verdict.given_up = state.buffer.add(std::move(candidate));
    max_atoms = state.buffer.thin_atoms(max_atoms, source.num_descriptors);
  }
  verdict.buffered = state.buffer.size();
  return verdict;
}

/// Goes on with the spool of the restart file, if there is one.
void ALQueryStore::open_spool()
{
  almlip::SpoolSettings limits;
  limits.folder = settings.spool;
  limits.max_megabytes = settings.megabytes;
  limits.seed = settings.selection.seed;
  if (state.spool.empty())
    spool.emplace(limits);
  else
    spool.emplace(limits, state.spool);
  files_of_run.spool = settings.spool;
  tell(spool->take_notes());
}

/// A candidate that cannot be kept on disk is still in memory: the run goes on.
void ALQueryStore::keep_on_disk(const almlip::QueryCandidate &candidate)
{
  if (settings.spool.empty()) return;
  try {
    if (!spool) open_spool();
    spool->add(candidate, {candidate.why, state.potential, candidate.keep});
    tell(spool->take_notes());
  } catch (const almlip::Error &problem) {
    if (spool_problem.empty()) tell({problem.what()});    // a run that is killed has no last words
    spool_problem = problem.what();
  }
}

std::string ALQueryStore::save()
{
  try {
    if (spool) state.spool = spool->save();
  } catch (const almlip::Error &problem) {
    tell({problem.what()});    // the state of the spool is then that of the last restart file
  }
  almlip::QueryState::Block block = state.save();
  if (block.num_left_out > 0) {
    const bool on_disk = spool && spool_problem.empty();
    tell({fmt::format(
        "{} of {} candidates have no place in the restart file, which has {} MB for "
        "them. {}, or give a smaller buffer",
        block.num_left_out, state.buffer.size(), almlip::QueryState::max_block_bytes / 1000000,
        on_disk ? "All are in " + spool->path() + ": choose from there by almlip select"
                : "Restarted runs do not choose from them: give a spool")});
  }
  if (block.num_known_left_out > 0)
    tell({fmt::format("the earliest {} known configurations have no place in the restart file",
                      block.num_known_left_out)});
  return std::move(block.bytes);
}

void ALQueryStore::read_known()
{
  if (const almlip::Potential *potential = source.whole_potential()) {
    const int before = state.known.count();
    const int count = known_files.read_new(
        *potential, state.potential, settings.selection.duplicate, state.known, state.labelled);
    if (count > 0)
      utils::logmesg(
          lmp, fmt::format("fix al_query: {} known frames read from files, {} of them new\n", count,
                           state.known.count() - before));
  }
  tell(known_files.take_notes());
}

void ALQueryStore::tell(const std::vector<std::string> &notes) const
{
  for (const std::string &note : notes) error->warning(FLERR, "fix al_query: " + note);
}

int ALQueryStore::write_batch(const char *reason, const almlip::QueryRule &rule)
{
  // one after the other, so that each knows what the others have chosen
  const almlip::FileLock alone(settings.prefix + ".lock", patience, [this] {
    utils::logmesg(lmp, "fix al_query: waiting for another run of the same prefix that chooses\n");
    utils::flush_buffers(lmp);
  });
  if (!alone.problem().empty())
    tell({alone.problem() + "; another run of the same prefix may choose the same frames"});
  read_known();
  const std::vector<almlip::Choice> choices = choose();
  const int chosen = static_cast<int>(choices.size()), num_candidates = state.buffer.size();
  if (chosen == 0) {
    utils::logmesg(lmp, fmt::format("fix al_query: step {}: all {} candidates are known by now, no "
                                    "batch is written\n",
                                    update->ntimestep, num_candidates));
  } else {
    const int number = write(reason, rule, choices);
    state.next_batch = number + 1;
    known_files.skip_batch(number);
    const std::string file = almlip::batch_stem(settings.prefix, number) + ".extxyz";
    files_of_run.batches.push_back(file);
    utils::logmesg(lmp, fmt::format("fix al_query: step {}: {} of {} candidates written to {}\n",
                                    update->ntimestep, chosen, num_candidates, file));
    learn(choices);
  }
  state.buffer.clear();
  return chosen;
}

/// Number of the batch. If it cannot be written, the error says where its candidates are.
int ALQueryStore::write(const char *reason, const almlip::QueryRule &rule,
                        const std::vector<almlip::Choice> &choices)
{
  try {
    return almlip::write_batch(settings.prefix, state.buffer.candidates(), choices,
                               record(reason, rule, static_cast<int>(choices.size())),
                               state.next_batch);
  } catch (const almlip::Error &problem) {
    if (!spool) throw;
    if (!spool->is_there())
      almlip::fail(problem.what(), "; the spool ", spool->path(),
                   ", which has candidates too, was moved or deleted");
    almlip::fail(
        problem.what(),
        spool_problem.empty() ? "; all candidates are in " : "; some of the candidates are in ",
        spool->path(), ", from which almlip select chooses");
  }
}

/// Each batch draws anew.
almlip::SelectionSettings ALQueryStore::selection() const
{
  almlip::SelectionSettings selection = settings.selection;
  selection.seed += state.total.batches;
  return selection;
}

std::vector<almlip::Choice> ALQueryStore::choose() const
{
  almlip::Candidates candidates;
  candidates.known = state.known.latest(MAX_KNOWN);
  for (const auto &candidate : state.buffer.candidates()) {
    candidates.num_features = static_cast<int>(candidate.fingerprint.size());
    candidates.features.insert(candidates.features.end(), candidate.fingerprint.begin(),
                               candidate.fingerprint.end());
    candidates.uncertainty.push_back(candidate.max_sigma);
    candidates.atoms.push_back(&candidate.atoms);
  }
  candidates.labelled_atoms = &state.labelled;
  return almlip::select(candidates, selection());
}

almlip::BatchRecord ALQueryStore::record(const char *reason, const almlip::QueryRule &rule,
                                         int chosen) const
{
  almlip::BatchRecord record;
  record.reason = reason;
  record.potential = state.potential;
  record.rule = rule;
  record.selection = selection();
  record.periods = {{"every", settings.nevery},
                    {"buffer", settings.buffer},
                    {"before", settings.before},
                    {"trigger", std::max(settings.trigger, 0)}};
  record.refusals = state.refusals;
  record.refusals.add(almlip::Refusal::passed_over, update->ntimestep, 0.0,
                      state.buffer.size() - chosen);
  record.step = update->ntimestep;
  record.lammps = lmp->version;
  record.units = update->unit_style;
  record.counts = {{"looks", state.total.looks},
                   {"flagged", state.total.flagged},
                   {"untrusted", state.total.untrusted},
                   {"rejected", state.total.rejected},
                   {"selected", state.total.selected + chosen},
                   {"batches", state.total.batches + 1}};
  return record;
}

/// What is in a batch need not be chosen again.
void ALQueryStore::learn(const std::vector<almlip::Choice> &choices)
{
  const auto &candidates = state.buffer.candidates();
  for (const auto &choice : choices) {
    state.known.add(candidates[choice.index].fingerprint);
    if (max_atoms > 0) state.labelled.add(candidates[choice.index].atoms);
  }
}
