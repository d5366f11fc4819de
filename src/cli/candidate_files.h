// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "almlip/frame.h"

namespace almlip::cli {

/// The frames of many files one after the other: spools, LAMMPS dumps and extended XYZ, plain or
/// gzip, recognised by their content. A folder stands for all its *.extxyz and *.extxyz.gz; of
/// these, files without a frame yet are passed over.
class CandidateFiles {
 public:
  /// @param elements  chemical symbols of the atom types of dumps; may be empty
  /// @param kept      column of dumps that frames keep; may be empty
  /// @param dimension of the runs of dumps, 2 or 3; 0 if it is not known
  /// @throws Error if a folder cannot be read
  CandidateFiles(const std::vector<std::string> &paths, std::vector<std::string> elements,
                 std::string kept, int dimension);

  /// Reads the next frame; false after the last one.
  /// @throws Error of the file's reader
  bool next(Frame &frame);
  /// That the latest frame is from.
  const std::string &file() const { return file_; }
  /// What was passed over in the files read so far, for people.
  const std::vector<std::string> &notes() const { return notes_; }

 private:
  struct File {
    std::string path;
    bool in_folder = false;
  };
  void open(const File &file);

  std::vector<File> files_;
  std::vector<std::string> elements_, notes_;
  std::string kept_;
  int dimension_;
  std::string file_, first_barely_begun_;
  int num_barely_begun_ = 0;
  std::size_t next_file_ = 0;
  std::function<bool(Frame &)> read_;    ///< of the file at hand; empty if there is none
  std::function<std::vector<std::string>()> notes_of_file_;
};

}    // namespace almlip::cli
