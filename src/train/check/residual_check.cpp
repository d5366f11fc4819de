// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/data_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "almlip/text.h"
#include "train/check/predicted_units.h"
#include "train/check/robust_statistics.h"
#include "train/check/shear_check.h"
#include "train/check/stress_check.h"
#include "train/units.h"

namespace almlip::train {

namespace {

constexpr std::size_t min_frames = 8;

using Groups = std::map<std::string, std::vector<std::size_t>>;

Groups groups_of(const std::vector<Frame> &frames)
{
  Groups groups;
  for (std::size_t f = 0; f < frames.size(); ++f) groups[frames[f].config_type].push_back(f);
  return groups;
}

double rms(const std::vector<double> &values)
{
  double sum = 0.0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, values.size())));
}

/// Pressure of the prediction above that of the label, eV/Angstrom^3.
double pressure_error(const Compared &compared)
{
  double sum = 0.0;
  for (std::size_t q = 0; q < 3; ++q) sum += compared.stress[q] - compared.label_stress[q];
  return sum / 3.0;
}

/// Root mean square error of the stress without an offset that all labels have, eV/Angstrom^3.
double stress_error(const Compared &compared, double offset)
{
  std::vector<double> errors;
  for (std::size_t q = 0; q < 6; ++q)
    errors.push_back(compared.stress[q] - compared.label_stress[q] - (q < 3 ? offset : 0.0));
  return rms(errors);
}

/// What a potential errs by usually on frames of one kind.
class UsualErrors {
 public:
  UsualErrors(const std::vector<std::size_t> &group, const std::vector<Compared> &compared)
  {
    std::vector<double> energies, forces, pressures, stresses;
    for (const std::size_t f : group) {
      energies.push_back(compared[f].energy_error);
      if (compared[f].force_error >= 0.0) forces.push_back(compared[f].force_error);
      if (compared[f].has_stress) pressures.push_back(pressure_error(compared[f]));
    }
    offset_ = median(pressures);
    for (const std::size_t f : group)
      if (compared[f].has_stress) stresses.push_back(stress_error(compared[f], offset_));
    energy_ = median(energies);
    energy_spread_ = robust_spread(energies);
    force_ = median(forces);
    stress_ = median(stresses);
  }

  bool is_odd_energy(const Compared &compared) const
  {
    constexpr double least = 0.01;    // eV per atom
    return std::abs(compared.energy_error - energy_) > std::max(least, 10.0 * energy_spread_);
  }
  /// @param small  stresses and errors below it are of no account, eV/Angstrom^3
  bool is_odd_stress(const Compared &compared, double small) const
  {
    if (!compared.has_stress) return false;
    const double size = rms({compared.label_stress.begin(), compared.label_stress.end()}),
                 error = stress_error(compared, offset_);
    return size > std::max(5.0 * stress_, small) && error > std::max(0.7 * size, small);
  }
  bool fits_forces(const Compared &compared) const { return compared.force_error <= 3.0 * force_; }
  /// Whether forces fit, and the stress where forces vanish by symmetry and so tell nothing.
  bool fits(const Compared &compared) const
  {
    constexpr double none = 1e-3;    // eV/Angstrom
    if (!fits_forces(compared)) return false;
    return compared.predicted_force > none || !compared.has_stress ||
           stress_error(compared, offset_) <= 3.0 * stress_;
  }

 private:
  double energy_ = 0.0, energy_spread_ = 0.0, force_ = 0.0, stress_ = 0.0, offset_ = 0.0;
};

/// Energies that are far off where forces and stress fit: the energy label is wrong.
std::vector<std::size_t> odd_energies(const std::vector<std::size_t> &group,
                                      const std::vector<Compared> &compared)
{
  const UsualErrors usual(group, compared);
  std::vector<std::size_t> odd;
  for (const std::size_t f : group)
    if (usual.is_odd_energy(compared[f]) && usual.fits(compared[f])) odd.push_back(f);
  return odd;
}

/// What the potential errs by where there are forces, eV/Angstrom. Frames of nearly perfect
/// crystals count as little as their forces: errors there may be a hundred times less, and say
/// nothing.
double usual_force_error(const std::vector<Compared> &compared)
{
  std::vector<double> errors, predicted;    // labels may be wrong: they do not weigh
  for (const Compared &c : compared) {
    errors.push_back(c.force_error);
    predicted.push_back(c.predicted_force);
  }
  return weighted_median(errors, predicted);
}

/// Large forces of which the potential explains nothing.
/// @param small  forces and errors below it are of no account, eV/Angstrom
std::vector<std::size_t> odd_forces(const std::vector<std::size_t> &group,
                                    const std::vector<Frame> &frames,
                                    const std::vector<Compared> &compared, double small)
{
  std::vector<double> errors;
  for (const std::size_t f : group)
    if (compared[f].force_error >= 0.0) errors.push_back(compared[f].force_error);
  const double usual = median(errors);
  std::vector<std::size_t> odd;
  for (const std::size_t f : group) {
    const double size = rms(frames[f].forces);
    if (size > std::max(5.0 * usual, small) &&
        compared[f].force_error > std::max(0.7 * size, small))
      odd.push_back(f);
  }
  return odd;
}

/// Large stresses of which the potential explains nothing where it explains the forces.
std::vector<std::size_t> odd_stresses(const std::vector<std::size_t> &group,
                                      const std::vector<Compared> &compared)
{
  constexpr double small = 1.0 / gpa;
  const UsualErrors usual(group, compared);
  std::vector<std::size_t> odd;
  for (const std::size_t f : group)
    if (usual.is_odd_stress(compared[f], small) && usual.fits_forces(compared[f])) odd.push_back(f);
  return odd;
}

void add(std::vector<Finding> &findings, Finding finding, std::vector<std::size_t> frames)
{
  if (frames.empty()) return;
  finding.frames = std::move(frames);
  findings.push_back(std::move(finding));
}

/// The frames of which no finding speaks.
std::vector<std::size_t> without_named(const std::vector<std::size_t> &frames,
                                       const std::vector<Finding> &findings)
{
  std::set<std::size_t> named;
  for (const Finding &finding : findings)
    named.insert(finding.frames.begin(), finding.frames.end());
  std::vector<std::size_t> others;
  for (const std::size_t f : frames)
    if (named.count(f) == 0) others.push_back(f);
  return others;
}

std::vector<std::size_t> with_stress(const std::vector<std::size_t> &group,
                                     const std::vector<Compared> &compared)
{
  std::vector<std::size_t> frames;
  for (const std::size_t f : group)
    if (compared[f].has_stress) frames.push_back(f);
  return frames;
}

/// Factor that makes labels the predicted ones; 0 unless the two are nearly parallel.
/// @param labels, predicted  of the same size
double factor_of(const std::vector<double> &labels, const std::vector<double> &predicted)
{
  constexpr double min_cosine = 0.95;
  const double product = std::inner_product(labels.begin(), labels.end(), predicted.begin(), 0.0) /
                         static_cast<double>(labels.size());
  const double size = rms(labels);
  return std::abs(product) > min_cosine * size * rms(predicted) ? product / (size * size) : 0.0;
}

}    // namespace

std::optional<Finding> check_predicted_pressure(const std::vector<Compared> &compared)
{
  constexpr double least = 0.5;    // GPa
  std::vector<std::size_t> all(compared.size());
  std::iota(all.begin(), all.end(), 0);
  const std::vector<std::size_t> frames = with_stress(all, compared);
  if (frames.size() < min_frames) return {};
  std::vector<double> pressures;    // of labels minus predictions
  for (const std::size_t f : frames) pressures.push_back(-gpa * pressure_error(compared[f]));
  const double offset = median(pressures);
  if (std::abs(offset) <= std::max(least, 3.0 * robust_spread(pressures))) return {};
  return Finding{
      "the pressure is " + format("%.1f", std::abs(offset)) + " GPa " +
          (offset < 0.0 ? "below" : "above") + " the potential's",
      "expected where a fit took off an offset of the labels (--stress-offset); else look "
      "whether both are of one set-up",
      frames};
}

Compared compare(const Frame &frame, const FramePrediction &prediction)
{
  Compared compared;
  if (frame.energy) compared.energy_error = (prediction.energy - *frame.energy) / frame.num_atoms();
  compared.force_error = -1.0;
  if (!frame.forces.empty()) {
    std::vector<double> errors(frame.forces.size());
    for (std::size_t n = 0; n < errors.size(); ++n)
      errors[n] = prediction.forces[n] - frame.forces[n];
    compared.force_error = rms(errors);
    compared.predicted_force = rms(prediction.forces);
    if (compared.predicted_force > 3.0 * rms(prediction.sigma))
      compared.force_factor = factor_of(frame.forces, prediction.forces);
  }
  compared.has_stress = frame.virial && frame.volume() > 0.0;
  for (std::size_t q = 0; q < 6 && compared.has_stress; ++q) {
    compared.stress[q] = prediction.virial[q] / frame.volume();
    compared.label_stress[q] = (*frame.virial)[q] / frame.volume();
  }
  if (compared.has_stress) {
    const Tensor6 labelled = deviator(compared.label_stress), predicted = deviator(compared.stress);
    compared.stress_factor =
        factor_of({labelled.begin(), labelled.end()}, {predicted.begin(), predicted.end()});
  }
  return compared;
}

double relative_misfit(const Compared &compared, const Repair &repair)
{
  constexpr double tiny = 1e-12;
  double misfit = tiny, misfit_repaired = tiny;
  if (repair.kind == Repair::Kind::scale_forces && compared.force_factor != 0.0) {
    misfit += std::abs(1.0 / compared.force_factor - 1.0);
    misfit_repaired += std::abs(repair.factor / compared.force_factor - 1.0);
  }
  const bool of_stress =
      repair.kind == Repair::Kind::scale_virial || repair.kind == Repair::Kind::exchange_shear;
  if (of_stress && compared.has_stress) {
    const Tensor6 predicted = deviator(compared.stress), given = deviator(compared.label_stress),
                  repaired = deviator(repaired_virial(compared.label_stress, repair));
    for (std::size_t q = 0; q < 6; ++q) {
      misfit += std::abs(given[q] - predicted[q]);
      misfit_repaired += std::abs(repaired[q] - predicted[q]);
    }
  }
  return misfit / misfit_repaired;
}

std::vector<Finding> check_residuals(const std::vector<Frame> &frames,
                                     const std::vector<Compared> &compared)
{
  constexpr double relaxed = 0.01;    // eV/Angstrom, to which structures are commonly relaxed
  const double small = std::max(relaxed, usual_force_error(compared));
  std::vector<Finding> findings;
  std::vector<std::size_t> energies, forces, stresses;
  for (const auto &[type, group] : groups_of(frames)) {
    if (group.size() < min_frames) continue;
    for (const std::size_t f : odd_energies(group, compared)) energies.push_back(f);
    for (const std::size_t f : odd_forces(group, frames, compared, small)) forces.push_back(f);
    for (const std::size_t f : odd_stresses(group, compared)) stresses.push_back(f);
  }
  add(findings,
      {"the energy does not fit the rest of its kind, although forces and stress do",
       "calculate them again, or remove them",
       {}},
      energies);
  add(findings,
      {"the forces do not fit the rest of its kind at all",
       "calculate them again, or remove them",
       {}},
      forces);
  std::vector<Finding> of_many;
  check_predicted_units(frames, compared, of_many);
  check_predicted_shear(frames, compared, of_many);
  add(findings,
      {"the stress does not fit the rest of its kind at all, although forces do",
       "look at its unit, calculate it again, or leave it out",
       {}},
      without_named(stresses, of_many));
  findings.insert(findings.end(), of_many.begin(), of_many.end());
  return findings;
}

}    // namespace almlip::train
