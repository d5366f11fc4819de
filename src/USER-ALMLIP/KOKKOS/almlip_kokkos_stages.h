// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_ALMLIP_KOKKOS_STAGES_H
#define LMP_ALMLIP_KOKKOS_STAGES_H

#include "device/kokkos_function.h"

#include <cstddef>

namespace LAMMPS_NS {

// Between the arrays of LAMMPS, whatever their precision and layout, and those of the core.

/// Positions in Angstrom and elements of all atoms.
template <class Positions, class Types>
struct ALMLIPReadAtoms {
  Positions x;
  Types type;
  const int *element_of_type;
  double angstrom;
  double *positions;
  int *element;

  KOKKOS_FUNCTION void operator()(int i) const
  {
    for (int axis = 0; axis < 3; axis++)
      positions[3 * std::size_t(i) + axis] = static_cast<double>(x(i, axis)) / angstrom;
    element[i] = element_of_type[type(i)];
  }
};

template <class Forces>
struct ALMLIPAddForces {
  Forces f;
  const double *forces;
  double unit;

  KOKKOS_FUNCTION void operator()(int i) const
  {
    for (int axis = 0; axis < 3; axis++) f(i, axis) += unit * forces[3 * std::size_t(i) + axis];
  }
};

/// Member forces of atoms that follow each other, to a buffer.
template <class Number>
struct ALMLIPPackMembers {
  const double *members;
  int row_length, entries, first;
  Number *buffer;

  KOKKOS_FUNCTION void operator()(int i) const
  {
    for (int m = 0; m < entries; m++)
      buffer[std::size_t(i) * entries + m] =
          static_cast<Number>(members[std::size_t(first + i) * row_length + m]);
  }
};

/// Adds a buffer to the member forces of the atoms of a list, which has each of them once.
template <class Number>
struct ALMLIPUnpackMembers {
  double *members;
  int row_length, entries;
  const int *list;
  const Number *buffer;

  KOKKOS_FUNCTION void operator()(int i) const
  {
    for (int m = 0; m < entries; m++)
      members[std::size_t(list[i]) * row_length + m] +=
          static_cast<double>(buffer[std::size_t(i) * entries + m]);
  }
};

}    // namespace LAMMPS_NS

#endif
