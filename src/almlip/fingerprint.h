#pragma once

#include <vector>

namespace almlip {

/// Fingerprint of a configuration: for every element the mean standardised descriptor of its atoms,
/// then that of its most uncertain atom (ties: the lowest index); zeros for an element that is
/// absent. Does not depend on the order of atoms beyond rounding.
///
/// @param descriptors  standardised, shape [num_atoms][num_descriptors]
/// @param element      shape [num_atoms], element index
/// @param sigma        shape [num_atoms], eV/Angstrom
/// @return             shape [num_elements][2][num_descriptors]
/// Source: ours
std::vector<double> fingerprint(const double *descriptors, const int *element, const double *sigma,
                                int num_atoms, int num_descriptors, int num_elements);

}    // namespace almlip
