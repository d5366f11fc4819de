// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/kokkos_function.h"

#include <cstddef>
#include <vector>

#include "almlip/committee.h"

namespace almlip::device {

/// Neighborhood of atoms whose arrays are in the memory of the device.
struct DeviceAtoms {
  int num_all = 0;                      ///< atoms and ghosts
  const double *positions = nullptr;    ///< shape [num_all][3], Angstrom
  const int *element = nullptr;         ///< shape [num_all]; -1: not seen by this potential
  int num_centers = 0;
  const int *centers = nullptr;          ///< shape [num_centers]; those of no element are left out
  const int *num_neighbors = nullptr;    ///< by atom index
  const int *neighbors = nullptr;        ///< the lists, which may reach beyond the cutoff
  const std::size_t *first = nullptr;    ///< by atom index: where its list begins; null: at
                                         ///< atom_step times the index
  std::size_t atom_step = 0, neighbor_step = 1;    ///< from list to list, entry to entry
  int neighbor_mask = 0x1FFFFFFF;                  ///< bits of an entry that are the index

  /// Index of neighbour q of atom i.
  KOKKOS_INLINE_FUNCTION int neighbor(int i, int q) const
  {
    const std::size_t at = first ? first[i] : i * atom_step;
    return neighbors[at + q * neighbor_step] & neighbor_mask;
  }
};

/// Where per-atom results go, in the memory of the device: those of CommitteeOutput, and as there
/// null is not computed and arrays are added to, but member forces and novelty are overwritten.
struct DeviceOutput {
  double *forces = nullptr, *atom_energy = nullptr, *atom_virial = nullptr,
         *centroid_virial = nullptr, *member_atom_energy = nullptr, *zbl_energy = nullptr,
         *descriptors = nullptr;
  double *member_forces = nullptr;    ///< shape [num_all][MemberForces::row_length]
  double *novelty = nullptr;          ///< of the centers, shape [num_all]; 0 where not fitted
};

/// Sums over all atoms, on the host, as in CommitteeOutput.
struct DeviceSums {
  double energy = 0.0;
  std::vector<double> member_energies;
  Tensor6 virial{};
};

}    // namespace almlip::device
