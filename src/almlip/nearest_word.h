// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

namespace almlip {

/// The word that fewest single-letter edits turn into the given one; words must not be empty.
std::string nearest_word(const std::string &given, const std::vector<std::string> &words);

}    // namespace almlip
