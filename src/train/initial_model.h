// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "parallel/ranks.h"
#include "train/loss/committee_loss.h"
#include "train/trainer.h"
#include "train/training_data.h"

namespace almlip::train {

/// Model for a fit from nothing: scale, whitened radial functions and reference energies from the
/// training frames; no standardisation yet.
TrainingModel make_training_model(const TrainingSettings &settings, const TrainingData &data);

/// Model for a refit: as above, but with the standardisation and the reference energies of the
/// potential.
/// @throws Error if the potential has another shape, cutoff, committee or other elements than the
///               settings ask for
TrainingModel make_training_model(const TrainingSettings &settings, const TrainingData &data,
                                  const Potential &start);

/// Gives the networks of some elements the random parameters that a fit from nothing begins with.
void begin_networks(const TrainingModel &model, const std::vector<std::string> &elements, int seed,
                    std::vector<double> &parameters);

/// Standardises anew by the frames of a refit, which differ from those of the potential that it
/// starts from, and changes the parameters such that all energies stay the same. An element without
/// atoms among the frames keeps its standardisation.
void restandardise(TrainingModel &model, std::vector<double> &parameters, CommitteeLoss &loss,
                   const PreparedFrames &frames, double four_body_scale, const Ranks &ranks);

/// Random parameters: hidden weights N(0, (0.5 / sqrt D)^2), hidden biases uniform in -0.5 .. 0.5,
/// output weights N(0, (0.1 / sqrt H)^2), no linear part. Radial channels are the leading whitened
/// functions, the same for every pair of elements; where the largest covalent radius is more than
/// 1.2 times the least, half as many functions or fewer, each once with equal and once or more with
/// unequal weights of the neighbours' elements.
/// Source: ours; element weights of densities: Artrith, Urban, Ceder, Phys. Rev. B 96, 014112
/// (2017), doi:10.1103/PhysRevB.96.014112
std::vector<double> initial_parameters(const TrainingModel &model, int seed);

/// Sets mean and inverse deviation of the descriptors of every element, of the present radial
/// parameters, in model and loss, where there are atoms of the element. Atoms count as their labels
/// do: label_weights.h.
/// @param four_body_scale  deviation that up to 144 four-body invariants get, more of them less, as
///                         the inverse root of their number; the others get 1. Initial weights and
///                         weight decay are a prior, and this is its smoothness
void standardise(TrainingModel &model, CommitteeLoss &loss, const PreparedFrames &frames,
                 double four_body_scale, const Ranks &ranks);

}    // namespace almlip::train
