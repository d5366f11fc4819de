// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace almlip {

/// Keys and values of the comment line of an extended XYZ frame, in the order of the line, quotes
/// and braces taken off. A key without value has the value "T". Square brackets stay part of the
/// value.
/// @throws Error  what is wrong with the line; the caller says where
std::vector<std::pair<std::string, std::string>> parse_comment(std::string_view line);

/// Appends ` key=value` (without the blank if `line` is empty), quoted where parse_comment and ASE
/// need it.
void append_key(std::string &line, const std::string &key, const std::string &value);

}    // namespace almlip
