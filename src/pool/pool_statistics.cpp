// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

#include "almlip/error.h"
#include "almlip/random.h"

namespace almlip::pool {

namespace {

std::vector<double> mean_of(const std::vector<std::vector<double>> &curves,
                            const std::vector<std::size_t> &draw)
{
  std::vector<double> result(curves.front().size(), 0.0);
  for (std::size_t s : draw)
    for (std::size_t r = 0; r < result.size(); ++r) result[r] += curves[s][r] / double(draw.size());
  return result;
}

double mean_saving(const std::vector<PairedCurves> &systems,
                   const std::vector<std::vector<std::size_t>> &draws)
{
  double sum = 0.0;
  for (std::size_t k = 0; k < systems.size(); ++k)
    sum += label_saving({systems[k].labels, mean_of(systems[k].strategy, draws[k])},
                        {systems[k].baseline_labels, mean_of(systems[k].baseline, draws[k])});
  return sum / double(systems.size());
}

/// Value at a share of sorted numbers, linearly interpolated.
double quantile(const std::vector<double> &sorted, double share)
{
  const double at = share * double(sorted.size() - 1);
  const std::size_t low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - double(low)) * (sorted[high] - sorted[low]);
}

}    // namespace

double student_two_sided(double t, double degrees_of_freedom)
{
  if (degrees_of_freedom <= 0.0 || std::isnan(t)) return 1.0;
  if (std::isinf(t)) return 0.0;
  const boost::math::students_t distribution(degrees_of_freedom);
  return 2.0 * boost::math::cdf(boost::math::complement(distribution, std::abs(t)));
}

PairedTest paired_test(const std::vector<double> &differences)
{
  PairedTest result;
  const double n = double(differences.size());
  if (differences.empty()) return result;
  for (double d : differences) result.mean += d / n;
  if (differences.size() < 2) return result;
  double squares = 0.0;
  for (double d : differences) squares += (d - result.mean) * (d - result.mean);
  result.standard_error = std::sqrt(squares / (n - 1.0) / n);
  if (result.standard_error == 0.0)
    result.p = result.mean == 0.0 ? 1.0 : 0.0;
  else
    result.p = student_two_sided(result.mean / result.standard_error, n - 1.0);
  return result;
}

double LearningCurve::area() const
{
  if (labels.size() < 2) return error.empty() ? 0.0 : error.front();
  double sum = 0.0;
  for (std::size_t r = 1; r < labels.size(); ++r)
    sum += 0.5 * (error[r] + error[r - 1]) * (labels[r] - labels[r - 1]);
  return sum / (labels.back() - labels.front());
}

double LearningCurve::labels_to_reach(double level, bool &reached) const
{
  reached = true;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    if (error[r] > level) continue;
    if (r == 0) return labels[0];
    return labels[r - 1] +
           (labels[r] - labels[r - 1]) * (error[r - 1] - level) / (error[r - 1] - error[r]);
  }
  reached = false;
  return labels.back();
}

double label_saving(const LearningCurve &strategy, const LearningCurve &baseline)
{
  bool reached = false;
  const double needed = strategy.labels_to_reach(baseline.error.back(), reached);
  if (reached) return 1.0 - needed / baseline.labels.back();
  return baseline.labels_to_reach(strategy.error.back(), reached) / baseline.labels.back() - 1.0;
}

Interval saving_interval(const std::vector<PairedCurves> &systems, double level, int num_samples,
                         std::uint64_t seed)
{
  require(!systems.empty(), "statistics: there is no system");
  std::vector<std::vector<std::size_t>> draws(systems.size());
  for (std::size_t k = 0; k < systems.size(); ++k) {
    const PairedCurves &curves = systems[k];
    require(!curves.strategy.empty() && curves.strategy.size() == curves.baseline.size(),
            "statistics: ", curves.strategy.size(), " and ", curves.baseline.size(),
            " seeds are not pairs");
    for (std::size_t s = 0; s < curves.strategy.size(); ++s) draws[k].push_back(s);
  }
  Interval result;
  result.value = mean_saving(systems, draws);
  Random random(seed);
  std::vector<double> samples;
  for (int i = 0; i < num_samples; ++i) {
    for (auto &draw : draws)
      for (std::size_t &s : draw) s = random.below(draw.size());
    samples.push_back(mean_saving(systems, draws));
  }
  std::sort(samples.begin(), samples.end());
  result.low = samples.empty() ? result.value : quantile(samples, 0.5 * (1.0 - level));
  result.high = samples.empty() ? result.value : quantile(samples, 0.5 * (1.0 + level));
  return result;
}

std::vector<double> mean_curve(const std::vector<std::vector<double>> &curves)
{
  std::vector<std::size_t> all;
  for (std::size_t s = 0; s < curves.size(); ++s) all.push_back(s);
  return mean_of(curves, all);
}

std::vector<double> standard_error_curve(const std::vector<std::vector<double>> &curves)
{
  const std::vector<double> mean = mean_curve(curves);
  std::vector<double> result(mean.size(), 0.0);
  const double n = double(curves.size());
  if (n < 2) return result;
  for (const std::vector<double> &curve : curves)
    for (std::size_t r = 0; r < mean.size(); ++r)
      result[r] += (curve[r] - mean[r]) * (curve[r] - mean[r]);
  for (double &value : result) value = std::sqrt(value / (n - 1.0) / n);
  return result;
}

}    // namespace almlip::pool
