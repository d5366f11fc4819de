// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/frame.h"

namespace almlip::pool {

constexpr int num_density_features = 34;

/// Density projection of the potentials with fixed radial channels, its two- and three-body
/// invariants averaged over the atoms.
///
/// A_i[c,l,m] = sum_j w_c(j) B_c(x_ij) S_lm, x the distance in units of the sum of the covalent
/// radii, cutoff x = 2.5 and 8 Angstrom, l <= 3. Channels: the first two radial functions with
/// weight 1, and both with the electronegativity difference of neighbour and center. Invariant to
/// rotation, to permutation and to the choice of the cell.
/// @param frame  periodic, with a structure; elements with tabulated properties
/// @return       shape [num_density_features]
/// Source: ours
std::vector<double> density_features(const Frame &frame);

}    // namespace almlip::pool
