// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/initial_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "random_potential.h"

namespace almlip::train {
namespace {

/// Radial block of the neighbour's element b around the first element, shape [C][num_radial].
std::vector<double> radial_block(const ModelSettings &settings, int b)
{
  TrainingModel model;
  model.settings = settings;
  const std::vector<double> parameters = initial_parameters(model, 1);
  for (const ParameterBlock &block : CommitteeLoss::layout(settings))
    if (block.kind == ParameterBlock::Kind::radial && block.element == 0 && block.other == b) {
      const auto begin = parameters.begin() + static_cast<std::ptrdiff_t>(block.offset);
      return {begin, begin + block.rows * block.cols};
    }
  return {};
}

/// sum_c r_c(b) r_c(other), r_c(b) the channels as vectors of all radial functions.
double product(const std::vector<double> &b, const std::vector<double> &other)
{
  return std::inner_product(b.begin(), b.end(), other.begin(), 0.0);
}

TEST(InitialParameters, ChannelsOfAlikeElementsAreTheLeadingFunctions)
{
  for (const std::vector<std::string> &elements :
       {std::vector<std::string>{"Si"}, {"Ni", "Al"}, {"Mo", "Nb", "Ta", "W"}}) {
    const ModelSettings settings = test::shape_settings("default", elements);
    for (int b = 0; b < static_cast<int>(elements.size()); ++b) {
      const std::vector<double> channels = radial_block(settings, b);
      for (int c = 0; c < settings.num_channels; ++c)
        for (int q = 0; q < settings.num_radial; ++q)
          EXPECT_EQ(channels[static_cast<std::size_t>(c * settings.num_radial + q)], c == q);
    }
  }
}

TEST(InitialParameters, ChannelsTellElementsOfUnlikeSizeApart)
{
  // two functions, once added up over the neighbours and once with their signs
  const ModelSettings oxide = test::shape_settings("default", {"Ti", "O"});
  const std::vector<double> ti = radial_block(oxide, 0), o = radial_block(oxide, 1);
  EXPECT_NEAR(product(ti, o), 0.0, 1e-12);
  EXPECT_NEAR(product(ti, ti), 4.0, 1e-12);
  EXPECT_NEAR(product(o, o), 4.0, 1e-12);

  // two functions in three ways: a basis of all three elements
  const ModelSettings molecule = test::shape_settings("large", {"H", "C", "O"});
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b)
      EXPECT_NEAR(product(radial_block(molecule, a), radial_block(molecule, b)), a == b ? 6.0 : 0.0,
                  1e-12);
}

/// Norm of each channel for neighbours of the element b alone.
std::vector<double> channel_norms(const ModelSettings &settings, int b)
{
  const std::vector<double> channels = radial_block(settings, b);
  std::vector<double> norms(static_cast<std::size_t>(settings.num_channels), 0.0);
  for (std::size_t n = 0; n < channels.size(); ++n)
    norms[n / static_cast<std::size_t>(settings.num_radial)] += channels[n] * channels[n];
  for (double &norm : norms) norm = std::sqrt(norm);
  return norms;
}

// An atom may have neighbours of its own kind only, in a phase of one element.
TEST(InitialParameters, NoChannelIsEmptyForNeighboursOfOneElement)
{
  for (const char *shape : {"fast", "default", "accurate", "large", "wide"})
    for (const std::vector<std::string> &elements : {std::vector<std::string>{"H"},
                                                     {"In", "P"},
                                                     {"H", "C", "O"},
                                                     {"H", "C", "N", "O", "S"},
                                                     {"H", "Li", "C", "N", "O", "F", "P", "S"}}) {
      const ModelSettings settings = test::shape_settings(shape, elements);
      for (int b = 0; b < static_cast<int>(elements.size()); ++b)
        for (const double norm : channel_norms(settings, b))
          EXPECT_GT(norm, 0.1) << shape << ", " << elements[static_cast<std::size_t>(b)] << " of "
                               << elements.size();
    }
}

}    // namespace
}    // namespace almlip::train
