// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/state.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/potential.h"
#include "almlip/text.h"

namespace almlip {

using Json = nlohmann::json;

// What makes a block: every member is named once, for both ways.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(QueryCounts, looks, flagged, untrusted, rejected, candidates,
                                   selected, batches)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LookIdentity, step, num_atoms, box, mean_sigma, max_force)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RefusalTally::Entry, count, first_step, last_step, least,
                                   largest)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Frame, cell, pbc, atomic_numbers, positions, config_type, info,
                                   per_atom, per_atom_vectors)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AtomPoints, element, descriptors)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LabelledAtoms, num_descriptors, gram)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(QueryCandidate, frame, fingerprint, atoms, step, max_sigma,
                                   mean_sigma, worst_atom, max_novelty, why, keep)

namespace {

constexpr char header_pattern[] = "almlip query state %3d %20lld %16s\n";
constexpr int format_version = 2;
constexpr std::size_t header_length = 19 + 3 + 1 + 20 + 1 + 16 + 1;

bool is_near(double a, double b, double relative)
{
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

}    // namespace

bool LookIdentity::same_as(const LookIdentity &other) const
{
  constexpr double exact = 1e-12, single = 1e-4;
  if (step != other.step || num_atoms != other.num_atoms) return false;
  for (std::size_t i = 0; i < box.size(); ++i)
    if (!is_near(box[i], other.box[i], exact)) return false;
  return is_near(mean_sigma, other.mean_sigma, single) &&
         is_near(max_force, other.max_force, single);
}

QueryState::QueryState(const SelectionSettings &selection, int buffer_capacity)
    : buffer(buffer_capacity, selection.strategy, selection.seed)
{
}

bool QueryState::is_last_look(const LookIdentity &identity) const
{
  return identity.same_as(last_look_);
}

Decision QueryState::look(const QueryRule &rule, Observation seen, const LookIdentity &identity)
{
  if (identity.step <= last_look_.step) last_stored_ = -1, in_excursion_ = excursion_taken_ = false;
  last_look_ = identity;
  seen.since_stored = last_stored_ < 0 ? -1 : seen.step - last_stored_;
  seen.excursion_taken = excursion_taken_;

  Decision decision = rule.decide(seen);
  for (QueryCounts *counts : {&total, &run.counts}) {
    counts->looks++;
    counts->flagged += decision.flagged;
    counts->untrusted += decision.untrusted;
  }
  if (decision.untrusted && run.worst.empty()) run.worst = decision.why;
  in_excursion_ = decision.untrusted;
  if (!in_excursion_) excursion_taken_ = false;
  if (seen.not_finite.empty()) {
    run.sigma.add(seen.sigma.value);
    run.novelty.add(seen.novelty.value);
    run.energy.add(seen.energy_spread);
    threshold.follow(seen.sigma.value);
  }
  if (decision.verdict == Decision::Verdict::refused)
    refuse(decision.refusal, seen.step, decision.value);
  return decision;
}

void QueryState::refuse(Refusal refusal, std::int64_t step, double value)
{
  refusals.add(refusal, step, value);
  run.refusals.add(refusal, step, value);
  if (refusal == Refusal::spacing) return;
  total.rejected++;
  run.counts.rejected++;
}

void QueryState::count_stored(std::int64_t step, bool untrusted, int buffered)
{
  num_buffered = buffered;
  last_stored_ = step;
  excursion_taken_ = excursion_taken_ || untrusted;
  total.candidates++;
  run.counts.candidates++;
}

void QueryState::count_given_up(std::int64_t step)
{
  refusals.add(Refusal::buffer_full, step);
  run.refusals.add(Refusal::buffer_full, step);
}

void QueryState::count_batch(int num_chosen, int num_left, std::int64_t step)
{
  run.refusals.add(Refusal::passed_over, step, 0.0, num_left);
  refusals = {};
  num_buffered = 0;
  for (QueryCounts *counts : {&total, &run.counts}) {
    counts->selected += num_chosen;
    counts->batches += num_chosen > 0 ? 1 : 0;
  }
}

void QueryState::end_run()
{
  if (run.counts.looks > 0)
    runs_without_candidates = run.counts.candidates > 0 ? 0 : runs_without_candidates + 1;
}

void QueryState::leave_to_first_rank()
{
  buffer.clear();
  known.reset(known.num_features());
  labelled = {};
}

std::string QueryState::save() const
{
  Json json{{"potential", potential},
            {"total", total},
            {"refusals", refusals.entries},
            {"lo", threshold.lo()},
            {"runs_without_candidates", runs_without_candidates},
            {"last_stored", last_stored_},
            {"in_excursion", in_excursion_},
            {"excursion_taken", excursion_taken_},
            {"last_look", last_look_},
            {"num_seen", buffer.num_seen()},
            {"buffer", buffer.candidates()},
            {"num_features", known.num_features()},
            {"known", known.values()},
            {"labelled", labelled},
            {"spool", spool}};
  std::string bytes;
  Json::to_cbor(json, bytes);
  return format(header_pattern, format_version, static_cast<long long>(bytes.size()),
                content_hash(bytes).c_str()) +
         bytes;
}

void QueryState::load(const char *block)
{
  int version = 0;
  long long length = 0;
  char hash[17] = "";
  const bool read = std::sscanf(std::string(block, header_length).c_str(),
                                "almlip query state %d %lld %16s", &version, &length, hash) == 3;
  require(read,
          "the restart file holds no state of this fix, or that of an older version; "
          "delete the fix before write_restart, or go on with the version that wrote it");
  require(version == format_version, "the state in the restart file has version ", version,
          ", but this fix reads ", format_version, "; go on with the version that wrote it");
  const std::string bytes(block + header_length, static_cast<std::size_t>(length));
  require(content_hash(bytes) == hash,
          "the state in the restart file is damaged; take another restart file");

  const Json json = Json::from_cbor(bytes);
  potential = json.at("potential");
  total = json.at("total");
  refusals.entries = json.at("refusals");
  threshold.restore(json.at("lo"));
  runs_without_candidates = json.at("runs_without_candidates");
  last_stored_ = json.at("last_stored");
  in_excursion_ = json.at("in_excursion");
  excursion_taken_ = json.at("excursion_taken");
  last_look_ = json.at("last_look");
  buffer.restore(json.at("num_seen"), json.at("buffer"));
  num_buffered = buffer.size();
  known.reset(json.at("num_features"));
  known.add(json.at("known"));
  labelled = json.at("labelled");
  spool = json.at("spool");
}

}    // namespace almlip
