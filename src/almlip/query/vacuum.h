// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/frame.h"

namespace almlip {

/// Between the atoms of a frame and their images along directions that are not periodic, Angstrom:
/// more than the electrons of a surface reach.
constexpr double default_vacuum = 12.0;

/// Widens the cell along directions that are not periodic, so that a program that takes all cells
/// for periodic sees the same system: there are at least `vacuum` Angstrom between the atoms and
/// their images. Where that is so already nothing changes; else the atoms are moved to the middle.
/// Energies and forces of the frame stay what they were. A frame without a cell is left as it is.
void add_vacuum(Frame &frame, double vacuum);

}    // namespace almlip
