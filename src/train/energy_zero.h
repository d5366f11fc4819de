// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "almlip/frame.h"
#include "almlip/potential.h"

namespace almlip::train {

/// Moves the energies of the elements of a potential to the zero of other labels, such as those of
/// another code or functional: by what the labels lie above the prediction, found by least squares
/// with an energy per element. Nothing is moved unless that takes away nine tenths of a difference
/// of more than 0.05 eV per atom: labels of both zeros, or errors of the potential, do not look so.
/// @param frames  those with an energy and no other element tell, 200 of them at most
/// @return        what was done, for people; empty if nothing was
/// @throws Error  as `predict`
std::string match_energy_zero(Potential &potential, const std::vector<Frame> &frames);

}    // namespace almlip::train
