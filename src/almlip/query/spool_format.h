// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "almlip/files/line_reader.h"
#include "almlip/frame.h"

namespace almlip {

/// Text of a frame in a spool: extended XYZ whose comment line ends with `check=`, a hash of all
/// the rest, so that a torn frame is never taken for one.
std::string to_spool_text(const Frame &frame);

/// Whether a whole comment line, with its newline, has a check at its end.
bool has_check(const std::string &comment);

bool is_blank(const std::string &line);

/// A whole frame in a spool.
struct SpoolRecord {
  std::string text;                           ///< without the check; extended XYZ
  std::map<std::string, std::string> keys;    ///< of the comment line
  std::int64_t offset = 0, size = 0;          ///< in the file, bytes
  int line = 0;                               ///< where it begins, from 1

  /// The whole numbers of a key; none if there is no such key.
  std::vector<std::int64_t> numbers_of(const std::string &key) const;
  /// Of the candidate within its run, from 1.
  std::int64_t number() const;
};

/// Finds the whole frames of a spool, in the order of the file, and passes over everything else.
class SpoolScanner {
 public:
  /// @throws Error if the file cannot be read
  explicit SpoolScanner(const std::string &path) : lines_(path) {}

  bool next(SpoolRecord &record);
  void rewind();
  const std::string &path() const { return lines_.path(); }
  /// What was passed over since the start, for people; empty if nothing was.
  std::string note() const;

 private:
  bool take(std::string &line);
  bool read_frame(const std::string &first_line, SpoolRecord &record);
  void put_back(const std::vector<std::string> &lines);

  LineReader lines_;
  std::deque<std::string> put_back_;
  std::int64_t offset_ = 0;    ///< of the next line
  int line_ = 0;
  std::int64_t num_skipped_ = 0, first_skipped_ = 0;    ///< bytes
};

}    // namespace almlip
