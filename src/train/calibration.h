#pragma once

#include <vector>

#include "almlip/potential.h"

namespace almlip {

/// Force error and force spread of one held-out atom.
struct AtomError {
  int element = 0;
  double error = 0.0;     ///< |F_i - reference|, eV/Angstrom
  double spread = 0.0;    ///< s_i of the committee, eV/Angstrom
};

/// Fits sigma_i = factor[element] s_i.
///
/// Maximum likelihood of a normal error with that width: factor^2 = mean(error^2 / s^2). Atoms
/// whose spread is below a tenth of the root mean square of their element are left out, here and in
/// the quantile: most of them have forces that vanish by symmetry, where error and spread are
/// rounding and their ratio means nothing. An element with fewer than 30 atoms left takes the
/// factor of all elements together. The 90 % quantile of error/sigma is conformal: the value of
/// rank ceil(0.9 (n + 1)).
/// @return  factors 1 and num_atoms 0 if there is nothing to fit (no atoms, members that agree
///                  everywhere)
/// Source: ours; quantile: Vovk et al., Algorithmic Learning in a Random World (2005), split
/// conformal prediction
Calibration calibrate(const std::vector<AtomError> &atoms, int num_elements);

/// Fits the distance from the training environments of one element: Mahalanobis with the covariance
/// shrunk towards its diagonal.
/// @param descriptors  standardised, shape [num_atoms][num_descriptors]
/// @return             threshold is the 99.5 % quantile of the environments' own distances
/// Source: Ledoit and Wolf, J. Multivar. Anal. 88 (2004), doi:10.1016/S0047-259X(03)00096-4, for
/// the idea; the weight of the diagonal is fixed
Novelty fit_novelty(const std::vector<double> &descriptors, int num_descriptors);

}    // namespace almlip
