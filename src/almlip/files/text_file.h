#pragma once

#include <string>

namespace almlip {

/// Content of a file, plain or gzip (recognised by its first bytes, not by its name).
/// @throws Error that names the file if it cannot be read or its gzip stream is damaged or cut off
std::string read_text(const std::string &path);

/// Writes text under a temporary name in the same folder, flushes it to disk and renames it to
/// `path`.
/// @throws Error if that fails; `path` is then as it was before
void write_atomically(const std::string &path, const std::string &text);

}    // namespace almlip
