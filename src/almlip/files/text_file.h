// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace almlip {

/// Content of a file, plain or gzip (recognised by its first bytes, not by its name).
/// @throws Error that names the file if it cannot be read or its gzip stream is damaged or cut off
std::string read_text(const std::string &path);

/// Writes text under a temporary name in the same folder, flushes it to disk and renames it to
/// `path`.
/// @throws Error if that fails, or for a name that ends in .gz, as the text is plain; `path` is
/// then as it was before
void write_atomically(const std::string &path, const std::string &text);

/// Writes text under a temporary name in the same folder, flushes it to disk and gives it the name
/// of the first number that is free. Of several processes only one gets a name, and no file ever
/// has a part of the text; on file systems without hard links it is empty for a moment.
/// @param name  of a number
/// @param is_taken  whether a number is not free although there is no file of its name
/// @return the number
/// @throws Error as `write_atomically`
int write_under_free_name(int first, const std::function<std::string(int)> &name,
                          const std::function<bool(int)> &is_taken, const std::string &text);

/// Creates an empty file; false if there is one of that name. Of several processes only one gets
/// true.
/// @throws Error if it cannot be created for another reason
bool create_exclusively(const std::string &path);

/// Finds out whether `write_atomically` would work, before there is anything to lose; leaves
/// nothing behind.
/// @param inputs  files that are read, which the output must not replace
/// @throws Error as that, be it for a folder that is not there, a name that is too long or a full
/// disk
void try_to_write(const std::string &path, const std::vector<std::string> &inputs = {});

}    // namespace almlip
