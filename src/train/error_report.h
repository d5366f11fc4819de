// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/error_statistics.h"
#include "almlip/frame.h"

namespace almlip::train {

/// Errors of a group of frames. Numbers without a reference, or without a committee that disagrees,
/// are absent. Calibration (ece, coverage90) leaves out atoms whose members agree within
/// `symmetry_spread` (calibration.h): forces that vanish by symmetry.
struct ErrorGroup {
  int frames = 0, atoms = 0;
  std::optional<double> energy_mae, energy_rmse;    ///< eV/atom
  std::optional<double>
      energy_sigma;    ///< root mean square over the frames that have one, eV/atom
  std::optional<double>
      energy_coverage90;    ///< share of these frames with an error below quantile90 sigma
  std::optional<double> force_mae, force_rmse;      ///< over components, eV/Angstrom
  std::optional<double> stress_mae, stress_rmse;    ///< over the six components, GPa
  std::optional<double> spearman;      ///< rank correlation of sigma and force error over atoms
  std::optional<double> ece;           ///< expected calibration error of force components
  std::optional<double> coverage90;    ///< share of atoms with an error below quantile90 sigma
  std::optional<double>
      worst5_in_top10;    ///< share of the worst 5 % of the atoms among the first 10 % by sigma
};

/// Collects errors frame by frame and reports them for every config_type and for all frames
/// together.
class ErrorReport {
 public:
  /// With the bounds of 90 % of a potential.
  explicit ErrorReport(const Potential &potential)
      : quantile90_(potential.calibration.quantile90),
        energy_quantile90_(potential.energy_calibration.quantile90)
  {
  }

  /// Takes what the frame has references for.
  void add(const Frame &frame, const FramePrediction &prediction);

  /// Group "all" first, then every config_type in alphabetical order.
  std::vector<std::pair<std::string, ErrorGroup>> groups() const;
  ErrorGroup all() const;

  /// Lines for people: energies in meV/atom, forces in eV/Angstrom, stress in GPa.
  std::string table() const;

  /// `{"groups": {"all": {...}, "<config_type>": {...}}}` with the names of ErrorGroup's fields;
  /// absent numbers are null.
  std::string json() const;

 private:
  /// Prediction minus reference.
  struct Samples {
    int frames = 0, atoms = 0;
    std::vector<double> energies;        ///< eV/atom
    std::vector<double> energy_sigma;    ///< of each, eV/atom; may be not finite
    std::vector<double> stresses;        ///< GPa
    ForceErrors forces;
  };
  ErrorGroup summarise(const Samples &samples) const;

  double quantile90_, energy_quantile90_;
  Samples all_;
  std::map<std::string, Samples> by_type_;
};

}    // namespace almlip::train
