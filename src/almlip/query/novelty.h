// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/potential.h"

namespace almlip {

/// By which part the covariances of the descriptors behind a whitening were made smaller, so that
/// few environments do not make directions without spread; variances are as they were.
constexpr double novelty_shrinkage = 0.05;

/// Distance |L (x - center)| / threshold of an environment from the training environments of its
/// element; above 1 is novel.
/// @param descriptors  standardised, shape [num_descriptors]
/// @return             0 if the novelty was not fitted
/// Source: Mahalanobis, Proc. Natl. Inst. Sci. India 2, 49 (1936); L is the whitening that the
/// trainer fitted
double novelty_of(const Novelty &novelty, const double *descriptors);

/// The same of many atoms, in single precision and many times as fast.
/// @param element           shape [num_atoms], index into `novelty`; -1: left as it is
/// @param descriptors       standardised, shape [num_atoms][num_descriptors]
/// @param[in,out] values    shape [num_atoms]
void novelties(const std::vector<Novelty> &novelty, const std::vector<int> &element,
               const double *descriptors, double *values);

}    // namespace almlip
