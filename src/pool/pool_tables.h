// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pool/pool_execute.h"
#include "pool/pool_statistics.h"

namespace almlip::pool {

/// What a series reaches on one system, or in the mean of the systems, compared with its baseline
/// over paired seeds.
struct SeriesResult {
  std::string system, series, metric;
  int seeds = 0;
  bool is_baseline = false;
  Interval saving;            ///< of labels, fraction
  PairedTest area_change;     ///< relative change of the mean error over the labels
  PairedTest final_change;    ///< relative change of the error at the last label
  double final_mae = 0.0, final_mae_error = 0.0;    ///< eV/atom, standard error over seeds
  double final_rmse = 0.0, final_r2 = 0.0;
  double rank_correlation = 0.0, calibration_error = 0.0,
         scaled_calibration_error = 0.0;             ///< at the last label
  double fit_seconds = 0.0, select_seconds = 0.0;    ///< per round
};

/// Name of the row for the mean of the systems.
inline const std::string all_systems = "all";

/// Results of all series: for every metric of the study each system, then, if there are several,
/// `all_systems`.
std::vector<SeriesResult> summarize(const PoolStudy &study, const StudyRuns &runs);

/// Writes runs.csv, curves.csv, summary.csv, calibration.csv, picks.csv, map.csv and summary.json.
void write_tables(const PoolStudy &study, const StudyData &data, const StudyRuns &runs,
                  const std::vector<SeriesResult> &results, const std::string &folder);

/// Errors of one series over the rounds: labels, and the mean absolute error per seed.
struct SeriesCurves {
  std::vector<double> labels;
  std::vector<std::vector<double>> mae;    ///< shape [seeds][rounds], eV/atom
};
SeriesCurves curves_of(const std::vector<PoolRun> &runs, int metric);

/// Index of a metric in PoolRound::errors.
int metric_index(const PoolStudy &study, const std::string &metric);

}    // namespace almlip::pool
