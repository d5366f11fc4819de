// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

namespace almlip {

/// The words with a separator between them.
std::string joined(const std::vector<std::string> &words, const std::string &separator = ", ");

/// Text of a printf pattern, of any length.
[[gnu::format(printf, 1, 2)]] std::string format(const char *pattern, ...);

bool ends_with(const std::string &text, const std::string &end);

/// Shortest text that reads back as the same number.
std::string shortest_text(double number);

/// A time for people: "12 s", "3:05 min", "1:10 h".
std::string duration(double seconds);

}    // namespace almlip
