// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/kept_surroundings.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace almlip {

namespace {

using Matrix = std::array<double, 9>;

constexpr double far = std::numeric_limits<double>::infinity();
constexpr Matrix identity{1, 0, 0, 0, 1, 0, 0, 0, 1};

/// The matrix that turns each row of `from` into that of `to`: to = from . result.
Matrix deformation(const Matrix &from, const Matrix &to, double volume)
{
  Matrix result{};
  for (int k = 0; k < 3; ++k)    // row k of the inverse's transpose is b x c / volume
    for (int d = 0; d < 3; ++d) {
      const double *b = &from[3 * ((k + 1) % 3)], *c = &from[3 * ((k + 2) % 3)];
      const int e = (d + 1) % 3, f = (d + 2) % 3;
      for (int x = 0; x < 3; ++x)
        result[3 * d + x] += (b[e] * c[f] - b[f] * c[e]) / volume * to[3 * k + x];
    }
  return result;
}

double determinant(const Matrix &m)
{
  return m[0] * (m[4] * m[8] - m[5] * m[7]) + m[1] * (m[5] * m[6] - m[3] * m[8]) +
         m[2] * (m[3] * m[7] - m[4] * m[6]);
}

double distance_from_identity(const Matrix &m)
{
  double sum = 0.0;
  for (int q = 0; q < 9; ++q) sum += (m[q] - identity[q]) * (m[q] - identity[q]);
  return std::sqrt(sum);
}

/// Largest |x_new - x_old . F| of the atoms, Angstrom; infinite if one is no number.
double max_move(const Frame &from, const Frame &to, const Matrix &f)
{
  double largest = 0.0;
  for (int i = 0; i < to.num_atoms(); ++i) {
    const double *x = &from.positions[3 * i], *y = &to.positions[3 * i];
    double sum = 0.0;
    for (int d = 0; d < 3; ++d) {
      const double move = y[d] - x[0] * f[d] - x[1] * f[3 + d] - x[2] * f[6 + d];
      sum += move * move;
    }
    if (std::isnan(sum)) return far;
    largest = std::max(largest, sum);
  }
  return std::sqrt(largest);
}

/// Where the atoms of a frame are, and no more.
Frame places_of(const Frame &frame)
{
  Frame places;
  places.cell = frame.cell;
  places.pbc = frame.pbc;
  places.atomic_numbers = frame.atomic_numbers;
  places.positions = frame.positions;
  return places;
}

}    // namespace

/// Most that a distance up to the cutoff and the skin can have changed from one frame to another,
/// Angstrom; infinite for other atoms or another kind of cell.
double KeptSurroundings::max_change(const Frame &from, const Frame &to) const
{
  if (to.num_atoms() != from.num_atoms() || to.pbc != from.pbc) return far;
  Matrix f = identity;
  if (to.cell != from.cell) {
    if (!(to.pbc[0] && to.pbc[1] && to.pbc[2])) return far;
    f = deformation(from.cell, to.cell, determinant(from.cell));
  }
  return 2.0 * max_move(from, to, f) + distance_from_identity(f) * (cutoff_ + skin_);
}

const Surroundings &KeptSurroundings::of(const Frame &frame)
{
  if (num_searches_ == 0 || !(max_change(searched_, frame) <= margin_)) {
    margin_ = max_change(last_, frame) <= 0.25 * skin_ ? skin_ : 0.0;
    searched_ = Frame();    // nothing is kept if the search fails
    ++num_searches_;
    kept_ = find_surroundings(frame, cutoff_ + margin_);
    searched_ = places_of(frame);
  } else {
    move_to(frame, kept_);
  }
  last_ = places_of(frame);
  return kept_;
}

}    // namespace almlip
