// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/stress_check.h"

#include <algorithm>
#include <cmath>

#include "almlip/text.h"
#include "train/check/robust_statistics.h"
#include "train/units.h"

namespace almlip::train {

namespace {

constexpr std::array<int, 3> plain_order{3, 4, 5};    // order of the shear components

/// Energy differences of strained cells against the work of forces and stress.
struct StressCheck {
  struct Row {
    double rise;           ///< without the work of the forces, eV per atom
    double volume_work;    ///< eV per atom for an offset of 1 eV/Angstrom^3
    const ClosePair *pair;
  };
  std::vector<Row> rows;

  explicit StressCheck(const std::vector<ClosePair> &pairs)
  {
    for (const ClosePair &pair : pairs) {
      if (!pair.is_strained || !pair.has_virial) continue;
      // what the forces leave over would be their error
      if (std::abs(pair.force_work) > 0.5 * std::abs(pair.rise - pair.force_work)) continue;
      const double trace = pair.strain[0] + pair.strain[1] + pair.strain[2];
      rows.push_back({pair.rise - pair.force_work, pair.volume * trace, &pair});
    }
  }

  std::vector<double> rises() const
  {
    std::vector<double> values;
    for (const Row &row : rows) values.push_back(row.rise);
    return values;
  }

  /// Whether a fit leaves little of the energy differences: the frames are close enough.
  bool is_explained(const TwoSlopes &fit) const
  {
    double size = 0.0;
    for (const Row &row : rows) size += std::abs(row.rise) / static_cast<double>(rows.size());
    return fit.misfit < 0.3 * size;
  }

  /// Share of the work that has the slope of a fit.
  double share_of(const TwoSlopes &fit, const std::array<int, 3> &shear) const
  {
    std::vector<double> rest = rises();
    for (std::size_t n = 0; n < rows.size(); ++n) rest[n] -= fit.second * rows[n].volume_work;
    return share_near(work(shear), rest, fit.first);
  }

  /// Work if xy, xz, yz are taken from these components of the virial.
  std::vector<double> work(const std::array<int, 3> &shear) const
  {
    std::vector<double> sums;
    for (const Row &row : rows) {
      double sum = 0.0;
      for (std::size_t q = 0; q < 6; ++q) {
        const auto from = q < 3 ? q : static_cast<std::size_t>(shear[q - 3]);
        sum -= row.pair->virial[from] * row.pair->strain[q];
      }
      sums.push_back(sum);
    }
    return sums;
  }
};

TwoSlopes fit_stress(const StressCheck &check, const std::vector<double> &work)
{
  std::vector<double> volume_works;
  for (const StressCheck::Row &row : check.rows) volume_works.push_back(row.volume_work);
  return fit_two_slopes(work, volume_works, check.rises());
}

/// Whether an order of the shear components explains energies better in most of the pairs that
/// tell the orders apart.
bool speaks_for(const StressCheck &check, const std::array<int, 3> &shear, const TwoSlopes &plain,
                const TwoSlopes &other)
{
  const std::vector<double> as_given = check.work(plain_order), exchanged = check.work(shear);
  std::size_t telling = 0, better = 0;
  for (std::size_t n = 0; n < check.rows.size(); ++n) {
    if (std::abs(as_given[n] - exchanged[n]) < 3.0 * other.misfit) continue;
    const double rise = check.rows[n].rise, volume_work = check.rows[n].volume_work;
    const double before = rise - plain.first * as_given[n] - plain.second * volume_work,
                 after = rise - other.first * exchanged[n] - other.second * volume_work;
    ++telling;
    if (std::abs(after) < std::abs(before)) ++better;
  }
  return telling >= min_pairs && better > 0.8 * static_cast<double>(telling);
}

std::optional<Finding> exchange_finding(const StressCheck &check, const TwoSlopes &plain)
{
  const ShearOrder *found = nullptr;
  double least = 0.5 * plain.misfit;
  for (const ShearOrder &order : shear_orders) {
    const TwoSlopes fit = fit_stress(check, check.work(order.components));
    if (fit.misfit > least || !check.is_explained(fit)) continue;
    if (speaks_for(check, order.components, plain, fit)) least = fit.misfit, found = &order;
  }
  if (!found) return {};
  return exchanged_shear(*found);
}

/// Slope of the work as it is, without an offset of the pressure.
TwoSlopes fit_without_offset(const StressCheck &check, const std::vector<double> &work)
{
  return fit_two_slopes(work, std::vector<double>(work.size(), 0.0), check.rises());
}

/// Slope of the work beside an offset of the pressure, or without one where the strains do not tell
/// the two apart: dilations at nearly one pressure.
TwoSlopes fit_work(const StressCheck &check)
{
  const std::vector<double> work = check.work(plain_order);
  const TwoSlopes fit = fit_stress(check, work);
  return fit.first_error < 0.1 * std::abs(fit.first) ? fit : fit_without_offset(check, work);
}

/// The slope of the work, if it explains the energy differences.
/// @param share  of the work that must agree on it
std::optional<TwoSlopes> sure_fit(const StressCheck &check, double share)
{
  const TwoSlopes fit = fit_work(check);
  if (!check.is_explained(fit) || check.share_of(fit, plain_order) < share) return {};
  return fit;
}

std::optional<Finding> unit_finding(const TwoSlopes &fit)
{
  if (is_near(fit.first, 1.0)) return {};
  const auto nearest = mistake_of(fit.first, stress_mistakes, 0.3);
  if (!nearest && is_near_one(fit.first)) return {};
  if (!nearest)
    return Finding{"energy differences of strained cells are " + format("%.3g", fit.first) +
                       " times the work of the stress",
                   "find its unit, which must be eV/Angstrom^3 for a stress and eV for a virial",
                   {}};
  if (!mistake_of(fit.first, {*nearest}, 0.1))
    return Finding{std::string(nearest->text) + " (energy differences of strained cells are " +
                       format("%.3g", fit.first) + " times its work, not exactly that)",
                   "make sure of the unit, then convert it",
                   {}};
  return Finding{
      nearest->text, "convert it (--fix does)", {}, {Repair::Kind::scale_virial, nearest->slope}};
}

/// The third-order error of the trapezoidal rule grows with the square of the strain: 0.1 GPa for
/// the usual anharmonicity of metals at this one.
constexpr double small_strain = 0.02;

double norm(const Tensor6 &strain)
{
  double sum = 0.0;
  for (const double component : strain) sum += component * component;
  return std::sqrt(sum);
}

/// Whether the energies of two frames tell the pressure to 0.1 GPa. Atoms that move vibrate more
/// softly in a larger cell, which looks like an offset; by the Grueneisen parameter of solids.
bool tells_pressure(const ClosePair &pair)
{
  constexpr double grueneisen = 2.0, small_pressure = 0.1;    // GPa
  return pair.is_strained && pair.has_virial && norm(pair.strain) <= small_strain &&
         gpa * grueneisen * std::abs(pair.vibration) / pair.volume < small_pressure;
}

/// @param offset  pressure of the labels minus that of the energies, GPa
Finding pressure_offset(double offset)
{
  return {
      "the pressure is " + format("%.1f", std::abs(offset)) + " GPa " +
          (offset < 0.0 ? "below" : "above") + " that of the energies (Pulay stress)",
      "raise the plane-wave cutoff; a fit finds what is left and takes it off (--stress-offset)",
      {}};
}

}    // namespace

const std::vector<UnitMistake> stress_mistakes = {
    {1.0 / gpa, "the stress looks like GPa"},
    {0.1 / gpa, "the stress looks like kbar"},
    {1e-4 / gpa, "the stress looks like bar"},
    {-1.0 / gpa, "the stress looks like GPa with the sign of a pressure"},
    {-0.1 / gpa, "the stress looks like kbar with the sign of a pressure"},
    {-1e-4 / gpa, "the stress looks like bar with the sign of a pressure"},
    {-1.0, "the stress has the wrong sign"}};

Finding exchanged_shear(const ShearOrder &order)
{
  Finding finding{std::string("shear components of the stress are exchanged: ") + order.text,
                  "put them in order (--fix does); VASP, for one, prints xx yy zz xy yz zx",
                  {}};
  finding.repair = {Repair::Kind::exchange_shear, 1.0, order.components};
  return finding;
}

Tensor6 deviator(const Tensor6 &stress)
{
  const double mean = (stress[0] + stress[1] + stress[2]) / 3.0;
  Tensor6 components = stress;
  for (std::size_t q = 0; q < 3; ++q) components[q] -= mean;
  return components;
}

std::optional<Finding> check_stress_size(const std::vector<Frame> &frames)
{
  constexpr double most = 10.0;    // eV/Angstrom^3
  Finding finding;
  double largest = 0.0;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (!frames[f].virial || frames[f].volume() == 0.0) continue;
    double of_frame = 0.0;
    for (const double component : *frames[f].virial)
      of_frame = std::max(of_frame, std::abs(component) / frames[f].volume());
    if (of_frame > most) finding.frames.push_back(f);
    largest = std::max(largest, of_frame);
  }
  if (finding.frames.empty()) return {};
  finding.what = "the stress is up to " + format("%.0f", gpa * largest) +
                 " GPa, which no solid has: it is not in eV/Angstrom^3";
  finding.remedy = "find its unit and convert it, or leave the stress out";
  return finding;
}

std::optional<Finding> check_stress(const std::vector<ClosePair> &pairs, double share)
{
  const StressCheck check(pairs);
  if (check.rows.size() < min_pairs) return {};
  if (auto exchange = exchange_finding(check, fit_stress(check, check.work(plain_order))))
    return exchange;
  const auto fit = sure_fit(check, share);
  return fit ? unit_finding(*fit) : std::nullopt;
}

bool stress_agrees(const std::vector<ClosePair> &pairs)
{
  constexpr double share = 0.75;
  const StressCheck check(pairs);
  if (check.rows.size() < min_pairs) return false;
  const auto fit = sure_fit(check, share);
  return fit && is_near(fit->first, 1.0);
}

std::optional<Finding> check_pressure(const std::vector<ClosePair> &pairs)
{
  constexpr double least = 0.5, most = 20.0, min_dilation = 1e-3;    // GPa; of the volume
  std::vector<ClosePair> small;
  std::size_t num_dilated = 0;
  for (const ClosePair &pair : pairs) {
    if (!tells_pressure(pair)) continue;
    small.push_back(pair);
    if (std::abs(pair.strain[0] + pair.strain[1] + pair.strain[2]) > min_dilation) ++num_dilated;
  }
  if (num_dilated < min_pairs) return {};
  const StressCheck check(small);
  const std::vector<double> work = check.work(plain_order);
  const TwoSlopes fit = fit_stress(check, work), plain = fit_without_offset(check, work);
  const double offset = fit.second * gpa;
  const bool is_sure = std::abs(fit.second) > 5.0 * fit.second_error &&
                       fit.misfit < 0.5 * plain.misfit && check.is_explained(fit);
  if (!is_sure || std::abs(offset) < least || std::abs(offset) > most) return {};
  return pressure_offset(offset);    // a pressure is minus the mean stress
}

}    // namespace almlip::train
