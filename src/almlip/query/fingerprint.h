// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/rows.h"

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

/// Fingerprints as a potential file keeps them: rounded to 0.001, far below the distance at which
/// two configurations count as the same (SelectionSettings::duplicate), and at most `most` of them,
/// which lie farthest from each other (farthest-first traversal from the first row).
/// @param rows  shape [num_frames][num_features]
/// @return      kept rows in their order
/// Source of the traversal: T. F. Gonzalez, Theor. Comput. Sci. 38, 293 (1985)
Rows kept_fingerprints(const Rows &rows, int most);

}    // namespace almlip
