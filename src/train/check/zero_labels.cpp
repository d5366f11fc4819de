// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/zero_labels.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "almlip/surroundings.h"

namespace almlip::train {

namespace {

template <class Numbers>
bool all_zero(const Numbers &numbers)
{
  return std::all_of(numbers.begin(), numbers.end(), [](double x) { return x == 0.0; });
}

/// How far the neighbours of each atom are to one side of it, from 0 to 1. A force vanishes by
/// symmetry only where this does.
std::vector<double> asymmetries(const Frame &frame)
{
  constexpr double reach = 5.0;    // Angstrom
  const Surroundings around = find_surroundings(frame, reach);
  std::vector<double> asymmetry;
  for (int i = 0; i < around.num_atoms; ++i) {
    double side[3] = {0.0, 0.0, 0.0}, total = 0.0;
    for (int n = around.first[std::size_t(i)]; n < around.first[std::size_t(i) + 1]; ++n) {
      const double *x = &around.positions[3 * std::size_t(i)],
                   *y = &around.positions[3 * std::size_t(around.neighbors[std::size_t(n)])];
      const double r = std::hypot(y[0] - x[0], y[1] - x[1], y[2] - x[2]),
                   ramp = 1.0 - r * r / (reach * reach), weight = ramp * ramp;
      total += weight;
      for (int d = 0; d < 3; ++d) side[d] += weight * (y[d] - x[d]) / r;
    }
    asymmetry.push_back(total > 0.0 ? std::hypot(side[0], side[1], side[2]) / total : 0.0);
  }
  return asymmetry;
}

/// Whether at least half of the atoms are each in surroundings of their own. In structures that are
/// relaxed within a symmetry, where forces may be 0 as well, many atoms are alike.
bool is_generic(const Frame &frame)
{
  constexpr double least = 1e-3, same = 3e-5;    // positions may be rounded to 1e-4 Angstrom
  std::vector<double> sizes = asymmetries(frame);
  std::sort(sizes.begin(), sizes.end());
  int different = 0;
  double last = 0.0;
  for (const double size : sizes) {
    if (size > least && size > last + same) ++different;
    last = size;
  }
  return different > 0 && 2 * different >= frame.num_atoms();
}

void add(std::vector<Finding> &findings, Finding finding, std::size_t fewest = 1)
{
  if (finding.frames.size() >= fewest) findings.push_back(std::move(finding));
}

}    // namespace

std::vector<Finding> check_zero_labels(const std::vector<Frame> &frames)
{
  constexpr std::size_t fewest_energies = 3;    // others may be counted from one or two
  Finding forces{"all forces are exactly 0, although the atoms are at places without symmetry",
                 "if nobody wrote them, calculate them, or take the column of forces out",
                 {}},
      energies{
          "the energy is exactly 0, but forces are not", "calculate it, if nobody wrote it", {}},
      stresses{"the stress is exactly 0", "if nobody wrote it, calculate it, or take it out", {}};
  for (std::size_t f = 0; f < frames.size(); ++f) {
    const Frame &frame = frames[f];
    if (frame.num_atoms() < 2) continue;
    const bool no_force = all_zero(frame.forces);
    if (!frame.forces.empty() && no_force && is_generic(frame)) forces.frames.push_back(f);
    if (frame.energy && *frame.energy == 0.0 && !no_force) energies.frames.push_back(f);
    if (frame.virial && frame.volume() > 0.0 && all_zero(*frame.virial))
      stresses.frames.push_back(f);
  }
  std::vector<Finding> findings;
  add(findings, forces);
  add(findings, energies, fewest_energies);
  add(findings, stresses);
  return findings;
}

}    // namespace almlip::train
