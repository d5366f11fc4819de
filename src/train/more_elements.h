// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "almlip/frame.h"
#include "almlip/potential.h"

namespace almlip::train {

/// A potential with further elements, to start a fit from: what it knows stays.
///
/// Radial functions to and from a new element are the mean of those of the known ones. Its energy
/// is the least-squares one beside the known elements. Its networks are zero until the fit gives
/// them random parameters. What the potential remembers of its own fit (calibration, novelty,
/// repulsion, frames) is left out.
/// @param elements  those of the potential, then the new ones
/// @param frames    with energies
/// @throws Error    if `elements` does not begin with those of the potential
Potential with_more_elements(const Potential &start, const std::vector<std::string> &elements,
                             const std::vector<Frame> &frames);

}    // namespace almlip::train
