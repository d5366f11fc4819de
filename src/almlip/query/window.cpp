// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/window.h"

#include <algorithm>
#include <cmath>

#include "almlip/error.h"

namespace almlip {
namespace {

/// Of the held-out frames, for the number of atoms at hand, in rising order; empty if there are
/// none or all are zero.
/// @throws Error if there is no force error either
std::vector<double> largest_sigmas(const WindowBasis &basis, int num_atoms)
{
  std::vector<double> largest;
  for (const HeldOutFrame &frame : basis.held_out)
    largest.push_back(frame.max_sigma * growth_of_largest(num_atoms, frame.num_atoms));
  std::sort(largest.begin(), largest.end());
  if (!largest.empty() && largest.back() > 0.0) return largest;
  require(basis.force_error > 0.0,
          "the potential tells nothing of held-out frames; give threshold lo hi");
  return {};
}

double quantile(const std::vector<double> &rising, double share)
{
  return rising[static_cast<std::size_t>(share * static_cast<double>(rising.size()))];
}

}    // namespace

WindowBasis window_basis(const Potential &potential)
{
  WindowBasis basis;
  const TrainingRecord &record = potential.record;
  for (std::size_t k = 0; k < record.held_out_sigma.size(); ++k)
    basis.held_out.push_back({record.held_out_sigma[k], record.held_out_atoms[k]});
  basis.rms_force = record.rms_force;
  basis.force_error = potential.force_error;
  return basis;
}

double growth_of_largest(int num_atoms, int num_atoms_before)
{
  const auto largest = [](int n) { return std::sqrt(2.0 * std::log(std::max(n, 1)) + 1.0); };
  return largest(num_atoms) / largest(num_atoms_before);
}

Window automatic_window(const WindowBasis &basis, int num_atoms)
{
  constexpr double known = 0.1, untrusted = 3.0, forces = 2.0;    // docs/choosing-thresholds.md
  constexpr double lo_factor = 1.0, hi_factor = 30.0, min_hi = 1.0;
  const std::vector<double> largest = largest_sigmas(basis, num_atoms);
  const double floor_of_hi = basis.rms_force > 0.0 ? forces * basis.rms_force : min_hi;
  if (!largest.empty())
    return {quantile(largest, known), std::max(untrusted * largest.back(), floor_of_hi)};
  return {lo_factor * basis.force_error, std::max(hi_factor * basis.force_error, floor_of_hi)};
}

double typical_largest_sigma(const WindowBasis &basis, int num_atoms)
{
  constexpr double factor = 5.0;
  const std::vector<double> largest = largest_sigmas(basis, num_atoms);
  return largest.empty() ? factor * basis.force_error : quantile(largest, 0.5);
}

void AdaptiveThreshold::follow(double value)
{
  constexpr double gain =
      0.2;    // lo moves by a fifth in a few looks, and wanders by about as much
  if (moves()) lo_ *= std::exp(gain * ((value >= lo_ ? 1.0 : 0.0) - share_));
}

}    // namespace almlip
