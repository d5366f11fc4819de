#pragma once

#include "almlip/potential.h"

namespace almlip {

/// Distance |L (x - center)| / threshold of an environment from the training environments of its
/// element; above 1 is novel.
/// @param descriptors  standardised, shape [num_descriptors]
/// @return             0 if the novelty was not fitted
/// Source: Mahalanobis, Proc. Natl. Inst. Sci. India 2, 49 (1936); L is the whitening that the
/// trainer fitted
double novelty_of(const Novelty &novelty, const double *descriptors);

}    // namespace almlip
