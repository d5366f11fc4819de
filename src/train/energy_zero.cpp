// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/energy_zero.h"

#include <cmath>
#include <cstddef>

#include "almlip/calculator.h"
#include "almlip/text.h"
#include "train/check/robust_statistics.h"
#include "train/least_squares.h"

namespace almlip::train {

namespace {

/// What labels lie above the prediction, in eV per atom, and the shares of the elements.
struct Differences {
  Eigen::MatrixXd shares;    ///< shape [num_frames][E]
  Eigen::VectorXd values;
};

std::vector<const Frame *> frames_that_tell(const Potential &potential,
                                            const std::vector<Frame> &frames)
{
  constexpr std::size_t most = 200;
  std::vector<const Frame *> all, some;
  for (const Frame &frame : frames)
    if (frame.energy && has_elements(frame, potential.settings)) all.push_back(&frame);
  if (all.size() <= most) return all;
  for (std::size_t k = 0; k < most; ++k) some.push_back(all[k * all.size() / most]);
  return some;
}

Differences differences(const Potential &potential, const std::vector<const Frame *> &frames)
{
  Calculator calculator(potential);
  const auto num_frames = static_cast<Eigen::Index>(frames.size());
  Differences found{Eigen::MatrixXd::Zero(
                        num_frames, static_cast<Eigen::Index>(potential.settings.elements.size())),
                    Eigen::VectorXd(num_frames)};
  for (Eigen::Index f = 0; f < num_frames; ++f) {
    const Frame &frame = *frames[static_cast<std::size_t>(f)];
    const double atom = 1.0 / frame.num_atoms();
    for (const int element : elements_of(frame, potential.settings))
      found.shares(f, element) += atom;
    found.values(f) = atom * (*frame.energy - calculator.predict(frame).energy);
  }
  return found;
}

std::vector<double> to_vector(const Eigen::VectorXd &values)
{
  return {values.data(), values.data() + values.size()};
}

double median_size(const Eigen::VectorXd &values) { return median(to_vector(values.cwiseAbs())); }

/// Least-squares energies of the elements, eV, with no weight on what lies far off all others.
Eigen::VectorXd energies_of_elements(const Differences &found)
{
  constexpr double far = 5.0;    // robust standard deviations
  const Eigen::VectorXd first = energies_by_least_squares(found.shares, found.values);
  const Eigen::VectorXd rest = found.values - found.shares * first;
  const double middle = median(to_vector(rest)), spread = robust_spread(to_vector(rest));
  const Eigen::VectorXd weight =
      ((rest.array() - middle).abs() <= far * spread).cast<double>().matrix();
  return energies_by_least_squares(weight.asDiagonal() * found.shares,
                                   weight.cwiseProduct(found.values));
}

}    // namespace

std::string match_energy_zero(Potential &potential, const std::vector<Frame> &frames)
{
  constexpr double least = 0.05, most_left = 0.1;    // eV per atom; share of the difference
  constexpr std::size_t min_spare = 2;
  const std::vector<const Frame *> telling = frames_that_tell(potential, frames);
  if (telling.size() < potential.settings.elements.size() + min_spare) return {};
  const Differences found = differences(potential, telling);
  const double before = median_size(found.values);
  if (!(before > least)) return {};
  const Eigen::VectorXd energies = energies_of_elements(found);
  const double after = median_size(found.values - found.shares * energies);
  if (!(after < most_left * before)) return {};

  std::string moved;
  for (std::size_t e = 0; e < potential.committees.size(); ++e) {
    const double energy = energies(static_cast<Eigen::Index>(e));
    potential.committees[e].reference_energy += energy;
    moved +=
        format("%s%s %+.4f eV", e == 0 ? "" : ", ", potential.settings.elements[e].c_str(), energy);
  }
  return format(
             "the labels have another zero of energy than the start, %.4g eV/atom away, and %.2g "
             "without it: the start's energies of the elements are moved, ",
             before, after) +
         moved;
}

}    // namespace almlip::train
