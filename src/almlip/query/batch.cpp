// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/batch.h"

#include <sys/stat.h>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/files/extxyz.h"
#include "almlip/files/text_file.h"
#include "almlip/text.h"

namespace almlip {
namespace {

using Json = nlohmann::ordered_json;

bool exists(const std::string &path)
{
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

Json frame_entry(int place, const QueryCandidate &candidate, const Choice &choice)
{
  Json entry;
  entry["frame"] = place;
  if (!candidate.frame.source.empty()) entry["from"] = candidate.frame.source;
  entry["step"] = candidate.step;
  entry["num_atoms"] = candidate.frame.num_atoms();
  entry["max_sigma"] = candidate.max_sigma;
  entry["mean_sigma"] = candidate.mean_sigma;
  entry["worst_atom"] = candidate.worst_atom;
  entry["max_novelty"] = candidate.max_novelty;
  entry["why"] = candidate.why;
  entry["score"] = choice.score;
  entry["cluster"] = choice.cluster >= 0 ? Json(choice.cluster) : Json();
  entry["distance"] = std::isfinite(choice.distance) ? Json(choice.distance) : Json();
  return entry;
}

/// The window of what is compared with it; JSON has no infinity.
Json window_entry(const QueryRule &rule)
{
  const Window &window = rule.measure == Measure::energy    ? rule.energy
                         : rule.measure == Measure::novelty ? rule.novelty
                                                            : rule.force;
  return {window.lo, std::isfinite(window.hi) ? Json(window.hi) : Json()};
}

Json settings_entry(const BatchRecord &record)
{
  const QueryRule &rule = record.rule;
  Json entry;
  entry["threshold"] = window_entry(rule);
  entry["novelty"] = {rule.novelty.lo, rule.novelty.hi};
  entry["measure"] = to_string(rule.measure);
  entry["strategy"] = to_string(record.selection.strategy);
  entry["alpha"] = record.selection.alpha;
  entry["batch"] = record.selection.batch;
  entry["clusters"] = record.selection.clusters;
  entry["seed"] = record.selection.seed;
  entry["duplicate"] = record.selection.duplicate;
  entry["mindist"] = rule.min_distance;
  entry["mindist_ratio"] = rule.min_distance_ratio;
  entry["fmax"] = rule.max_force;
  entry["density"] = {rule.min_density, rule.max_density};
  entry["temperature"] = rule.max_temperature;
  entry["spacing"] = rule.spacing;
  for (const auto &[name, value] : record.periods) entry[name] = value;
  return entry;
}

Json refusal_entry(Refusal refusal, const RefusalTally::Entry &tally)
{
  Json entry;
  entry["reason"] = to_string(refusal);
  entry["count"] = tally.count;
  entry["first_step"] = tally.first_step;
  entry["last_step"] = tally.last_step;
  if (refusal == Refusal::density) {
    entry["least"] = tally.least;
    entry["largest"] = tally.largest;
  } else if (tally.worst(refusal) != 0.0) {
    entry["worst"] = tally.worst(refusal);
  }
  return entry;
}

}    // namespace

void explain(Frame &frame, const Choice &choice, Strategy strategy)
{
  frame.info["strategy"] = to_string(strategy);
  frame.info["score"] = format("%.10g", choice.score);
  if (choice.cluster >= 0) frame.info["cluster"] = std::to_string(choice.cluster);
  if (std::isfinite(choice.distance)) frame.info["distance"] = format("%.10g", choice.distance);
}

std::string batch_stem(const std::string &prefix, int number)
{
  return prefix + format(".%04d", number);
}

std::string manifest(const std::vector<QueryCandidate> &candidates,
                     const std::vector<Choice> &choices, const BatchRecord &record)
{
  Json json;
  json["format"] = "almlip batch";
  json["format_version"] = 1;
  json["reason"] = record.reason;
  json["step"] = record.step;
  json["potential"] = record.potential;
  json["lammps"] = record.lammps;
  json["lammps_units"] = record.units;
  json["settings"] = settings_entry(record);
  for (const auto &[name, count] : record.counts) json["counts"][name] = count;
  json["candidates"] = candidates.size();
  json["frames"] = Json::array();
  for (std::size_t i = 0; i < choices.size(); ++i)
    json["frames"].push_back(
        frame_entry(static_cast<int>(i), candidates[choices[i].index], choices[i]));
  json["rejections"] = Json::array();
  for (int i = 0; i < num_refusals; ++i)
    if (record.refusals.entries[i].count > 0)
      json["rejections"].push_back(
          refusal_entry(static_cast<Refusal>(i), record.refusals.entries[i]));
  // names of files need not be UTF-8
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int write_batch(const std::string &prefix, const std::vector<QueryCandidate> &candidates,
                const std::vector<Choice> &choices, const BatchRecord &record, int first)
{
  std::string text;
  for (const Choice &choice : choices) {
    const QueryCandidate &candidate = candidates[choice.index];
    Frame frame = candidate.frame;
    explain(frame, choice, record.selection.strategy);
    frame.info["step"] = std::to_string(candidate.step);
    frame.info["max_sigma"] = format("%.10g", candidate.max_sigma);
    frame.info["why"] = candidate.why;
    text += to_extxyz(frame);
  }
  const auto name = [&](int number) { return batch_stem(prefix, number) + ".extxyz"; };
  const auto is_taken = [&](int number) {
    return exists(batch_stem(prefix, number) + ".json") || exists(name(number) + ".gz");
  };
  const int number = write_under_free_name(first, name, is_taken, text);
  try {
    write_atomically(batch_stem(prefix, number) + ".json", manifest(candidates, choices, record));
  } catch (const Error &) {
    std::remove(name(number).c_str());    // an incomplete batch looks like a job that goes on
    throw;
  }
  return number;
}

}    // namespace almlip
