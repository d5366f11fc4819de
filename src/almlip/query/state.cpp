// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/state.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "almlip/error.h"
#include "almlip/potential.h"
#include "almlip/random.h"
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
constexpr int format_version = 4;
constexpr std::size_t header_length = 19 + 3 + 1 + 20 + 1 + 16 + 1;
constexpr std::size_t bytes_per_number = 9;    // CBOR, at most

using Bytes = std::vector<std::uint8_t>;

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
  if (identity.step <= last_look_.step) last_taken_ = -1, in_excursion_ = excursion_taken_ = false;
  last_look_ = identity;
  seen.since_stored = last_taken_ < 0 ? -1 : seen.step - last_taken_;
  seen.excursion_taken = excursion_taken_;

  Decision decision = rule.decide(seen);
  for (QueryCounts *counts : {&total, &run.counts}) {
    counts->looks++;
    counts->flagged += decision.flagged;
    counts->untrusted += decision.untrusted;
  }
  if (decision.untrusted && run.worst.empty()) run.worst = decision.why;
  run.exploded = run.exploded || decision.exploded;
  in_excursion_ = decision.untrusted;
  if (!in_excursion_) excursion_taken_ = false;
  if (seen.not_finite.empty() && seen.num_lost == 0) {
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
  take(step, untrusted);
  total.candidates++;
  run.counts.candidates++;
}

void QueryState::count_known(std::int64_t step, bool untrusted)
{
  refuse(Refusal::duplicate, step);
  take(step, untrusted);
}

void QueryState::take(std::int64_t step, bool untrusted)
{
  last_taken_ = step;
  excursion_taken_ = excursion_taken_ || untrusted;
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

void QueryState::know_training_set(int num_features, const std::vector<double> &fingerprints)
{
  known.reset(num_features);
  known.add(fingerprints);
  num_training_ = known.count();
  lacks_training_set_ = false;
}

/// What was loaded comes after it, as it did before.
void QueryState::add_training_set(const std::vector<double> &fingerprints)
{
  const std::vector<double> loaded = known.values();
  know_training_set(known.num_features(), fingerprints);
  known.add(loaded);
}

/// Candidates in the order in which they get room.
std::vector<int> QueryState::order_to_save() const
{
  const auto &candidates = buffer.candidates();
  std::vector<int> order(candidates.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(buffer.num_seen());
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  if (buffer.prefers_uncertain())
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return candidates[a].max_sigma > candidates[b].max_sigma;
    });
  std::stable_partition(order.begin(), order.end(), [&](int i) { return candidates[i].keep; });
  return order;
}

/// First what every rank needs and the sizes of the rest: candidates, known ones, labelled atoms.
QueryState::Block QueryState::save(std::size_t max_bytes) const
{
  Block block;
  const std::size_t bytes_per_known = bytes_per_number * std::max(known.num_features(), 1);
  const int num_new = known.count() - num_training_;
  const int num_known =
      static_cast<int>(std::min<std::size_t>(num_new, max_bytes / 2 / bytes_per_known));
  block.num_known_left_out = num_new - num_known;
  Json json{{"potential", potential},
            {"total", total},
            {"refusals", refusals.entries},
            {"lo", threshold.lo()},
            {"runs_without_candidates", runs_without_candidates},
            {"last_stored", last_taken_},
            {"in_excursion", in_excursion_},
            {"excursion_taken", excursion_taken_},
            {"last_look", last_look_},
            {"num_seen", buffer.num_seen()},
            {"num_features", known.num_features()},
            {"spool", spool}};
  std::vector<Bytes> parts(buffer.size());    // in the buffer's order; empty: left out
  parts.push_back(Json::to_cbor(known.latest(num_known)));
  parts.push_back(Json::to_cbor(labelled));

  std::size_t size = header_length + Json::to_cbor(json).size() + 3 * bytes_per_number;
  for (auto part = parts.end() - 2; part != parts.end(); ++part)
    size += part->size() + bytes_per_number;
  for (const int i : order_to_save()) {
    Bytes candidate = Json::to_cbor(buffer.candidates()[i]);
    size += candidate.size() + bytes_per_number;
    if (size > max_bytes) break;
    parts[i] = std::move(candidate);
  }
  json["sizes"] = Json::array();
  for (const Bytes &part : parts)
    if (part.empty())
      ++block.num_left_out;
    else
      json["sizes"].push_back(part.size());

  std::string content;
  Json::to_cbor(json, content);
  for (const Bytes &part : parts) content.append(part.begin(), part.end());
  block.bytes = format(header_pattern, format_version, static_cast<long long>(content.size()),
                       content_hash(content).c_str()) +
                content;
  return block;
}

void QueryState::load(const char *block, bool is_first_rank)
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

  const Json json = Json::from_cbor(bytes, false);    // what follows is no part of it
  potential = json.at("potential");
  total = json.at("total");
  refusals.entries = json.at("refusals");
  threshold.restore(json.at("lo"));
  runs_without_candidates = json.at("runs_without_candidates");
  last_taken_ = json.at("last_stored");
  in_excursion_ = json.at("in_excursion");
  excursion_taken_ = json.at("excursion_taken");
  last_look_ = json.at("last_look");
  spool = json.at("spool");
  const std::vector<std::size_t> sizes = json.at("sizes");
  num_buffered = static_cast<int>(sizes.size()) - 2;
  known.reset(json.at("num_features"));
  num_training_ = 0;
  lacks_training_set_ = true;
  buffer.clear();
  labelled = {};
  if (!is_first_rank) return;
  const char *part =
      bytes.data() + bytes.size() - std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
  auto next_part = [&part, size = sizes.data()]() mutable {
    const char *const begin = part;
    part += *size++;
    return Json::from_cbor(begin, part);
  };
  std::vector<QueryCandidate> candidates(num_buffered);
  for (QueryCandidate &candidate : candidates) candidate = next_part();
  buffer.restore(json.at("num_seen"), std::move(candidates));
  known.add(next_part());
  labelled = next_part();
}

}    // namespace almlip
