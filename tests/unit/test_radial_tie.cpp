// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/radial_tie.h"

#include <gtest/gtest.h>

#include <cmath>

#include "random_potential.h"

namespace almlip::train {
namespace {

using test::normal_numbers;
using test::shape_settings;

/// Two or more elements, the Chebyshev functions themselves as radial functions.
TrainingModel model_of(const std::vector<std::string> &elements)
{
  TrainingModel model;
  model.settings = shape_settings("fast", elements);
  model.settings.cutoff = 5.0;
  model.least_distance = 2.0;
  const int n = model.settings.num_radial;
  model.whitening.assign(n * n, 0.0);
  for (int q = 0; q < n; ++q) model.whitening[q * n + q] = 1.0;
  return model;
}

/// weight M sum_{a b c} of the mean square, by another rule (Simpson) and written out.
double penalty(const TrainingModel &model, const std::vector<double> &parameters, double weight)
{
  const ModelSettings &s = model.settings;
  const int E = static_cast<int>(s.elements.size()), num_intervals = 2000;
  std::vector<std::size_t> offset;
  for (const ParameterBlock &block : CommitteeLoss::layout(s))
    if (block.kind == ParameterBlock::Kind::radial) offset.push_back(block.offset);
  double sum = 0.0;
  for (int point = 0; point <= num_intervals; ++point) {
    const double x = (2.0 + 3.0 * point / num_intervals) / 5.0, angle = std::acos(2.0 * x - 1.0),
                 simpson = point == 0 || point == num_intervals ? 1.0
                           : point % 2                          ? 4.0
                                                                : 2.0;
    for (int a = 0; a < E; ++a)
      for (int c = 0; c < s.num_channels; ++c) {
        std::vector<double> value;
        double mean = 0.0;
        for (int b = 0; b < E; ++b) {
          double r_c = 0.0;
          for (int n = 0; n < s.num_radial; ++n)
            r_c += parameters[offset[a * E + b] + c * s.num_radial + n] * std::cos(n * angle) *
                   std::pow(1.0 - x, 3);
          value.push_back(r_c);
          mean += r_c / E;
        }
        for (const double v : value) sum += simpson * (v - mean) * (v - mean);
      }
  }
  return weight * s.num_members * sum / (3.0 * num_intervals);
}

TEST(RadialTie, GradientIsTheSlopeOfThePenalty)
{
  const TrainingModel model = model_of({"Mo", "Ta", "W"});
  std::mt19937_64 random(7);
  std::vector<double> parameters =
      normal_numbers(CommitteeLoss::num_parameters(model.settings), 1.0, random);
  std::vector<double> gradient(parameters.size(), 0.0);
  RadialTie(model, 0.3).add_gradient(parameters, gradient);

  for (std::size_t n = parameters.size() - 40; n < parameters.size(); n += 3) {
    constexpr double h = 1e-3;    // the penalty is quadratic: no error of finite differences
    std::vector<double> up = parameters, down = parameters;
    up[n] += h;
    down[n] -= h;
    const double slope = (penalty(model, up, 0.3) - penalty(model, down, 0.3)) / (2.0 * h);
    EXPECT_NEAR(gradient[n], slope, 1e-3 * std::fabs(slope) + 1e-5);    // 200 points on r
  }
  EXPECT_EQ(gradient[0], 0.0);    // weights of the networks are free
}

TEST(RadialTie, LeavesOneElementAndEqualFunctionsAlone)
{
  for (const std::vector<std::string> &elements :
       {std::vector<std::string>{"Si"}, std::vector<std::string>{"Ti", "O"}}) {
    const TrainingModel model = model_of(elements);
    const std::vector<double> parameters(CommitteeLoss::num_parameters(model.settings), 0.7);
    std::vector<double> gradient(parameters.size(), 0.0);
    RadialTie(model, 1.0).add_gradient(parameters, gradient);

    for (const double g : gradient) EXPECT_NEAR(g, 0.0, 1e-14);    // rounding of the mean
  }
}

}    // namespace
}    // namespace almlip::train
