// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace almlip::train {

constexpr double gpa = 160.2176634;                                 ///< of 1 eV/Angstrom^3
constexpr double hartree = 27.211386, rydberg = 13.605693;          ///< in eV
constexpr double kj_per_mol = 96.48533, kcal_per_mol = 23.06055;    ///< of 1 eV

}    // namespace almlip::train
