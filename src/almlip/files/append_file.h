// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace almlip {

/// A file that one process alone appends to, whole pieces of text only.
///
/// Claimed by exclusive creation, then by a lock (flock) that ends with the process. Shared folders
/// of clusters (NFS, Lustre mounted with flock, GPFS) honour both between hosts.
class AppendFile {
 public:
  /// Creates the file; nothing if there is one of that name.
  /// @throws Error if it cannot be created for another reason
  static std::optional<AppendFile> create(const std::string &path);
  /// Begins a file anew, whether or not there is one; nothing if another process or a part of this
  /// one writes to it.
  /// @throws Error if it cannot be opened
  static std::optional<AppendFile> overwrite(const std::string &path);
  /// Opens a file that nobody has claimed; nothing if there is none, or if another process has it,
  /// or if this file system knows no locks.
  static std::optional<AppendFile> claim(const std::string &path);

  AppendFile(AppendFile &&other) noexcept;
  AppendFile &operator=(AppendFile &&other) noexcept;
  ~AppendFile();

  const std::string &path() const { return path_; }
  std::int64_t size() const { return size_; }
  /// Whether the file is still found under its name: somebody may have moved or deleted it.
  bool is_there() const;

  /// Appends the text by one write. What a failed one has left is cut off again.
  /// @return  0, or the error number; the file then ends where it did before
  [[nodiscard]] int append(const std::string &text);
  /// @throws Error if it fails
  void truncate(std::int64_t size);
  /// Makes sure that all of it outlives a crash of the machine.
  /// @throws Error if it fails
  void sync();
  /// Some of the file.
  /// @throws Error if it fails
  std::string read(std::int64_t offset, std::int64_t count) const;
  /// Puts this file in the place of another one, whose name it takes.
  /// @throws Error if it fails
  void replace(AppendFile &other);
  void remove();

 private:
  AppendFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  void check(bool ok, const char *what) const;

  int descriptor_ = -1;
  std::string path_;
  std::int64_t size_ = 0;
  bool ends_torn_ = false;
};

}    // namespace almlip
