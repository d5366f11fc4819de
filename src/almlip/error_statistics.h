// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

namespace almlip {

/// Predicted uncertainty and true error of the force on atoms.
struct ForceErrors {
  std::vector<double> sigma;    ///< shape [num_atoms], eV/Angstrom
  std::vector<double>
      components;    ///< prediction minus reference, shape [num_atoms][3], eV/Angstrom
  std::vector<double> spread =
      {};    ///< of the members' forces, shape [num_atoms], eV/Angstrom; for with_spread only

  /// |F_i - reference_i| of every atom, shape [num_atoms], eV/Angstrom.
  std::vector<double> magnitudes() const;

  /// Without the atoms whose spread is below `least` (eV/Angstrom): their forces vanish by symmetry
  /// in every member.
  ForceErrors with_spread(double least) const;
};

/// Spearman's rank correlation with average ranks for ties; nothing for fewer than two values or if
/// one side is constant. Source: Spearman, Am. J. Psychol. 15, 72 (1904)
std::optional<double> rank_correlation(const std::vector<double> &a, const std::vector<double> &b);

/// Expected calibration error: mean over the levels p = 0.05, 0.10 .. 0.95 of | share of force
/// components with |error| <= sigma / sqrt(3) Phi^-1((1 + p) / 2) minus p |, as if components were
/// normal with the variance sigma^2 / 3. Source: Kuleshov, Fenner, Ermon, ICML (2018),
/// arXiv:1807.00263, for the levels; ours for the components
double expected_calibration_error(const ForceErrors &errors);

/// Share of atoms with |F_i - reference_i| <= factor sigma_i.
double coverage(const ForceErrors &errors, double factor);

/// Share of the worst 5 % of the atoms (by error) that are among the first 10 % by sigma; at least
/// one atom each, ties by index.
double worst_found(const ForceErrors &errors);

/// x with Phi(x) = probability, Phi the distribution function of the normal distribution; 0 <
/// probability < 1.
double normal_quantile(double probability);

}    // namespace almlip
