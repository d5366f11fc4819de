// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/vacuum.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace almlip {
namespace {

using Vector = std::array<double, 3>;

Vector row(const Frame &frame, int d)
{
  return {frame.cell[3 * d], frame.cell[3 * d + 1], frame.cell[3 * d + 2]};
}

double dot(const Vector &a, const Vector &b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// Unit vector perpendicular to the two other cell vectors.
Vector face_normal(const Frame &frame, int d)
{
  const Vector a = row(frame, (d + 1) % 3), b = row(frame, (d + 2) % 3);
  Vector n{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
  const double length = std::sqrt(dot(n, n));
  for (double &x : n) x /= length;
  return n;
}

void widen(Frame &frame, int d, double vacuum)
{
  const Vector normal = face_normal(frame, d), edge = row(frame, d);
  const double height = dot(normal, edge);
  if (!(std::abs(height) > 0.0)) return;    // no cell, or a flat one
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  for (int i = 0; i < frame.num_atoms(); ++i) {
    const double *x = &frame.positions[3 * static_cast<std::size_t>(i)];
    const double place = dot(normal, {x[0], x[1], x[2]}) / height;    // 0 to 1 in the cell
    lowest = std::min(lowest, place);
    highest = std::max(highest, place);
  }
  const double least = highest - lowest + vacuum / std::abs(height);    // in units of the edge
  if (frame.num_atoms() == 0 || least <= 1.0) return;
  const double shift = 0.5 * (least - (highest - lowest)) - lowest;
  for (int k = 0; k < 3; ++k) {
    for (int i = 0; i < frame.num_atoms(); ++i)
      frame.positions[3 * static_cast<std::size_t>(i) + k] += shift * edge[k];
    frame.cell[3 * d + k] *= least;
  }
}

}    // namespace

void add_vacuum(Frame &frame, double vacuum)
{
  for (int d = 0; d < 3; ++d)
    if (!frame.pbc[d]) widen(frame, d, vacuum);
}

}    // namespace almlip
