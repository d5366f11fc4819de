// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace almlip {

/// Atomic number of a chemical symbol such as "Si"; 0 if there is no such element.
int atomic_number(const std::string &symbol);

/// Chemical symbol of an atomic number.
/// @throws Error if there is no such element (1 to 118 are allowed)
const std::string &chemical_symbol(int atomic_number);

}    // namespace almlip
