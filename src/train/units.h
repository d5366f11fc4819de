// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace almlip::train {

constexpr double gpa = 160.2176634;    ///< of 1 eV/Angstrom^3

}    // namespace almlip::train
