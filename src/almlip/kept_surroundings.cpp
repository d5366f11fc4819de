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
double largest_move(const Frame &from, const Frame &to, const Matrix &f)
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

}    // namespace

/// Most that a distance up to the cutoff and the skin can have changed since the last search,
/// Angstrom; infinite for other atoms or another kind of cell.
double KeptSurroundings::largest_change(const Frame &frame) const
{
  if (!found_ || frame.num_atoms() != searched_.num_atoms() || frame.pbc != searched_.pbc)
    return far;
  Matrix f = identity;
  if (frame.cell != searched_.cell) {
    if (!(frame.pbc[0] && frame.pbc[1] && frame.pbc[2])) return far;
    f = deformation(searched_.cell, frame.cell, determinant(searched_.cell));
  }
  return 2.0 * largest_move(searched_, frame, f) + distance_from_identity(f) * (cutoff_ + skin_);
}

void KeptSurroundings::search(const Frame &frame, double margin)
{
  ++num_searches_;
  found_ = false;
  kept_ = find_surroundings(frame, cutoff_ + margin);
  margin_ = margin;
  searched_.cell = frame.cell;
  searched_.pbc = frame.pbc;
  searched_.atomic_numbers = frame.atomic_numbers;
  searched_.positions = frame.positions;
  found_ = true;
}

const Surroundings &KeptSurroundings::of(const Frame &frame)
{
  const double change = largest_change(frame);
  if (change <= margin_)
    move_to(frame, kept_);
  else
    search(frame, change <= 2.0 * skin_ ? skin_ : 0.0);
  return kept_;
}

}    // namespace almlip
