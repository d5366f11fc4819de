// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_store.h"

#include <cctype>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "almlip/text.h"

namespace almlip::pool {

namespace {

using Json = nlohmann::json;

Json to_json(const PoolRound &round)
{
  Json errors = Json::array();
  for (const TestError &error : round.errors) errors.push_back({error.mae, error.rmse, error.r2});
  return {{"labels", round.labels},
          {"errors", errors},
          {"rank_correlation", round.rank_correlation},
          {"calibration_error", round.calibration_error},
          {"scaled_calibration_error", round.scaled_calibration_error}};
}

PoolRound round_from(const Json &json)
{
  PoolRound round;
  round.labels = json.at("labels");
  for (const Json &error : json.at("errors"))
    round.errors.push_back({error.at(0), error.at(1), error.at(2)});
  round.rank_correlation = json.at("rank_correlation");
  round.calibration_error = json.at("calibration_error");
  round.scaled_calibration_error = json.at("scaled_calibration_error");
  return round;
}

void make_folder(const std::filesystem::path &folder)
{
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, folder.string(), ": the folder cannot be made: ", error.message());
}

}    // namespace

std::string file_name_of(const std::string &name)
{
  std::string result;
  for (char c : name)
    result += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ? c : '_';
  return result;
}

PoolStore::PoolStore(const std::string &folder) : folder_(folder) { make_folder(folder); }

std::string PoolStore::path(const std::string &system, const std::string &series, int seed) const
{
  return (std::filesystem::path(folder_) / file_name_of(system) / file_name_of(series) /
          format("seed-%05d.json", seed))
      .string();
}

std::optional<PoolRun> PoolStore::read(const std::string &system, const std::string &series,
                                       int seed, const std::string &settings) const
{
  const std::string file = path(system, series, seed);
  if (!std::filesystem::exists(file)) return std::nullopt;
  const Json json = Json::parse(read_text(file), nullptr, false);
  require(json.is_object(), file, ": this is not a run of a study; remove it");
  if (json.value("settings", "") != settings) return std::nullopt;
  try {
    PoolRun run;
    for (const Json &round : json.at("rounds")) run.rounds.push_back(round_from(round));
    run.chosen = json.at("chosen").get<std::vector<int>>();
    run.reliability = json.at("reliability").get<std::vector<double>>();
    run.scaled_reliability = json.at("scaled_reliability").get<std::vector<double>>();
    run.fit_seconds = json.at("fit_seconds");
    run.select_seconds = json.at("select_seconds");
    return run;
  } catch (const Json::exception &e) {
    fail(file, ": this run of a study is damaged, remove it: ", e.what());
  }
}

void PoolStore::write(const std::string &system, const std::string &series, int seed,
                      const std::string &settings, const PoolRun &run) const
{
  const std::string file = path(system, series, seed);
  make_folder(std::filesystem::path(file).parent_path());
  Json json = {{"settings", settings},           {"chosen", run.chosen},
               {"reliability", run.reliability}, {"scaled_reliability", run.scaled_reliability},
               {"fit_seconds", run.fit_seconds}, {"select_seconds", run.select_seconds}};
  for (const PoolRound &round : run.rounds) json["rounds"].push_back(to_json(round));
  write_atomically(file, json.dump() + "\n");
}

}    // namespace almlip::pool
