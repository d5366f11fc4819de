// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "almlip/files/label_keys.h"
#include "almlip/files/line_reader.h"
#include "almlip/files/text_file.h"
#include "almlip/frame.h"

namespace almlip {

/// What a reader of frames needs; anything missing is an error that names file, frame and column.
struct ExtxyzNeeds {
  bool energy = false;    ///< in every frame
  bool forces = false;    ///< in every frame
  bool labels = false;    ///< labels will be learned or compared with: what is ambiguous, or of an
                          ///< impossible size, is refused
  LabelKeys keys = {};
};

/// Reads all frames of an extended XYZ file, plain or gzip (recognised by its first bytes, not by
/// its name).
///
/// Understands ASE's conventions: `Lattice`, `Properties`, `pbc`, `free_energy` or `energy`,
/// `stress` (3x3 or Voigt 6; ASE's sign, eV/Angstrom^3), `virial` (3x3, -dE/dstrain, eV),
/// `config_type`; columns `species` (or atomic numbers as `Z`), `pos`, `forces`; further columns of
/// any type are kept. Labels under other usual names are taken where these are missing
/// (LabelKeys). Without `Lattice` nothing is periodic and a stress is ignored.
///
/// Checked: finite numbers (not in further columns), known elements, cell volume not zero when
/// periodic, column counts, complete last frame, complete gzip stream; keys given twice; a virial
/// that contradicts the stress; a frame that says neither its cell nor that it has none.
/// @param[in,out] report  what was read is added to it
/// @throws Error with file, frame and line
std::vector<Frame> read_extxyz(const std::string &path, const ExtxyzNeeds &needs = {},
                               ReadReport *report = nullptr);

/// The frames of several files, in their order.
std::vector<Frame> read_extxyz(const std::vector<std::string> &paths, const ExtxyzNeeds &needs = {},
                               ReadReport *report = nullptr);

/// Reads the frame that a text begins with.
/// @param path, frame_number, first_line  where it stands, for messages
/// @throws Error as read_extxyz
Frame parse_extxyz(const std::string &text, const std::string &path, int frame_number,
                   int first_line);

/// Number of atoms that the first line of a frame gives; 0 if it is no such line.
int atoms_of_frame(std::string_view first_line);

/// The frames of an extended XYZ file one after the other, for files that are too large to be held.
/// A last frame that is not complete, as that of a killed run, is passed over if others are there;
/// without a newline at the end its last number may be cut short.
class ExtxyzStream {
 public:
  /// @throws Error if the file cannot be read
  explicit ExtxyzStream(const std::string &path);

  /// Reads the next frame; false at the end of the file.
  /// @throws Error as read_extxyz
  bool next(Frame &frame);
  /// What was passed over so far, for people.
  const std::vector<std::string> &notes() const { return notes_; }

 private:
  LineReader lines_;
  int frame_number_ = 0;
  std::vector<std::string> notes_;
};

/// Writes frames as plain extended XYZ under a temporary name, then renames; numbers survive a
/// round trip exactly. A virial is written as `virial` and, when the cell has a volume, as ASE's
/// `stress`.
/// @throws Error if the file cannot be written
void write_extxyz(const std::string &path, const std::vector<Frame> &frames);

/// The text of one frame as `write_extxyz` writes it.
std::string to_extxyz(const Frame &frame);

}    // namespace almlip
