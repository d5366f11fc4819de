// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/committee.h"
#include "almlip/kernels/kernel_target.h"

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// Adds the virials that one pair gives to its atoms.
/// @param own   receives the half of the first atom, xx yy zz xy xz yz, if `out` has atom_virial
/// @param j     second atom
/// @param d, g  x_j - x_i and dE/d(x_j - x_i)
inline void tally_virial(double *own, int j, const double (&d)[3], const double (&g)[3],
                         CommitteeOutput &out)
{
  if (out.atom_virial)
    for (int q = 0; q < 6; ++q) {
      const double half = -0.5 * d[tensor_row[q]] * g[tensor_column[q]];
      own[q] += half;
      out.atom_virial[6 * static_cast<std::size_t>(j) + q] += half;
    }
  if (out.centroid_virial)
    for (int q = 0; q < 9; ++q)
      out.centroid_virial[9 * static_cast<std::size_t>(j) + q] -=
          d[tensor_row[q]] * g[tensor_column[q]];
}

/// Adds one half of the repulsion of two nuclei, the part of atom i, which is the same for every
/// member.
/// @param d, g  x_j - x_i and dE/d(x_j - x_i)
inline void tally_repulsion(int i, int j, double energy, const double (&d)[3], const double (&g)[3],
                            int num_members, CommitteeOutput &out)
{
  const std::size_t first = i, second = j, member_row = MemberForces::row_length(num_members);
  for (double &e : out.member_energies) e += energy;
  if (out.atom_energy) out.atom_energy[first] += energy;
  if (out.zbl_energy) out.zbl_energy[first] += energy;
  for (int q = 0; q < 6; ++q) out.virial[q] -= d[tensor_row[q]] * g[tensor_column[q]];
  double *own_virial = out.atom_virial ? out.atom_virial + 6 * first : nullptr;
  if (out.atom_virial || out.centroid_virial) tally_virial(own_virial, j, d, g, out);
  for (int k = 0; k < num_members; ++k) {
    if (out.member_atom_energy) out.member_atom_energy[first * num_members + k] += energy;
    for (int axis = 0; out.member_forces && axis < 3; ++axis) {
      out.member_forces[first * member_row + 3 * k + axis] += g[axis];
      out.member_forces[second * member_row + 3 * k + axis] -= g[axis];
    }
  }
  for (int axis = 0; out.forces && axis < 3; ++axis) {
    out.forces[3 * first + axis] += g[axis];
    out.forces[3 * second + axis] -= g[axis];
  }
}

ALMLIP_END_KERNELS
}    // namespace almlip
