// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/frame_statistics.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/kernels/radial.h"
#include "almlip/potential.h"
#include "almlip/surroundings.h"
#include "train/loss/label_weights.h"

namespace almlip::train {

namespace {

/// The largest force of each frame that has forces, by size, eV/Angstrom.
std::vector<double> largest_forces(const std::vector<Frame> &frames)
{
  std::vector<double> largest;
  for (const Frame &frame : frames) {
    if (frame.forces.empty()) continue;
    largest.push_back(0.0);
    for (std::size_t n = 0; n < frame.forces.size(); n += 3)
      largest.back() = std::max(
          largest.back(), std::hypot(frame.forces[n], frame.forces[n + 1], frame.forces[n + 2]));
  }
  std::sort(largest.begin(), largest.end());
  return largest;
}

}    // namespace

double largest_force(const std::vector<Frame> &frames)
{
  const std::vector<double> largest = largest_forces(frames);
  return largest.empty() ? 0.0 : largest.back();
}

std::vector<double> fit_reference_energies(const std::vector<Frame> &frames,
                                           const std::vector<std::string> &elements,
                                           const std::map<std::string, double> &atom_energies)
{
  Eigen::MatrixXd fractions =
      Eigen::MatrixXd::Zero(static_cast<int>(frames.size()), static_cast<int>(elements.size()));
  Eigen::VectorXd energies(static_cast<int>(frames.size()));
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const Frame &frame = frames[f];
    for (const int number : frame.atomic_numbers) {
      const auto at =
          std::find(elements.begin(), elements.end(), chemical_symbol(number)) - elements.begin();
      fractions(static_cast<int>(f), static_cast<int>(at)) += 1.0 / frame.num_atoms();
    }
    energies(static_cast<int>(f)) = *frame.energy / frame.num_atoms();
  }
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> solver;
  solver.setThreshold(1e-3);    // compositions that differ by less do not tell elements apart
  solver.compute(fractions);
  Eigen::VectorXd reference = Eigen::VectorXd::Zero(fractions.cols());
  const bool atoms_are_known = std::all_of(
      elements.begin(), elements.end(), [&](const auto &e) { return atom_energies.count(e) > 0; });
  if (solver.rank() < fractions.cols() && atoms_are_known)
    for (std::size_t e = 0; e < elements.size(); ++e)
      reference(static_cast<int>(e)) = atom_energies.at(elements[e]);
  energies -= fractions * reference;
  const double mean = energies.mean();
  const Eigen::VectorXd deviation = solver.solve((energies.array() - mean).matrix());
  reference.array() += mean;
  reference += deviation;
  return {reference.data(), reference.data() + reference.size()};
}

std::vector<double> whiten_radial(const std::vector<Frame> &frames, double cutoff, int num_radial)
{
  const int n = num_radial;
  // Of the largest eigenvalue: what the distances hardly show is not blown up further.
  constexpr double floor = 1e-5;
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(n, n);
  Eigen::VectorXd values(n);
  double sum = 0.0;
  for (const Frame &frame : frames)
    for_each_pair(frame, cutoff, [&](int, int, double r) {
      const RadialBasis<double, 1, ModelSettings::max_radial> basis(r, 1.0 / cutoff, n);
      for (int q = 0; q < n; ++q) values(q) = basis.value(q);
      gram.selfadjointView<Eigen::Lower>().rankUpdate(values, 1.0 / (r * r));
      sum += 1.0 / (r * r);
    });
  require(sum > 0.0, "no training frame has two atoms within the cutoff of ", cutoff, " Angstrom");
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram / sum);
  std::vector<double> whitening;
  for (int q = n - 1; q >= 0; --q) {
    const double scale =
        1.0 / std::sqrt(std::max(solver.eigenvalues()(q), floor * solver.eigenvalues()(n - 1)));
    for (int k = 0; k < n; ++k) whitening.push_back(scale * solver.eigenvectors()(k, q));
  }
  return whitening;
}

std::vector<double> min_pair_distances(const std::vector<Frame> &frames,
                                       const std::vector<std::string> &elements, double reach)
{
  const std::size_t num_elements = elements.size();
  std::vector<double> distance(num_elements * num_elements, reach);
  for (const Frame &frame : frames) {
    std::vector<std::size_t> element;
    for (const int number : frame.atomic_numbers)
      element.push_back(static_cast<std::size_t>(
          std::find(elements.begin(), elements.end(), chemical_symbol(number)) - elements.begin()));
    for_each_pair(frame, reach, [&](int i, int j, double r) {
      const std::size_t a = element[static_cast<std::size_t>(i)],
                        b = element[static_cast<std::size_t>(j)];
      for (double *d : {&distance[a * num_elements + b], &distance[b * num_elements + a]})
        *d = std::min(*d, r);
    });
  }
  return distance;
}

double usual_largest_force(const std::vector<Frame> &frames)
{
  constexpr double jump = 3.0;
  const std::vector<double> largest = largest_forces(frames);
  if (largest.empty()) return 0.0;
  std::size_t last = largest.size() / 2;
  while (last + 1 < largest.size() && largest[last + 1] <= jump * largest[last]) ++last;
  return largest[last];
}

double rms_force(const std::vector<Frame> &frames, double violent_force)
{
  const double limit =
      violent_force > 0.0 ? violent_force * violent_force : std::numeric_limits<double>::infinity();
  double squares = 0.0, count = 0.0;
  for (const Frame &frame : frames)
    for (const double square : squared_forces(frame)) {
      squares += std::min(square, limit);
      count += 3.0;
    }
  return std::sqrt(squares / count);
}

long num_violent(const std::vector<Frame> &frames, double violent_force)
{
  if (violent_force == 0.0) return 0;
  long count = 0;
  for (const Frame &frame : frames)
    for (const double square : squared_forces(frame))
      if (square > violent_force * violent_force) ++count;
  return count;
}

double usual_violent_force(const std::vector<Frame> &frames)
{
  constexpr double at_equilibrium = 0.02, share = 0.9, factor = 6.0;    // eV/Angstrom
  std::vector<double> squares;
  for (const Frame &frame : frames)
    for (const double square : squared_forces(frame))
      if (square > at_equilibrium * at_equilibrium) squares.push_back(square);
  if (squares.empty()) return 0.0;
  const auto usual = squares.begin() + static_cast<std::ptrdiff_t>(share * (squares.size() - 1));
  std::nth_element(squares.begin(), usual, squares.end());
  return factor * std::sqrt(*usual);
}

}    // namespace almlip::train
