// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "almlip/query/buffer.h"
#include "almlip/query/spool.h"
#include "almlip/query/spool_format.h"

namespace almlip {

/// A candidate that a spool holds. Its frame has `predicted_forces`, `sigma` and `novelty` of the
/// atoms, all else in `info`, and file and number in `source`.
struct SpooledCandidate {
  QueryCandidate candidate;    ///< without fingerprint
  SpoolNote note;
  std::string run;
  std::int64_t number = 0;    ///< within its run, from 1
};

/// Reads one file of a spool candidate by candidate, in the order in which they were added. The run
/// that writes it may go on meanwhile.
class SpoolReader {
 public:
  enum class Take { all, held };    ///< held: without those that a later one has replaced

  /// @throws Error if the file cannot be read
  explicit SpoolReader(const std::string &path, Take take = Take::held);

  bool next(SpooledCandidate &candidate);
  /// What is wrong with the file; complete after the last candidate.
  const std::vector<std::string> &notes() const { return notes_; }

 private:
  SpoolScanner scanner_;
  std::set<std::int64_t> replaced_;
  std::vector<std::string> notes_;
};

/// The files of a spool, NNNN.extxyz, plain or gzip, in the order of their names.
/// @throws Error if the folder cannot be read
std::vector<std::string> spool_files(const std::string &folder);

/// Whether a file is one of a spool, by its first frame; if its head is damaged, by any frame.
bool is_spool(const std::string &path);

/// Whether a file has not even the two lines that a frame begins with: its writer has just created
/// it, or was killed then, or the disk was full.
bool is_barely_begun(const std::string &path);

struct SpoolContent {
  std::vector<SpooledCandidate> candidates;
  std::vector<std::string> notes;
};

/// All candidates of a file of a spool.
/// @throws Error if it cannot be read
SpoolContent read_spool(const std::string &path);

/// All candidates of spools: their folders or single files.
/// @throws Error if one cannot be read
SpoolContent read_spools(const std::vector<std::string> &paths);

}    // namespace almlip
