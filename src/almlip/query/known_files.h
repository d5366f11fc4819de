// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "almlip/frame.h"
#include "almlip/potential.h"
#include "almlip/query/atom_selection.h"
#include "almlip/query/known.h"

namespace almlip {

/// Frames on disk that must not be chosen again: named files and folders, and the batches of a
/// prefix that other processes choose meanwhile with the same potential.
class KnownFiles {
 public:
  /// @param paths   files in extended XYZ, and folders of which all *.extxyz and *.xyz are read,
  ///                plain or gzip
  /// @param prefix  of the batches that are watched
  KnownFiles(std::vector<std::string> paths, std::string prefix);

  /// Adds all frames that were not read before, also those that a file has got since, unless they
  /// are known: a frame counts once, however many files and restarts tell of it. Frames with an
  /// element that the potential has not are left out. A file that cannot be read to its end, such
  /// as one that is being written, is tried again when it has changed; `take_notes` says so.
  /// @param hash              of the potential, as manifests have it
  /// @param duplicate         fingerprints that differ by less are the same
  /// @param[in,out] known     gets their fingerprints
  /// @param[in,out] labelled  gets their atoms, unless the potential has learned them: the record
  ///                          of its training set has these
  /// @return                  number of frames that were read
  /// @throws Error the first time, if a path is neither a file nor a folder, or if a file that is
  ///         named itself has no frame that can be read
  int read_new(const Potential &potential, const std::string &hash, double duplicate,
               KnownConfigurations &known, LabelledAtoms &labelled);
  /// A batch that needs no reading.
  void skip_batch(int number);
  /// Everything is new again, such as for another potential.
  void forget()
  {
    read_.clear();
    settled_.clear();
  }
  /// What could not be read since the last call.
  std::vector<std::string> take_notes();

 private:
  /// What was read of a file.
  struct Progress {
    std::uintmax_t size = 0;
    int num_frames = 0;
  };

  bool is_new(const std::string &file);
  const std::string &identity_of(const std::string &file);
  std::vector<std::string> new_files(const std::string &hash);
  std::vector<Frame> new_frames(const std::string &file);
  void find_batches(const std::string &hash, std::vector<std::string> &files);

  std::vector<std::string> paths_;
  std::string prefix_;
  std::map<std::string, Progress> read_;             ///< by identity
  std::map<std::string, std::string> identities_;    ///< of the names that were met
  std::set<std::string> settled_;    ///< batches that are whole, and read or of another potential
  std::vector<std::string> notes_;
  bool is_first_time_ = true;
};

}    // namespace almlip
