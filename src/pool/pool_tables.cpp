// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_tables.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "almlip/files/text_file.h"
#include "almlip/text.h"
#include "pool/pool_descriptors.h"

namespace almlip::pool {

namespace {

constexpr std::uint64_t bootstrap_seed = 20260106;

/// A name as a field of a CSV file.
std::string quoted(const std::string &name)
{
  return name.find(',') == std::string::npos ? name : "\"" + name + "\"";
}

template <class Value>
double mean_over(const std::vector<PoolRun> &runs, Value &&value)
{
  double sum = 0.0;
  for (const PoolRun &run : runs) sum += value(run) / double(runs.size());
  return sum;
}

/// Relative changes per seed of the area under the curve and of the last error.
struct Changes {
  std::vector<double> area, last;
};

Changes changes_of(const PairedCurves &curves)
{
  Changes result;
  for (std::size_t s = 0; s < curves.strategy.size(); ++s) {
    const LearningCurve strategy{curves.labels, curves.strategy[s]},
        baseline{curves.baseline_labels, curves.baseline[s]};
    result.area.push_back(strategy.area() / baseline.area() - 1.0);
    result.last.push_back(strategy.error.back() / baseline.error.back() - 1.0);
  }
  return result;
}

/// Mean over systems of what every seed says.
std::vector<double> mean_by_seed(const std::vector<std::vector<double>> &by_system)
{
  std::vector<double> result(by_system.front().size(), 0.0);
  for (const std::vector<double> &values : by_system)
    for (std::size_t s = 0; s < result.size(); ++s)
      result[s] += values[s] / double(by_system.size());
  return result;
}

/// Means over seeds of one system.
SeriesResult plain_result(const PoolStudy &study, const std::vector<PoolRun> &runs,
                          const std::string &metric)
{
  const int index = metric_index(study, metric);
  SeriesResult result;
  result.metric = metric;
  result.seeds = static_cast<int>(runs.size());
  const SeriesCurves curves = curves_of(runs, index);
  result.final_mae = mean_curve(curves.mae).back();
  result.final_mae_error = standard_error_curve(curves.mae).back();
  result.final_rmse =
      mean_over(runs, [&](const PoolRun &run) { return run.rounds.back().errors[index].rmse; });
  result.final_r2 =
      mean_over(runs, [&](const PoolRun &run) { return run.rounds.back().errors[index].r2; });
  result.rank_correlation =
      mean_over(runs, [](const PoolRun &run) { return run.rounds.back().rank_correlation; });
  result.calibration_error =
      mean_over(runs, [](const PoolRun &run) { return run.rounds.back().calibration_error; });
  result.scaled_calibration_error = mean_over(
      runs, [](const PoolRun &run) { return run.rounds.back().scaled_calibration_error; });
  result.fit_seconds = mean_over(
      runs, [](const PoolRun &run) { return run.fit_seconds / double(run.rounds.size()); });
  result.select_seconds = mean_over(runs, [](const PoolRun &run) {
    return run.select_seconds / std::max(1.0, double(run.rounds.size()) - 1.0);
  });
  return result;
}

/// Mean of plain results over systems.
SeriesResult mean_result(const std::vector<SeriesResult> &systems)
{
  SeriesResult mean = systems.front();
  const auto average = [&](double SeriesResult::*member) {
    mean.*member = 0.0;
    for (const SeriesResult &result : systems)
      mean.*member += result.*member / double(systems.size());
  };
  for (double SeriesResult::*member :
       {&SeriesResult::final_mae, &SeriesResult::final_mae_error, &SeriesResult::final_rmse,
        &SeriesResult::final_r2, &SeriesResult::rank_correlation, &SeriesResult::calibration_error,
        &SeriesResult::scaled_calibration_error, &SeriesResult::fit_seconds,
        &SeriesResult::select_seconds})
    average(member);
  return mean;
}

void compare(const PoolStudy &study, const std::vector<PairedCurves> &curves, SeriesResult &result)
{
  std::vector<std::vector<double>> area, last;
  for (const PairedCurves &system : curves) {
    const Changes changes = changes_of(system);
    area.push_back(changes.area);
    last.push_back(changes.last);
  }
  result.area_change = paired_test(mean_by_seed(area));
  result.final_change = paired_test(mean_by_seed(last));
  if (!result.is_baseline)
    result.saving = saving_interval(curves, study.interval, study.bootstrap, bootstrap_seed);
}

std::string runs_csv(const PoolStudy &study, const StudyRuns &runs)
{
  const std::vector<std::string> metrics = study.metric_names();
  std::string text = "system,series,seed,labels,metric,mae,rmse,r2\n";
  for (std::size_t k = 0; k < runs.size(); ++k)
    for (std::size_t s = 0; s < runs[k].size(); ++s)
      for (std::size_t i = 0; i < runs[k][s].size(); ++i)
        for (const PoolRound &round : runs[k][s][i].rounds)
          for (std::size_t m = 0; m < metrics.size(); ++m)
            text += format("%s,%s,%d,%d,%s,%.6g,%.6g,%.6g\n", study.systems[k].c_str(),
                           quoted(study.series[s].name).c_str(), study.first_seed + int(i),
                           round.labels, metrics[m].c_str(), round.errors[m].mae,
                           round.errors[m].rmse, round.errors[m].r2);
  return text;
}

/// Mean and standard error over seeds of a number that a round has.
template <class Value>
std::string mean_and_error(const std::vector<PoolRun> &runs, std::size_t round, Value &&value)
{
  std::vector<std::vector<double>> numbers;
  for (const PoolRun &run : runs) numbers.push_back({value(run.rounds[round])});
  return format(",%.6g,%.3g", mean_curve(numbers)[0], standard_error_curve(numbers)[0]);
}

std::string curves_csv(const PoolStudy &study, const StudyRuns &runs)
{
  const std::vector<std::string> metrics = study.metric_names();
  std::string text =
      "system,series,metric,labels,seeds,mae,mae_error,rmse,rmse_error,r2,r2_error,rank_"
      "correlation,rank_correlation_error,"
      "calibration_error,calibration_error_error,scaled_calibration_error,scaled_calibration_error_"
      "error\n";
  for (std::size_t k = 0; k < runs.size(); ++k)
    for (std::size_t s = 0; s < runs[k].size(); ++s)
      for (std::size_t m = 0; m < metrics.size(); ++m)
        for (std::size_t r = 0; r < runs[k][s][0].rounds.size(); ++r) {
          const std::vector<PoolRun> &all = runs[k][s];
          text += format("%s,%s,%s,%d,%zu", study.systems[k].c_str(),
                         quoted(study.series[s].name).c_str(), metrics[m].c_str(),
                         all[0].rounds[r].labels, all.size());
          text +=
              mean_and_error(all, r, [&](const PoolRound &round) { return round.errors[m].mae; });
          text +=
              mean_and_error(all, r, [&](const PoolRound &round) { return round.errors[m].rmse; });
          text +=
              mean_and_error(all, r, [&](const PoolRound &round) { return round.errors[m].r2; });
          text +=
              mean_and_error(all, r, [](const PoolRound &round) { return round.rank_correlation; });
          text += mean_and_error(all, r,
                                 [](const PoolRound &round) { return round.calibration_error; });
          text +=
              mean_and_error(
                  all, r, [](const PoolRound &round) { return round.scaled_calibration_error; }) +
              "\n";
        }
  return text;
}

std::string summary_csv(const std::vector<SeriesResult> &results)
{
  std::string text =
      "metric,system,series,seeds,saving_percent,saving_low,saving_high,area_change_percent,area_"
      "change_error,area_change_p,"
      "final_change_percent,final_change_p,final_mae,final_mae_error,final_rmse,final_r2,rank_"
      "correlation,calibration_error,"
      "scaled_calibration_error,fit_seconds,select_seconds\n";
  for (const SeriesResult &r : results)
    text += format(
        "%s,%s,%s,%d,%.2f,%.2f,%.2f,%.3f,%.3f,%.3g,%.3f,%.3g,%.5f,%.5f,%.5f,%.4f,%.4f,%.4f,%.4f,%."
        "5f,%.5f\n",
        r.metric.c_str(), r.system.c_str(), quoted(r.series).c_str(), r.seeds, 100 * r.saving.value,
        100 * r.saving.low, 100 * r.saving.high, 100 * r.area_change.mean,
        100 * r.area_change.standard_error, r.area_change.p, 100 * r.final_change.mean,
        r.final_change.p, r.final_mae, r.final_mae_error, r.final_rmse, r.final_r2,
        r.rank_correlation, r.calibration_error, r.scaled_calibration_error, r.fit_seconds,
        r.select_seconds);
  return text;
}

std::string summary_json(const PoolStudy &study, const std::vector<SeriesResult> &results)
{
  nlohmann::ordered_json json;
  for (const SeriesResult &r : results) {
    if (r.metric != study.metrics.front()) continue;
    json[r.system][r.series] = {{"saving_percent", 100 * r.saving.value},
                                {"interval", {100 * r.saving.low, 100 * r.saving.high}},
                                {"final_mae", r.final_mae},
                                {"seeds", r.seeds},
                                {"final_mae_error", r.final_mae_error},
                                {"final_rmse", r.final_rmse},
                                {"final_r2", r.final_r2},
                                {"final_change_percent", 100 * r.final_change.mean},
                                {"final_change_p", r.final_change.p},
                                {"area_change_percent", 100 * r.area_change.mean},
                                {"area_change_p", r.area_change.p},
                                {"rank_correlation", r.rank_correlation}};
  }
  return json.dump(2) + "\n";
}

std::string calibration_csv(const PoolStudy &study, const StudyRuns &runs)
{
  std::string text = "system,series,level,share,scaled_share\n";
  for (std::size_t k = 0; k < runs.size(); ++k)
    for (std::size_t s = 0; s < runs[k].size(); ++s)
      for (std::size_t level = 0; level < runs[k][s][0].reliability.size(); ++level)
        text += format(
            "%s,%s,%.2f,%.5f,%.5f\n", study.systems[k].c_str(),
            quoted(study.series[s].name).c_str(), 0.05 * double(level + 1),
            mean_over(runs[k][s], [&](const PoolRun &run) { return run.reliability[level]; }),
            mean_over(runs[k][s],
                      [&](const PoolRun &run) { return run.scaled_reliability[level]; }));
  return text;
}

std::string picks_csv(const PoolStudy &study, const StudyData &data, const StudyRuns &runs)
{
  std::string text = "system,series,seed,order,round,id,formula,formation_energy_per_atom\n";
  for (std::size_t k = 0; k < runs.size(); ++k)
    for (std::size_t s = 0; s < runs[k].size(); ++s)
      for (std::size_t i = 0; i < runs[k][s].size(); ++i)
        for (std::size_t order = 0; order < runs[k][s][i].chosen.size(); ++order) {
          const PoolProtocol &p = study.series[s];
          const PoolEntry &entry = data.entries[runs[k][s][i].chosen[order]];
          const int round = int(order) < p.initial ? 0 : 1 + (int(order) - p.initial) / p.batch;
          text += format("%s,%s,%d,%zu,%d,%s,%s,%.6g\n", study.systems[k].c_str(),
                         quoted(p.name).c_str(), study.first_seed + int(i), order, round,
                         quoted(entry.id).c_str(), entry.formula.c_str(), entry.formation_energy);
        }
  return text;
}

/// Entries of the first seed's pool on the two principal axes of the first series' descriptors.
std::string map_csv(const PoolStudy &study, const StudyData &data)
{
  const PoolProtocol &protocol = study.series.front();
  const PoolDescriptor descriptor(protocol.descriptor);
  std::string text = "system,id,axis1,axis2,formation_energy_per_atom\n";
  for (const std::string &system : study.systems) {
    const PoolSplit split = study_split(study, data, system, protocol, study.first_seed);
    std::vector<PoolEntry> entries;
    for (int i : split.pool) entries.push_back(data.entries[i]);
    const std::vector<double> axes = principal_components(descriptor(entries));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const PoolEntry &entry = entries[i];
      text += format("%s,%s,%.5g,%.5g,%.6g\n", system.c_str(), quoted(entry.id).c_str(),
                     axes[2 * i], axes[2 * i + 1], entry.formation_energy);
    }
  }
  return text;
}

}    // namespace

int metric_index(const PoolStudy &study, const std::string &metric)
{
  const std::vector<std::string> names = study.metric_names();
  return static_cast<int>(std::find(names.begin(), names.end(), metric) - names.begin());
}

SeriesCurves curves_of(const std::vector<PoolRun> &runs, int metric)
{
  SeriesCurves result;
  for (const PoolRound &round : runs.front().rounds) result.labels.push_back(round.labels);
  for (const PoolRun &run : runs) {
    result.mae.emplace_back();
    for (const PoolRound &round : run.rounds) result.mae.back().push_back(round.errors[metric].mae);
  }
  return result;
}

std::vector<SeriesResult> summarize(const PoolStudy &study, const StudyRuns &runs)
{
  std::vector<SeriesResult> results;
  for (const std::string &metric : study.metrics) {
    std::vector<std::vector<SeriesResult>> by_series(study.series.size());
    std::vector<std::vector<PairedCurves>> curves(study.series.size());
    for (std::size_t k = 0; k < runs.size(); ++k)
      for (std::size_t s = 0; s < study.series.size(); ++s) {
        const int baseline = study.baseline_of(static_cast<int>(s));
        const SeriesCurves own = curves_of(runs[k][s], metric_index(study, metric));
        const SeriesCurves other = curves_of(runs[k][baseline], metric_index(study, metric));
        curves[s].push_back({own.labels, other.labels, own.mae, other.mae});
        SeriesResult result = plain_result(study, runs[k][s], metric);
        result.system = study.systems[k];
        result.series = study.series[s].name;
        result.is_baseline = baseline == static_cast<int>(s);
        compare(study, {curves[s].back()}, result);
        by_series[s].push_back(result);
        results.push_back(result);
      }
    if (study.systems.size() < 2) continue;
    for (std::size_t s = 0; s < study.series.size(); ++s) {
      SeriesResult result = mean_result(by_series[s]);
      result.system = all_systems;
      compare(study, curves[s], result);
      results.push_back(result);
    }
  }
  return results;
}

void write_tables(const PoolStudy &study, const StudyData &data, const StudyRuns &runs,
                  const std::vector<SeriesResult> &results, const std::string &folder)
{
  const auto write = [&](const char *name, const std::string &text) {
    write_atomically((std::filesystem::path(folder) / name).string(), text);
  };
  write("runs.csv", runs_csv(study, runs));
  write("curves.csv", curves_csv(study, runs));
  write("summary.csv", summary_csv(results));
  write("calibration.csv", calibration_csv(study, runs));
  write("picks.csv", picks_csv(study, data, runs));
  write("map.csv", map_csv(study, data));
  write("summary.json", summary_json(study, results));
}

}    // namespace almlip::pool
