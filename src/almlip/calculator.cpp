// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/calculator.h"

#include <algorithm>
#include <cmath>

#include "almlip/elements.h"
#include "almlip/energy_sigma.h"
#include "almlip/error.h"
#include "almlip/frame_neighborhood.h"
#include "almlip/query/novelty.h"
#include "almlip/surroundings.h"
#include "almlip/text.h"

namespace almlip {

namespace {

/// Adds what ghosts received to their owners and drops the ghosts.
void fold_ghosts_home(const Surroundings &surroundings, int width, std::vector<double> &values)
{
  for (int ghost = surroundings.num_atoms; ghost < surroundings.num_all(); ++ghost)
    for (int c = 0; c < width; ++c)
      values[static_cast<std::size_t>(surroundings.owner[ghost]) * width + c] +=
          values[static_cast<std::size_t>(ghost) * width + c];
  values.resize(static_cast<std::size_t>(surroundings.num_atoms) * width);
}

}    // namespace

bool has_elements(const Frame &frame, const ModelSettings &settings)
{
  return std::all_of(frame.atomic_numbers.begin(), frame.atomic_numbers.end(), [&](int number) {
    return settings.element_index(chemical_symbol(number)) >= 0;
  });
}

std::vector<int> elements_of(const Frame &frame, const ModelSettings &settings)
{
  std::vector<int> element;
  element.reserve(frame.atomic_numbers.size());
  for (const int z : frame.atomic_numbers) {
    element.push_back(settings.element_index(chemical_symbol(z)));
    require(element.back() >= 0, frame.source, ": the potential has no element ",
            chemical_symbol(z), " (it has ", joined(settings.elements),
            "); retrain with frames that hold it");
  }
  return element;
}

void calibrate_sigma(FramePrediction &prediction, const Frame &frame, const Potential &potential)
{
  const std::vector<int> element = elements_of(frame, potential.settings);
  prediction.sigma.clear();
  for (std::size_t i = 0; i < element.size(); ++i)
    prediction.sigma.push_back(
        calibrated_sigma(potential.calibration, element[i], prediction.spread[i]));
}

void calibrate_energy(FramePrediction &prediction, const Frame &frame, const Potential &potential)
{
  if (potential.energy_calibration.num_frames == 0) return;
  const ModelSettings &settings = potential.settings;
  prediction.energy_sigma = energy_sigma(
      potential,
      energy_features(elements_of(frame, settings), prediction.descriptors.data(),
                      settings.num_descriptors(), static_cast<int>(settings.elements.size())));
}

namespace {

/// Forces of the members at home, their spread and sigma.
void take_members(const MemberForces &forces, const Surroundings &surroundings, const Frame &frame,
                  const Potential &potential, FramePrediction &result)
{
  const int num_members = potential.settings.num_members;
  const std::size_t row = 3 * static_cast<std::size_t>(num_members);
  for (int i = 0; i < surroundings.num_all(); ++i)
    result.member_forces.insert(result.member_forces.end(), forces.row(i),
                                forces.row(i) + 3 * num_members);
  fold_ghosts_home(surroundings, 3 * num_members, result.member_forces);
  for (int i = 0; i < frame.num_atoms(); ++i)
    result.spread.push_back(force_spread(&result.member_forces[row * i], num_members));
  calibrate_sigma(result, frame, potential);
}

FramePrediction evaluate(Committee &committee, const Potential &potential, const Frame &frame,
                         const Surroundings &surroundings, const PredictionNeeds &needs)
{
  const ModelSettings &settings = potential.settings;
  const FrameNeighborhood neighborhood(surroundings, elements_of(frame, settings));
  const std::size_t num_all = surroundings.num_all(), num_atoms = surroundings.num_atoms,
                    num_descriptors = settings.num_descriptors();

  FramePrediction result;
  result.forces.resize(3 * num_all);
  result.atom_energies.resize(num_all);
  MemberForces member_forces;
  CommitteeOutput output;
  output.forces = result.forces.data();
  output.atom_energy = result.atom_energies.data();
  if (needs.members) {
    member_forces.reset(num_all, settings.num_members);
    output.member_forces = member_forces.row(0);
  }
  if (needs.descriptors) {
    result.descriptors.resize(num_descriptors * num_all);
    output.descriptors = result.descriptors.data();
  }
  committee.evaluate(neighborhood.view(), output);

  result.energy = output.energy;
  result.member_energies = output.member_energies;
  result.virial = output.virial;
  result.atom_energies.resize(num_atoms);
  if (needs.descriptors) result.descriptors.resize(num_descriptors * num_atoms);
  fold_ghosts_home(surroundings, 3, result.forces);
  if (needs.descriptors) calibrate_energy(result, frame, potential);
  if (needs.members) take_members(member_forces, surroundings, frame, potential, result);
  return result;
}

}    // namespace

FramePrediction predict(Committee &committee, const Potential &potential, const Frame &frame)
{
  return evaluate(committee, potential, frame, find_surroundings(frame, potential.settings.cutoff),
                  {});
}

std::vector<double> novelties(const FramePrediction &prediction, const Frame &frame,
                              const Potential &potential)
{
  std::vector<double> result(frame.atomic_numbers.size(), 0.0);
  novelties(potential.novelty, elements_of(frame, potential.settings),
            prediction.descriptors.data(), result.data());
  return result;
}

Calculator::Calculator(Potential potential, Precision precision, double skin)
    : potential_(std::move(potential)),
      committee_(potential_, precision),
      surroundings_(potential_.settings.cutoff, skin)
{
}

FramePrediction Calculator::predict(const Frame &frame, const PredictionNeeds &needs)
{
  FramePrediction result = evaluate(committee_, potential_, frame, surroundings_.of(frame), needs);
  require(std::isfinite(result.energy), frame.source, ": the energy is ", result.energy,
          "; do two atoms lie at the same place?");
  return result;
}

}    // namespace almlip
