// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/more_elements.h"

#include <algorithm>
#include <numeric>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/text.h"
#include "train/least_squares.h"

namespace almlip::train {

namespace {

/// Energy per atom of an element as the mean of the members has it, without its surroundings, eV.
double energy_of(const ElementCommittee &committee)
{
  const std::vector<double> &bias = committee.output_bias;
  return committee.reference_energy +
         std::accumulate(bias.begin(), bias.end(), 0.0) / static_cast<double>(bias.size());
}

/// Energies of the new elements that leave least of the frames' energies beside the known ones.
std::vector<double> new_energies(const Potential &start, const std::vector<std::string> &elements,
                                 const std::vector<Frame> &frames)
{
  const std::size_t num_known = start.committees.size();
  const auto num_new = static_cast<Eigen::Index>(elements.size() - num_known);
  Eigen::MatrixXd share = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(frames.size()), num_new);
  Eigen::VectorXd rest(share.rows());
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const auto row = static_cast<Eigen::Index>(f);
    const double atom = 1.0 / frames[f].num_atoms();
    rest(row) = *frames[f].energy * atom;
    for (const int number : frames[f].atomic_numbers) {
      const auto at = static_cast<std::size_t>(
          std::find(elements.begin(), elements.end(), chemical_symbol(number)) - elements.begin());
      if (at < num_known)
        rest(row) -= atom * energy_of(start.committees[at]);
      else
        share(row, static_cast<Eigen::Index>(at - num_known)) += atom;
    }
    if (share.row(row).isZero()) rest(row) = 0.0;    // tells nothing of them
  }
  const Eigen::VectorXd energies = energies_by_least_squares(share, rest);
  return {energies.data(), energies.data() + energies.size()};
}

/// Radial coefficients, shape [E][E][C][num_radial], of known pairs and of new ones.
std::vector<double> radial_functions(const Potential &start, std::size_t num_elements)
{
  const std::size_t num_known = start.committees.size(),
                    size = static_cast<std::size_t>(start.settings.num_channels) *
                           static_cast<std::size_t>(start.settings.num_radial);
  // those that a pair takes after: itself, or all known ones in the place of a new one
  const auto models_of = [&](std::size_t element) {
    std::vector<std::size_t> models{element};
    if (element >= num_known) models.resize(num_known), std::iota(models.begin(), models.end(), 0);
    return models;
  };
  std::vector<double> radial(num_elements * num_elements * size, 0.0);
  for (std::size_t a = 0; a < num_elements; ++a)
    for (std::size_t b = 0; b < num_elements; ++b) {
      const std::vector<std::size_t> centers = models_of(a), neighbors = models_of(b);
      const double weight = 1.0 / static_cast<double>(centers.size() * neighbors.size());
      for (const std::size_t i : centers)
        for (const std::size_t j : neighbors)
          for (std::size_t q = 0; q < size; ++q)
            radial[(a * num_elements + b) * size + q] +=
                weight * start.radial[(i * num_known + j) * size + q];
    }
  return radial;
}

}    // namespace

Potential with_more_elements(const Potential &start, const std::vector<std::string> &elements,
                             const std::vector<Frame> &frames)
{
  const std::vector<std::string> &known = start.settings.elements;
  require(
      elements.size() >= known.size() && std::equal(known.begin(), known.end(), elements.begin()),
      "\"elements\" are ", joined(elements), ", but must begin with those of the potential to ",
      "start from: ", joined(known));
  Potential more;
  more.settings = start.settings;
  more.settings.elements = elements;
  more.radial = radial_functions(start, elements.size());
  more.committees = start.committees;
  for (const double energy : new_energies(start, elements, frames)) {
    ElementCommittee committee = start.committees.front();
    committee.reference_energy = energy;
    std::fill(committee.mean.begin(), committee.mean.end(), 0.0);
    std::fill(committee.inverse_deviation.begin(), committee.inverse_deviation.end(), 1.0);
    for (std::vector<double> *weights :
         {&committee.hidden, &committee.hidden_bias, &committee.output, &committee.skip,
          &committee.output_bias})
      std::fill(weights->begin(), weights->end(), 0.0);
    more.committees.push_back(std::move(committee));
  }
  more.calibration = no_calibration(static_cast<int>(elements.size()));
  return more;
}

}    // namespace almlip::train
