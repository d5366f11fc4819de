// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/tune/tune.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "almlip/error.h"
#include "almlip/files/text_file.h"
#include "almlip/random.h"
#include "almlip/text.h"
#include "train/fit.h"
#include "train/folds.h"

namespace almlip::train {

namespace {

using Json = nlohmann::ordered_json;

constexpr int min_frames = 20, max_frames = 600;

std::string listed(const SettingChanges &changes)
{
  std::string text;
  for (const auto &[key, value] : changes) text += (text.empty() ? "" : ", ") + key + " " + value;
  return text.empty() ? "no changes" : text;
}

/// Settings of one fit of the search: without what only the whole fit needs.
TrainingSettings for_job(const TrainingSettings &settings, const TuneJob &job, int num_frames)
{
  TrainingSettings s = with_changes(settings, job.changes, num_frames);
  s.epochs =
      std::max(1, static_cast<int>(std::lround(job.effort * make_schedule(s, num_frames).epochs)));
  if (!job.committee) s.members = 1;
  s.seed = settings.seed + job.fold;
  s.patience = 0;
  s.max_seconds = 0.0;
  s.checkpoint.clear();
  return s;
}

/// Fits the jobs of its rank and exchanges the errors.
class FitBench : public TuneBench {
 public:
  FitBench(const TrainingSettings &settings, const TrainingData &data, const Ranks &ranks)
      : settings_(settings), data_(data), ranks_(ranks)
  {
    std::vector<Frame> &frames = data_.train;
    if (frames.size() > max_frames) {
      const double share = static_cast<double>(max_frames) / static_cast<double>(frames.size());
      frames = split_off(frames, share, settings.seed);
    }
    has_last_passes_ = has_last_passes(settings, data_);
    data_.held_out.clear();
    fold_ = folds_of(frames, TuneSearch::num_folds, settings.seed);
  }

  std::vector<FoldErrors> run(const std::vector<TuneJob> &jobs, double deadline) override
  {
    constexpr std::size_t width = 4;
    std::vector<double> numbers(width * jobs.size(), 0.0);
    const std::size_t num_ranks = static_cast<std::size_t>(ranks_.size());
    for (std::size_t j = static_cast<std::size_t>(ranks_.rank()); j < jobs.size(); j += num_ranks) {
      const double begin = local_seconds();
      if (begin + unit_seconds_ * relative_cost(jobs[j]) > deadline) continue;
      const FoldErrors errors = fit(jobs[j]);
      const double seconds = local_seconds() - begin;
      const double latest = seconds / relative_cost(jobs[j]);
      unit_seconds_ = unit_seconds_ == 0.0 ? latest : 0.7 * unit_seconds_ + 0.3 * latest;
      const double row[width] = {1.0, errors.force_mae, errors.energy_mae, seconds};
      std::copy_n(row, width, &numbers[width * j]);
    }
    ranks_.sum(numbers);
    std::vector<FoldErrors> errors;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      const double *row = &numbers[width * j];
      errors.push_back({row[0] > 0.0, row[1], row[2], row[3]});
    }
    return errors;
  }

  double seconds() override
  {
    std::vector<double> now{local_seconds()};
    ranks_.broadcast(now);
    return now[0];
  }

  int num_parallel() const override { return ranks_.size(); }

  void report(const TuneTrial &trial) override
  {
    if (!ranks_.first()) return;
    std::fprintf(stderr, "tune %4.0f s  %-7s %.3f  F %.4f eV/A  E %.2f meV/atom  %s\n",
                 local_seconds(), trial.stage.c_str(), trial.score, trial.force_mae,
                 1000.0 * trial.energy_mae, listed(trial.changes).c_str());
  }

 private:
  TrainingSettings settings_;
  TrainingData data_;
  const Ranks &ranks_;
  const Ranks alone_{Ranks::Alone{}};
  std::vector<int> fold_;
  bool has_last_passes_ = false;
  double unit_seconds_ = 0.0;    ///< of a whole fit with the user's settings, from the latest fits
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  double local_seconds() const
  {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  /// Cost relative to a whole fit of one network with the user's settings: grows with epochs,
  /// invariants and members; a part does not depend on the epochs.
  double relative_cost(const TuneJob &job) const
  {
    constexpr double overhead = 0.05, committee_cost = 2.0;
    const int num_frames = static_cast<int>(data_.train.size());
    const auto num_invariants = [&](const TrainingSettings &s) {
      return double(model_settings(s, data_.elements, data_.cutoff).num_descriptors());
    };
    const TrainingSettings s = for_job(settings_, job, num_frames);
    const double whole = make_schedule(settings_, num_frames).epochs,
                 size = num_invariants(s) / num_invariants(settings_);
    return (job.committee ? committee_cost : 1.0) * (overhead + size * *s.epochs / whole);
  }

  FoldErrors fit(const TuneJob &job)
  {
    TrainingData data = data_;
    std::vector<Frame> held;
    data.train.clear();
    for (std::size_t f = 0; f < fold_.size(); ++f)
      (fold_[f] == job.fold ? held : data.train).push_back(data_.train[f]);
    data.held_out = std::move(held);
    const TrainingSettings s = for_job(settings_, job, static_cast<int>(data.train.size()));
    if (s.cutoff) data.cutoff = *s.cutoff;
    try {
      Fit fit(s, data, nullptr, alone_);
      fit.begin(s, nullptr, alone_);
      Trainer trainer(*fit.loss, fit.model, s, alone_);
      trainer.run(fit.state, fit.train, {}, {});
      if (has_last_passes_) {
        const TrainingSettings last = for_all_frames(s, fit.train.size());
        fit.state = for_last_passes(fit.state);
        Trainer(*fit.loss, fit.model, last, alone_).run(fit.state, fit.train, {}, {});
      }
      const MeanErrors errors = trainer.errors(fit.state.parameters, fit.held_out);
      return {true, errors.force_mae, errors.energy_mae, 0.0};
    } catch (const Error &) {
      constexpr double hopeless = 1e6;    // the loss was not finite
      return {true, hopeless, hopeless, 0.0};
    }
  }
};

Json record_of(const TuneOutcome &outcome, double limit, std::size_t num_frames)
{
  Json json;
  json["seconds"] = std::round(10.0 * outcome.seconds) / 10.0;
  json["limit"] = limit;
  json["frames"] = num_frames;
  json["score"] =
      "(force MAE ratio)^(2/3) (energy MAE ratio)^(1/3) to the settings without changes";
  json["chosen"] = Json(outcome.chosen);
  json["chosen_score"] = outcome.score;
  json["trials"] = Json::array();
  for (const TuneTrial &t : outcome.trials)
    json["trials"].push_back({{"stage", t.stage},
                              {"changes", Json(t.changes)},
                              {"effort", t.effort},
                              {"folds", t.folds},
                              {"force_mae", t.force_mae},
                              {"energy_mae", t.energy_mae},
                              {"score", t.score}});
  return json;
}

std::string path_in(const std::string &folder)
{
  return (std::filesystem::path(folder) / "tuning.json").string();
}

/// Changes of one key by factors.
void add_factors(std::vector<TuneMove> &moves, const std::string &key, double value,
                 const std::vector<double> &factors, Judge judge = Judge::short_fit)
{
  for (const double factor : factors)
    if (value > 0.0) moves.push_back({key, {{key, format("%.4g", value * factor)}}, judge});
}

}    // namespace

std::string tune(const TrainingSettings &settings, const TrainingData &data, const Ranks &ranks)
{
  require(data.train.size() >= min_frames, "there are ", data.train.size(),
          " training frames, but --tune needs at least ", min_frames, " for its folds");
  FitBench bench(settings, data, ranks);
  const TuneOutcome outcome =
      TuneSearch(bench, tuning_moves(settings, data.cutoff), settings.tune).run();
  if (ranks.first() && settings.tune <= outcome.min_seconds)
    std::fprintf(stderr,
                 "--tune %g: too short to try anything; these frames need at least %.0f s\n",
                 settings.tune, outcome.min_seconds);
  if (ranks.first())
    std::fprintf(stderr, "tuned for %.0f s: %s, score %.3f\n", outcome.seconds,
                 listed(outcome.chosen).c_str(), outcome.score);
  return record_of(outcome, settings.tune, data.train.size()).dump();
}

TrainingSettings settings_of_record(const TrainingSettings &settings, const std::string &record,
                                    const TrainingData &data)
{
  const Json json = Json::parse(record);
  return with_changes(settings, json["chosen"].get<SettingChanges>(),
                      static_cast<int>(data.train.size()));
}

void write_tuned(const std::string &folder, const std::string &identity, const std::string &record)
{
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  require(!failure, folder, ": the folder for checkpoints cannot be made: ", failure.message());
  write_atomically(path_in(folder), identity + "\n" + record + "\n");
}

std::string read_tuned(const std::string &folder, const std::string &identity)
{
  if (!std::filesystem::exists(path_in(folder))) return "";
  const std::string text = read_text(path_in(folder));
  const std::size_t end = text.find('\n');
  const bool mine =
      text.substr(0, end) == identity && end != std::string::npos && Json::accept(text.substr(end));
  return mine ? text.substr(end + 1) : "";
}

std::vector<TuneMove> tuning_moves(const TrainingSettings &s, double cutoff)
{
  const ModelSettings shape = model_settings(s, {"H"}, cutoff);
  const bool free_shape = !s.preset && !s.num_channels && !s.lmax && !s.four_body && !s.partners;
  std::vector<TuneMove> moves;
  const auto add_hidden = [&](int hidden, Judge judge) {
    if (!s.num_hidden && hidden > 0)
      moves.push_back({"num_hidden", {{"num_hidden", std::to_string(hidden)}}, judge});
  };
  if (!s.cutoff) add_factors(moves, "cutoff", cutoff, {1.07, 0.93});
  add_factors(moves, "energy_weight", s.energy_weight, {0.4, 2.5});
  add_factors(moves, "weight_decay", s.weight_decay.value_or(max_weight_decay), {0.3, 3.0});
  add_factors(moves, "radial_rate", s.radial_rate, {3.0});
  add_factors(moves, "stress_weight", s.stress_weight, {0.1});
  add_factors(moves, "huber", s.huber, {0.3});
  add_hidden(shape.num_hidden / 2, Judge::short_fit);
  if (!s.cutoff) add_factors(moves, "cutoff", cutoff, {1.14});
  add_factors(moves, "radial_rate", s.radial_rate, {0.3});
  if (!s.epochs) moves.push_back({"epochs", {{"epochs", "2x"}}, Judge::whole_fit});
  add_factors(moves, "energy_rise", s.energy_rise, {4.0}, Judge::whole_fit);
  if (!s.learning_rate)
    add_factors(moves, "learning_rate", make_schedule(s, 100).learning_rate, {0.6},
                Judge::whole_fit);
  if (free_shape) moves.push_back({"preset", {{"preset", "accurate"}}, Judge::committee});
  add_hidden(2 * shape.num_hidden, Judge::committee);
  return moves;
}

TrainingSettings with_changes(TrainingSettings settings, const SettingChanges &changes,
                              int num_frames)
{
  for (const auto &[key, value] : changes)
    if (key == "epochs" && value.back() == 'x')
      settings.epochs = static_cast<int>(
          std::lround(std::stod(value) * make_schedule(settings, num_frames).epochs));
    else
      apply_flag(settings, key, {value});
  return settings;
}

}    // namespace almlip::train
