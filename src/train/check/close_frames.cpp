// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/check/close_frames.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace almlip::train {

namespace {

using Matrix = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;
using Points = Eigen::Matrix<double, Eigen::Dynamic, 3, Eigen::RowMajor>;

constexpr double reach = 0.6;                 // Angstrom
constexpr double length_of_strain = 1.5;      // Angstrom
constexpr double same = 2e-4;                 // Angstrom
constexpr std::size_t max_of_a_kind = 400;    // compared with each other
constexpr std::size_t num_partners = 4;

/// A frame in coordinates that follow the strain of its cell.
struct Placed {
  std::size_t frame;
  Matrix cell;
  Points scaled;    ///< in units of the cell vectors; plain positions without a cell
  Points forces;    ///< empty if there are none
};

Placed place(const Frame &frame, std::size_t index)
{
  Placed placed;
  placed.frame = index;
  placed.cell = Eigen::Map<const Matrix>(frame.cell.data());
  if (std::abs(placed.cell.determinant()) < 1e-6) placed.cell.setIdentity();
  const Eigen::Map<const Points> positions(frame.positions.data(), frame.num_atoms(), 3);
  placed.scaled = positions * placed.cell.inverse();
  if (!frame.forces.empty())
    placed.forces = Eigen::Map<const Points>(frame.forces.data(), frame.num_atoms(), 3);
  return placed;
}

/// Displacements from a to b without the drift of all, Angstrom, in a cell between the two.
Points displacements(const Placed &a, const Placed &b, const std::array<bool, 3> &pbc)
{
  Points d = b.scaled - a.scaled;
  for (int axis = 0; axis < 3; ++axis)
    if (pbc[static_cast<std::size_t>(axis)])
      d.col(axis) -= d.col(axis).array().round().matrix().eval();
  d.rowwise() -= d.colwise().mean();
  return d * (0.5 * (a.cell + b.cell));
}

Matrix strain_of(const Placed &a, const Placed &b)
{
  return (0.5 * (a.cell + b.cell)).inverse() * (b.cell - a.cell);
}

bool is_strained(const Matrix &strain) { return strain.norm() > 1e-5; }

double distance_of(const Placed &a, const Placed &b, const std::array<bool, 3> &pbc)
{
  const double strain = length_of_strain * strain_of(a, b).norm();
  if (strain > reach) return strain;
  const double square = displacements(a, b, pbc).squaredNorm() / double(a.scaled.rows());
  return std::sqrt(square + strain * strain);
}

ClosePair pair_of(const Placed &a, const Placed &b, const std::vector<Frame> &frames,
                  double distance)
{
  const Frame &first = frames[a.frame], &second = frames[b.frame];
  const double atoms = first.num_atoms();
  const Points moved = displacements(a, b, first.pbc);
  const bool has_virial = first.virial && second.virial;
  const auto labels_of = [&](const Frame &frame, const Points &forces) {
    PairLabels labels{*frame.energy / atoms, -0.5 * forces.cwiseProduct(moved).sum() / atoms};
    for (std::size_t q = 0; q < 6 && has_virial; ++q)
      labels.half_virial[q] = 0.5 * (*frame.virial)[q] / atoms;
    return labels;
  };
  const PairLabels of_a = labels_of(first, a.forces), of_b = labels_of(second, b.forces);
  ClosePair pair{a.frame,
                 b.frame,
                 distance,
                 of_b.energy - of_a.energy,
                 of_a.force_work + of_b.force_work,
                 of_b.force_work - of_a.force_work};
  pair.labels = {of_a, of_b};
  const Matrix strain = strain_of(a, b);
  for (int q = 0; q < 6; ++q) {
    const int i = tensor_row[q], j = tensor_column[q];
    pair.strain[static_cast<std::size_t>(q)] = i == j ? strain(i, i) : strain(i, j) + strain(j, i);
  }
  pair.is_strained = is_strained(strain);
  pair.volume = 0.5 * (first.volume() + second.volume()) / atoms;
  pair.has_virial = has_virial;
  for (std::size_t q = 0; q < 6; ++q) pair.virial[q] = of_a.half_virial[q] + of_b.half_virial[q];
  return pair;
}

/// Frames by their atoms in order, and by the directions that are periodic.
using Kind = std::pair<std::vector<int>, std::array<bool, 3>>;

/// Adds the closest partners of every frame of a kind, with the same cell and with another one.
void add_pairs(const std::vector<Placed> &placed, const std::vector<Frame> &frames,
               std::vector<ClosePair> &pairs)
{
  std::set<std::pair<std::size_t, std::size_t>> seen;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    std::array<std::vector<std::pair<double, std::size_t>>, 2> others;
    for (std::size_t j = 0; j < placed.size(); ++j) {
      if (i == j) continue;
      const double d = distance_of(placed[i], placed[j], frames[placed[i].frame].pbc);
      if (d < reach && d > same)
        others[is_strained(strain_of(placed[i], placed[j])) ? 1 : 0].emplace_back(d, j);
    }
    for (auto &candidates : others) {
      std::sort(candidates.begin(), candidates.end());
      for (std::size_t k = 0; k < std::min(num_partners, candidates.size()); ++k) {
        const auto [first, second] = std::minmax(i, candidates[k].second);
        if (seen.emplace(first, second).second)
          pairs.push_back(pair_of(placed[first], placed[second], frames, candidates[k].first));
      }
    }
  }
}

}    // namespace

double stress_work(const ClosePair &pair)
{
  double work = 0.0;
  for (std::size_t q = 0; q < 6; ++q) work -= pair.virial[q] * pair.strain[q];
  return work;
}

std::vector<ClosePair> close_pairs(const std::vector<Frame> &frames,
                                   const std::vector<std::size_t> &selected)
{
  std::map<Kind, std::vector<std::size_t>> kinds;
  for (const std::size_t f : selected)
    if (frames[f].energy && !frames[f].forces.empty())
      kinds[{frames[f].atomic_numbers, frames[f].pbc}].push_back(f);
  std::vector<ClosePair> pairs;
  for (const auto &[kind, members] : kinds) {
    const std::size_t every = members.size() / max_of_a_kind + 1;
    std::vector<Placed> placed;
    // neighbours in a file are often close: blocks of them rather than single ones
    for (std::size_t n = 0; n < members.size(); ++n)
      if (n / 8 % every == 0) placed.push_back(place(frames[members[n]], members[n]));
    add_pairs(placed, frames, pairs);
  }
  return pairs;
}

std::vector<std::vector<std::size_t>> repeated_frames(const std::vector<Frame> &frames)
{
  std::map<Kind, std::vector<std::size_t>> kinds;
  for (std::size_t f = 0; f < frames.size(); ++f)
    kinds[{frames[f].atomic_numbers, frames[f].pbc}].push_back(f);
  std::vector<std::vector<std::size_t>> groups;
  for (auto &[kind, members] : kinds) {
    const auto volume = [&](std::size_t f) { return frames[f].volume(); };
    std::stable_sort(members.begin(), members.end(),
                     [&](std::size_t f, std::size_t g) { return volume(f) < volume(g); });
    std::vector<Placed> placed;
    for (const std::size_t f : members) placed.push_back(place(frames[f], f));
    std::vector<bool> is_repeat(members.size(), false);
    for (std::size_t i = 0; i < members.size(); ++i) {
      std::vector<std::size_t> group{members[i]};
      for (std::size_t j = i + 1; j < members.size() && !is_repeat[i]; ++j) {
        if (volume(members[j]) > volume(members[i]) * (1.0 + 1e-3) + 1e-9) break;
        // one atom tells most pairs apart
        if (std::abs(placed[i].scaled(0, 0) - placed[j].scaled(0, 0)) > 0.01) continue;
        if (is_repeat[j] || distance_of(placed[i], placed[j], kind.second) > same) continue;
        is_repeat[j] = true;
        group.push_back(members[j]);
      }
      if (group.size() < 2) continue;
      std::sort(group.begin(), group.end());
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

}    // namespace almlip::train
