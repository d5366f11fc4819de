// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <Eigen/Dense>

namespace almlip::train {

/// Energies of the elements by least squares; the shortest solution where several are as good, as
/// for a fixed composition.
/// @param shares  of the elements, shape [num_frames][E]
inline Eigen::VectorXd energies_by_least_squares(const Eigen::MatrixXd &shares,
                                                 const Eigen::VectorXd &energies)
{
  constexpr double least = 1e-6;    // of the largest pivot; below it is rounding
  Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> decomposition;
  decomposition.setThreshold(least);
  return decomposition.compute(shares).solve(energies);
}

}    // namespace almlip::train
