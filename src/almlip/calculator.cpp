#include "almlip/calculator.h"

#include <numeric>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/surroundings.h"
#include "almlip/text.h"

namespace almlip {

namespace {

/// Surroundings in the form that a committee wants; owns what the Neighborhood points at.
class FrameNeighborhood {
 public:
  FrameNeighborhood(const Surroundings &surroundings, const std::vector<int> &atom_element)
      : centers_(surroundings.num_atoms), num_neighbors_(surroundings.num_atoms)
  {
    std::iota(centers_.begin(), centers_.end(), 0);
    for (const int owner : surroundings.owner) element_.push_back(atom_element[owner]);
    for (int i = 0; i < surroundings.num_atoms; ++i) {
      num_neighbors_[i] = surroundings.first[i + 1] - surroundings.first[i];
      neighbors_.push_back(surroundings.neighbors.data() + surroundings.first[i]);
    }
    view_.num_all = surroundings.num_all();
    view_.positions = surroundings.positions.data();
    view_.element = element_.data();
    view_.num_centers = surroundings.num_atoms;
    view_.centers = centers_.data();
    view_.num_neighbors = num_neighbors_.data();
    view_.neighbors = neighbors_.data();
  }
  FrameNeighborhood(const FrameNeighborhood &) = delete;
  FrameNeighborhood &operator=(const FrameNeighborhood &) = delete;

  const Neighborhood &view() const { return view_; }

 private:
  std::vector<int> element_, centers_, num_neighbors_;
  std::vector<const int *> neighbors_;
  Neighborhood view_;
};

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

FramePrediction predict(Committee &committee, const Potential &potential, const Frame &frame)
{
  const ModelSettings &settings = potential.settings;
  const std::vector<int> element = elements_of(frame, settings);
  const Surroundings surroundings = find_surroundings(frame, settings.cutoff);
  const FrameNeighborhood neighborhood(surroundings, element);
  const int num_members = settings.num_members, num_descriptors = settings.num_descriptors();
  const std::size_t num_all = surroundings.num_all();

  FramePrediction result;
  result.forces.resize(3 * num_all);
  MemberForces member_forces;
  member_forces.reset(num_all, num_members);
  result.descriptors.resize(num_descriptors * num_all);
  CommitteeOutput output;
  output.forces = result.forces.data();
  output.member_forces = member_forces.row(0);
  output.descriptors = result.descriptors.data();
  committee.evaluate(neighborhood.view(), output);

  result.energy = output.energy;
  result.member_energies = output.member_energies;
  result.virial = output.virial;
  fold_ghosts_home(surroundings, 3, result.forces);
  for (std::size_t i = 0; i < num_all; ++i)
    result.member_forces.insert(result.member_forces.end(), member_forces.row(i),
                                member_forces.row(i) + 3 * num_members);
  fold_ghosts_home(surroundings, 3 * num_members, result.member_forces);
  result.descriptors.resize(static_cast<std::size_t>(num_descriptors) * frame.num_atoms());
  const std::size_t row = 3 * static_cast<std::size_t>(num_members);
  for (int i = 0; i < frame.num_atoms(); ++i)
    result.spread.push_back(force_spread(&result.member_forces[row * i], num_members));
  calibrate_sigma(result, frame, potential);
  return result;
}

Calculator::Calculator(Potential potential, Precision precision)
    : potential_(std::move(potential)), committee_(potential_, precision)
{
}

FramePrediction Calculator::predict(const Frame &frame)
{
  return almlip::predict(committee_, potential_, frame);
}

}    // namespace almlip
