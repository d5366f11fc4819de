// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/potential.h"

namespace almlip {

/// By which part the covariances of the descriptors behind a whitening were made smaller, so that
/// few environments do not make directions without spread; variances are as they were.
constexpr double novelty_shrinkage = 0.05;

/// Distance |L (x - center)| / threshold of the environments of atoms from the training
/// environments of their elements; above 1 is novel. In single precision.
/// @param element           shape [num_atoms], index into `novelty`; -1, or one whose novelty was
/// not
///                          fitted: left as it is
/// @param descriptors       standardised, shape [num_atoms][num_descriptors]
/// @param[in,out] values    shape [num_atoms]
/// Source: Mahalanobis, Proc. Natl. Inst. Sci. India 2, 49 (1936); L is the whitening that the
/// trainer fitted
void novelties(const std::vector<Novelty> &novelty, const std::vector<int> &element,
               const double *descriptors, double *values);

}    // namespace almlip
