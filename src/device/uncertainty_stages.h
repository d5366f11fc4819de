// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/device_atoms.h"

#include "almlip/kernels/sigma.h"

namespace almlip::device {

// What a caller finds for atoms that stay on the device, each a functor over atoms.

/// Sigma of each atom and the mean of its members' forces, once those on ghosts came home.
struct FindSigma {
  const double *member_forces;    ///< shape [num_atoms][row_length], eV/Angstrom
  int row_length, num_members;
  const int *element;                 ///< shape [num_atoms]; -1: all is 0
  const double *factor, *exponent;    ///< of the Calibration, shape [num_elements]
  double unit;                        ///< of the results, in eV/Angstrom
  double *sigma, *force;              ///< shape [num_atoms]; [num_atoms][3]

  KOKKOS_FUNCTION void operator()(int i) const
  {
    const bool known = element[i] >= 0;
    const double *members = member_forces + std::size_t(i) * row_length;
    double mean[3] = {0, 0, 0};
    for (int m = 0; known && m < 3 * num_members; ++m)
      mean[m % 3] += members[m] * unit / num_members;
    for (int axis = 0; axis < 3; ++axis) force[3 * std::size_t(i) + axis] = mean[axis];
    sigma[i] = known ? unit * sigma_of_spread(factor[element[i]], exponent[element[i]],
                                              spread_of_members(members, num_members))
                     : 0;
  }
};

/// Of each center's pairs, the largest square of d0/d, d0 the least distance of its elements in
/// training, and the least square of d; both are left as they are where there is no pair.
struct FindNearest {
  DeviceAtoms atoms;
  const double *training;    ///< d0^2, shape [num_elements][num_elements], Angstrom^2
  int num_elements;
  double *nearness2, *least2;    ///< by atom index, dimensionless; Angstrom^2

  KOKKOS_FUNCTION void operator()(int c) const
  {
    const int i = atoms.centers[c];
    if (atoms.element[i] < 0) return;
    const double *xi = atoms.positions + 3 * std::size_t(i);
    for (int q = 0; q < atoms.num_neighbors[i]; ++q) {
      const int j = atoms.neighbor(i, q);
      if (atoms.element[j] < 0) continue;
      const double *xj = atoms.positions + 3 * std::size_t(j);
      double squared = 0;
      for (int axis = 0; axis < 3; ++axis) squared += (xj[axis] - xi[axis]) * (xj[axis] - xi[axis]);
      if (squared < least2[i]) least2[i] = squared;
      const double trained = training[atoms.element[i] * num_elements + atoms.element[j]];
      if (trained > nearness2[i] * squared) nearness2[i] = trained / squared;
    }
  }
};

/// Atoms of the potential without a neighbour within the cutoff.
struct CountAlone {
  DeviceAtoms atoms;
  const double *least2;    ///< of FindNearest
  double cutoff2;          ///< Angstrom^2

  KOKKOS_FUNCTION void operator()(int c, int &count) const
  {
    const int i = atoms.centers[c];
    if (atoms.element[i] >= 0 && !(least2[i] < cutoff2)) ++count;
  }
};

/// Descriptors summed over the atoms of each element, and their number, as energy_features() of
/// almlip/energy_sigma.h. A task is one column of a block of atoms, so that neighbouring threads
/// read neighbouring numbers.
struct AddUpDescriptors {
  const double *descriptors;    ///< shape [num_atoms][num_descriptors]
  const int *element;           ///< shape [num_atoms]; -1: not counted
  int num_atoms, num_descriptors, num_elements;
  double *features;    ///< shape [num_elements][num_descriptors + 1], added to

  static constexpr int block = 256;
  int num_tasks() const { return (num_atoms + block - 1) / block * (num_descriptors + 1); }

  KOKKOS_FUNCTION void operator()(int task) const
  {
    const int row = num_descriptors + 1, column = task % row, first = task / row * block;
    const int end = first + block < num_atoms ? first + block : num_atoms;
    for (int e = 0; e < num_elements; ++e) {
      double sum = 0;
      for (int i = first; i < end; ++i)
        if (element[i] == e)
          sum +=
              column < num_descriptors ? descriptors[std::size_t(i) * num_descriptors + column] : 1;
      Kokkos::atomic_add(features + e * row + column, sum);
    }
  }
};

/// Adds up a number of each center's element.
struct AddUpElements {
  DeviceAtoms atoms;
  const double *of_element;    ///< shape [num_elements]

  KOKKOS_FUNCTION void operator()(int c, double &sum) const
  {
    const int element = atoms.element[atoms.centers[c]];
    if (element >= 0) sum += of_element[element];
  }
};

}    // namespace almlip::device
