// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/error_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "almlip/text.h"
#include "train/calibration.h"
#include "train/units.h"

namespace almlip::train {

namespace {

std::optional<double> mean_absolute(const std::vector<double> &errors)
{
  if (errors.empty()) return {};
  double sum = 0.0;
  for (const double error : errors) sum += std::abs(error);
  return sum / double(errors.size());
}

std::optional<double> root_mean_square(const std::vector<double> &errors)
{
  if (errors.empty()) return {};
  double sum = 0.0;
  for (const double error : errors) sum += error * error;
  return std::sqrt(sum / double(errors.size()));
}

/// Errors of the energies that have a sigma, and these.
struct EnergyErrors {
  std::vector<double> errors, sigma;    ///< eV/atom
};

EnergyErrors with_sigma(const std::vector<double> &errors, const std::vector<double> &sigma)
{
  EnergyErrors kept;
  for (std::size_t f = 0; f < errors.size(); ++f) {
    if (!std::isfinite(sigma[f])) continue;
    kept.errors.push_back(errors[f]);
    kept.sigma.push_back(sigma[f]);
  }
  return kept;
}

/// Share of the errors that are at most factor sigma; nothing without errors.
std::optional<double> coverage_of(const EnergyErrors &energies, double factor)
{
  if (energies.errors.empty()) return {};
  double inside = 0.0;
  for (std::size_t f = 0; f < energies.errors.size(); ++f)
    inside += std::abs(energies.errors[f]) <= factor * energies.sigma[f];
  return inside / double(energies.errors.size());
}

void append(std::vector<double> &to, const std::vector<double> &from)
{
  to.insert(to.end(), from.begin(), from.end());
}

using Numbers = std::vector<std::pair<const char *, std::optional<double>>>;

Numbers numbers_of(const ErrorGroup &group)
{
  return {{"energy_mae", group.energy_mae},     {"energy_rmse", group.energy_rmse},
          {"energy_sigma", group.energy_sigma}, {"energy_coverage90", group.energy_coverage90},
          {"force_mae", group.force_mae},       {"force_rmse", group.force_rmse},
          {"stress_mae", group.stress_mae},     {"stress_rmse", group.stress_rmse},
          {"spearman", group.spearman},         {"ece", group.ece},
          {"coverage90", group.coverage90},     {"worst5_in_top10", group.worst5_in_top10}};
}

/// A number in a column of the table; "-" if it is absent. One that would touch its neighbour is
/// written with an exponent.
std::string cell(int width, int digits, std::optional<double> number, double factor = 1.0)
{
  if (!number) return format("%*s", width, "-");
  const std::string text = format("%*.*f", width, digits, *number * factor);
  return text.front() == ' ' ? text : format("%*.1e", width, *number * factor);
}

std::string padded(std::string text, std::size_t width)
{
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string row(const std::string &name, const ErrorGroup &group)
{
  return name + format(" %7d %8d", group.frames, group.atoms) + cell(10, 2, group.energy_mae, 1e3) +
         cell(9, 2, group.energy_rmse, 1e3) + cell(9, 2, group.energy_sigma, 1e3) +
         cell(8, 3, group.energy_coverage90) + cell(10, 4, group.force_mae) +
         cell(9, 4, group.force_rmse) + cell(9, 3, group.stress_mae) +
         cell(9, 3, group.stress_rmse) + cell(10, 3, group.spearman) + cell(7, 3, group.ece) +
         cell(8, 3, group.coverage90) + cell(8, 3, group.worst5_in_top10) + '\n';
}

}    // namespace

void ErrorReport::add(const Frame &frame, const FramePrediction &prediction)
{
  const auto add_to = [&](Samples &samples) {
    const int num_atoms = frame.num_atoms();
    ++samples.frames;
    samples.atoms += num_atoms;
    if (frame.energy) {
      samples.energies.push_back((prediction.energy - *frame.energy) / num_atoms);
      samples.energy_sigma.push_back(prediction.energy_sigma);
    }
    for (std::size_t c = 0; c < frame.forces.size(); ++c)
      samples.forces.components.push_back(prediction.forces[c] - frame.forces[c]);
    if (!frame.forces.empty()) {
      append(samples.forces.sigma, prediction.sigma);
      append(samples.forces.spread, prediction.spread);
    }
    const double volume = frame.volume();
    for (int c = 0; c < 6 && frame.virial && volume > 0.0; ++c)
      samples.stresses.push_back(gpa * ((*frame.virial)[c] - prediction.virial[c]) / volume);
  };
  add_to(all_);
  if (!frame.config_type.empty() && frame.config_type != "all") add_to(by_type_[frame.config_type]);
}

ErrorGroup ErrorReport::summarise(const Samples &samples) const
{
  ErrorGroup group;
  group.frames = samples.frames;
  group.atoms = samples.atoms;
  group.energy_mae = mean_absolute(samples.energies);
  group.energy_rmse = root_mean_square(samples.energies);
  const EnergyErrors judged = with_sigma(samples.energies, samples.energy_sigma);
  group.energy_sigma = root_mean_square(judged.sigma);
  group.energy_coverage90 = coverage_of(judged, energy_quantile90_);
  group.force_mae = mean_absolute(samples.forces.components);
  group.force_rmse = root_mean_square(samples.forces.components);
  group.stress_mae = mean_absolute(samples.stresses);
  group.stress_rmse = root_mean_square(samples.stresses);

  const std::vector<double> &sigma = samples.forces.sigma;
  if (std::all_of(sigma.begin(), sigma.end(), [](double s) { return s == 0.0; })) return group;
  group.spearman = rank_correlation(sigma, samples.forces.magnitudes());
  group.worst5_in_top10 = worst_found(samples.forces);
  const ForceErrors errors = samples.forces.with_spread(symmetry_spread);
  if (errors.sigma.empty()) return group;
  group.ece = expected_calibration_error(errors);
  group.coverage90 = coverage(errors, quantile90_);
  return group;
}

ErrorGroup ErrorReport::all() const { return summarise(all_); }

std::vector<std::pair<std::string, ErrorGroup>> ErrorReport::groups() const
{
  std::vector<std::pair<std::string, ErrorGroup>> groups = {{"all", all()}};
  for (const auto &[name, samples] : by_type_) groups.emplace_back(name, summarise(samples));
  return groups;
}

std::string ErrorReport::table() const
{
  auto rows = groups();
  std::rotate(rows.begin(), rows.begin() + 1, rows.end());    // the total below its parts
  std::size_t width = 11;
  for (const auto &[name, group] : rows) width = std::max(width, name.size());

  const char *const titles =
      "                                          energy, meV/atom   forces, eV/Angstrom"
      "       stress, GPa   uncertainty of forces\n";
  const char *const columns =
      "  frames    atoms       MAE     RMSE    sigma cover90       MAE     RMSE      MAE     RMSE"
      "  spearman    ece cover90  worst5\n";
  std::string text = padded("", width) + titles + padded("config_type", width) + columns;
  for (const auto &[name, group] : rows) text += row(padded(name, width), group);
  return text;
}

std::string ErrorReport::json() const
{
  nlohmann::ordered_json json;
  for (const auto &[name, group] : groups()) {
    auto &entry = json["groups"][name];
    entry["frames"] = group.frames;
    entry["atoms"] = group.atoms;
    for (const auto &[key, number] : numbers_of(group))
      entry[key] = number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json(nullptr);
  }
  // a config_type may hold bytes that are no UTF-8
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}    // namespace almlip::train
