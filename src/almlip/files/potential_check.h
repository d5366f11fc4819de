// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "almlip/potential.h"

namespace almlip {

/// Checks everything that a potential must fulfil besides valid settings: lengths of arrays, finite
/// numbers, positive scales.
/// @param name  begins the message, such as the name of a file
/// @throws Error that names the key
void check_content(const Potential &potential, const std::string &name);

}    // namespace almlip
