// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <set>
#include <string>
#include <vector>

#include "almlip/potential.h"
#include "almlip/query/atom_selection.h"

namespace almlip {

/// Frames on disk that must not be chosen again: named files and folders, and the batches of a
/// prefix that other processes choose meanwhile with the same potential.
class KnownFiles {
 public:
  /// @param paths   files in extended XYZ, and folders of which all *.extxyz and *.xyz are read
  /// @param prefix  of the batches that are watched
  KnownFiles(std::vector<std::string> paths, std::string prefix);

  /// Fingerprints of all frames in files that were not read before; frames with an element that the
  /// potential has not are left out.
  /// @param hash             of the potential, as manifests have it
  /// @param[in,out] labelled  gets their atoms
  /// @throws Error if a path is neither a file nor a folder, or if a file cannot be read
  std::vector<double> read_new(const Potential &potential, const std::string &hash,
                               LabelledAtoms &labelled);
  /// A batch that needs no reading.
  void skip_batch(int number);
  /// Everything is new again, such as for another potential.
  void forget() { read_.clear(); }

 private:
  std::vector<std::string> new_files(const std::string &hash);
  void find_batches(const std::string &hash, std::vector<std::string> &files);

  std::vector<std::string> paths_;
  std::string prefix_;
  std::set<std::string> read_;
};

}    // namespace almlip
