// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/loss/label_weights.h"

#include <algorithm>

namespace almlip::train {

std::vector<double> squared_forces(const Frame &frame)
{
  std::vector<double> squares;
  for (std::size_t i = 0; i < frame.forces.size(); i += 3) {
    const double *f = &frame.forces[i];
    squares.push_back(f[0] * f[0] + f[1] * f[1] + f[2] * f[2]);
  }
  return squares;
}

LabelWeights label_weights(const Frame &frame, double violent_force)
{
  LabelWeights weights;
  const double limit = violent_force * violent_force;
  double inverse_sum = 0.0;
  for (const double square : squared_forces(frame)) {
    weights.force.push_back(limit > 0.0 && square > limit ? limit / square : 1.0);
    inverse_sum += 1.0 / weights.force.back();
  }
  if (!weights.force.empty())
    weights.frame = static_cast<double>(weights.force.size()) / inverse_sum;
  return weights;
}

}    // namespace almlip::train
