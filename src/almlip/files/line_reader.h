// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>

struct gzFile_s;

namespace almlip {

/// Lines of a file, plain or gzip (recognised by its first bytes), one after the other. Holds one
/// piece of the file at a time, whatever its length. A gzip stream that is cut off, as that of a
/// killed run, ends there.
class LineReader {
 public:
  /// @throws Error if the file cannot be read
  explicit LineReader(const std::string &path);

  /// Gets the next line with its newline, which only the last one of a file may lack; false at the
  /// end.
  /// @throws Error if reading fails or a gzip stream is damaged
  bool next(std::string &line);
  /// From the first line again, of the file that was opened even if its name has another one now.
  void rewind();

  const std::string &path() const { return path_; }
  /// Of the line read last, from 1.
  int number() const { return number_; }

 private:
  bool fill();

  struct Close {
    void operator()(gzFile_s *file) const;
  };

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::string piece_;
  std::size_t position_ = 0;
  int number_ = 0;
};

}    // namespace almlip
