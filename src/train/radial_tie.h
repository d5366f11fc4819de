// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "train/loss/committee_loss.h"

namespace almlip::train {

/// Pulls the radial functions of one central element for different neighbours towards each other
/// where the data do not tell them apart.
///
///   penalty = weight M sum_{a b c} mean_r (R_c^ab(r) - mean_b R_c^ab(r))^2
///
/// over distances from the shortest one of the training frames to the cutoff, all with the same
/// weight: a pair of unlike elements that was seen only at the distances of a perfect lattice then
/// behaves like its neighbours at the shorter distances of a hot alloy, instead of freely. Zero for
/// a single element.
/// Source: ours
class RadialTie {
 public:
  RadialTie(const TrainingModel &model, double weight);

  /// Adds the penalty's gradient, in units of the (scaled) loss.
  void add_gradient(const std::vector<double> &parameters, std::vector<double> &gradient) const;

 private:
  int num_elements_, num_channels_, num_radial_;
  double weight_;
  std::vector<double> overlap_;        ///< mean over r of two whitened functions, shape [n][n]
  std::vector<std::size_t> offset_;    ///< of the radial block of a pair, shape [E][E]
};

}    // namespace almlip::train
