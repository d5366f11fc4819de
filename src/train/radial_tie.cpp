// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/radial_tie.h"

#include "almlip/kernels/radial.h"

namespace almlip::train {

RadialTie::RadialTie(const TrainingModel &model, double weight)
    : num_elements_(static_cast<int>(model.settings.elements.size())),
      num_channels_(model.settings.num_channels),
      num_radial_(model.settings.num_radial),
      weight_(weight * model.settings.num_members),
      overlap_(static_cast<std::size_t>(num_radial_ * num_radial_), 0.0)
{
  if (num_elements_ < 2) weight_ = 0.0;
  if (weight_ == 0.0) return;
  for (const ParameterBlock &block : CommitteeLoss::layout(model.settings))
    if (block.kind == ParameterBlock::Kind::radial) offset_.push_back(block.offset);

  constexpr int num_points = 200;
  const double cutoff = model.settings.cutoff, begin = model.least_distance;
  std::vector<double> value(static_cast<std::size_t>(num_radial_));
  for (int point = 0; point < num_points; ++point) {
    const double r = begin + (cutoff - begin) * (point + 0.5) / num_points;
    const RadialBasis<double, 1, ModelSettings::max_radial> basis(r, 1.0 / cutoff, num_radial_);
    for (int q = 0; q < num_radial_; ++q) {
      value[q] = 0.0;
      for (int n = 0; n < num_radial_; ++n)
        value[q] += model.whitening[q * num_radial_ + n] * basis.value(n);
    }
    for (int q = 0; q < num_radial_; ++q)
      for (int n = 0; n < num_radial_; ++n)
        overlap_[q * num_radial_ + n] += value[q] * value[n] / num_points;
  }
}

void RadialTie::add_gradient(const std::vector<double> &parameters,
                             std::vector<double> &gradient) const
{
  if (weight_ == 0.0) return;
  const int size = num_channels_ * num_radial_;
  std::vector<double> deviation(static_cast<std::size_t>(size));
  for (int a = 0; a < num_elements_; ++a) {
    const std::size_t *of_pair = &offset_[a * num_elements_];
    for (int b = 0; b < num_elements_; ++b) {
      for (int q = 0; q < size; ++q) {
        double mean = 0.0;
        for (int other = 0; other < num_elements_; ++other)
          mean += parameters[of_pair[other] + q] / num_elements_;
        deviation[q] = parameters[of_pair[b] + q] - mean;
      }
      for (int c = 0; c < num_channels_; ++c)
        for (int q = 0; q < num_radial_; ++q)
          for (int n = 0; n < num_radial_; ++n)
            gradient[of_pair[b] + c * num_radial_ + q] +=
                2.0 * weight_ * overlap_[q * num_radial_ + n] * deviation[c * num_radial_ + n];
    }
  }
}

}    // namespace almlip::train
