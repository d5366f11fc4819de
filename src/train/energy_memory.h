// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "almlip/calculator.h"
#include "almlip/frame.h"
#include "almlip/potential.h"

namespace almlip::train {

/// Precision of the prior of the weights in a linear model of energies, for standardised
/// descriptors; in units of the inverse variance of one training energy. Ours, by measurement.
constexpr double energy_prior = 0.1;

/// How much larger errors are at least on a kind of frames that was not learned, where all training
/// frames are of one kind. Ours, by measurement.
constexpr double usual_kind_factor = 2.0;

/// What the energy of a frame was learned or judged by.
struct EnergySample {
  std::vector<double> features;    ///< of one atom in the mean, shape [num_elements][D + 1]
  double energy = 0.0;    ///< of the reference, counted from the potential's reference energies,
                          ///< eV/atom
  std::string kind;       ///< config_type
  std::string composition;    ///< shares of the elements
};

/// Error of an energy by a fit that has not learned it.
struct EnergyError {
  double error = 0.0;        ///< prediction minus reference, eV/atom
  double distance2 = 0.0;    ///< energy_distance2 from the frames that the fit has learned
};

/// By which factor the energies of a linear model err more on kinds of frames that it has not
/// learned than on further frames of those that it has, both in units of its own expected error
/// sqrt(1 + energy_distance2). A root mean square over three clusters of the frames by their
/// features, each left out in turn. From 1, or usual_kind_factor if the frames are of one
/// config_type and composition, to 10.
/// Source: ours; leaving one frame out in closed form: Allen, Technometrics 16, 125 (1974)
double kind_factor(const std::vector<EnergySample> &learned, int num_elements);

/// The whitening of EnergyCalibration for these frames without those named, each by its index.
std::vector<std::vector<double>> energy_whitening(const std::vector<EnergySample> &learned,
                                                  const std::vector<std::size_t> &without,
                                                  int num_elements);

/// Fits sigma of energies: factor = kind_factor median(|error| / sqrt(1 + distance2)) / 0.6745. The
/// median, because frames of rare kinds among those that are judged are as far off as a kind that
/// was not learned, which kind_factor counts already. The bound of 90 % is that of Student's t with
/// 0.37 degrees of freedom for each error.
/// @param learned  frames that the potential has learned
/// @param before   of the start of a refit: the errors count with it, as if it had at most twice as
///                 many; or null
/// @return  num_frames 0 if there is nothing to fit
/// Source: Rousseeuw and Croux, J. Am. Stat. Assoc. 88, 1273 (1993), for the median of absolute
/// deviations, which tells as much of a width as 37 % of the errors by their mean square
EnergyCalibration calibrate_energies(const std::vector<EnergySample> &learned,
                                     const std::vector<EnergyError> &errors,
                                     const EnergyCalibration *before, int num_elements);

/// Collects the frames that the energy of a potential is judged by.
class EnergyMemory {
 public:
  explicit EnergyMemory(const Potential &potential) : potential_(potential) {}

  /// @param prediction  of the frame by the potential, with descriptors
  void add_learned(const Frame &frame, const FramePrediction &prediction);
  /// A frame that is not learned, or was not when a fit predicted it.
  /// @param error  of that fit, eV/atom
  void judge(const Frame &frame, const FramePrediction &prediction, double error);
  /// One of the learned frames, of which there was a fit without it.
  /// @param n    its number in learned()
  /// @param fit  number of that fit; those of one fit come one after another
  void judge_learned(std::size_t n, double error, int fit);

  /// The errors of the judged frames, in their order.
  std::vector<EnergyError> errors() const;
  /// The potential has learned those of judge() since.
  void learn_judged();

  const std::vector<EnergySample> &learned() const { return learned_; }

 private:
  EnergySample sample(const Frame &frame, const FramePrediction &prediction) const;
  int num_elements() const { return static_cast<int>(potential_.settings.elements.size()); }

  struct Judged {
    EnergySample sample;
    double error = 0.0;    ///< eV/atom
    int fit = 0;
  };
  const Potential &potential_;
  std::vector<EnergySample> learned_;
  std::vector<Judged> judged_;
  std::map<int, std::vector<std::size_t>>
      without_;    ///< learned frames that a fit had not learned
};

}    // namespace almlip::train
