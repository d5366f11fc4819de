#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "almlip/files/line_reader.h"
#include "almlip/files/text_file.h"
#include "almlip/frame.h"

namespace almlip {

/// What must be there in every frame of a file; anything missing is an error that names file, frame
/// and column.
struct ExtxyzNeeds {
  bool energy = false;
  bool forces = false;
};

/// Reads all frames of an extended XYZ file, plain or gzip (recognised by its first bytes, not by
/// its name).
///
/// Understands ASE's conventions: `Lattice`, `Properties`, `pbc`, `energy` (also `free_energy`),
/// `stress` (3x3 or Voigt 6; ASE's sign, eV/Angstrom^3), `virial` (3x3, -dE/dstrain, eV; wins over
/// `stress`), `config_type`; columns `species` (or atomic numbers as `Z`), `pos`, `forces` (also
/// `force`), further real columns of one or three values. Without `Lattice` nothing is periodic and
/// a stress is ignored. Checked: finite numbers (not in further columns), known elements, cell
/// volume not zero when periodic, column counts, complete last frame, complete gzip stream.
/// @throws Error with file, frame and line
std::vector<Frame> read_extxyz(const std::string &path, const ExtxyzNeeds &needs = {});

/// The frames of several files, in their order.
std::vector<Frame> read_extxyz(const std::vector<std::string> &paths,
                               const ExtxyzNeeds &needs = {});

/// Reads the frame that a text begins with.
/// @param path, frame_number, first_line  where it stands, for messages
/// @throws Error as read_extxyz
Frame parse_extxyz(const std::string &text, const std::string &path, int frame_number,
                   int first_line);

/// Number of atoms that the first line of a frame gives; 0 if it is no such line.
int atoms_of_frame(std::string_view first_line);

/// The frames of an extended XYZ file one after the other, for files that are too large to be held.
class ExtxyzStream {
 public:
  /// @throws Error if the file cannot be read
  explicit ExtxyzStream(const std::string &path);

  /// Reads the next frame; false at the end of the file.
  /// @throws Error as read_extxyz
  bool next(Frame &frame);

 private:
  LineReader lines_;
  int frame_number_ = 0;
};

/// Writes frames as plain extended XYZ under a temporary name, then renames; numbers survive a
/// round trip exactly. A virial is written as `virial` and, when the cell has a volume, as ASE's
/// `stress`.
/// @throws Error if the file cannot be written
void write_extxyz(const std::string &path, const std::vector<Frame> &frames);

/// The text of one frame as `write_extxyz` writes it.
std::string to_extxyz(const Frame &frame);

}    // namespace almlip
