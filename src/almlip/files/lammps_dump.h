// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "almlip/files/line_reader.h"
#include "almlip/frame.h"

namespace almlip {

/// The snapshots of a LAMMPS dump (text; styles atom and custom; plain or gzip) one after the
/// other.
///
/// Elements come from `--elements`, a symbol for each atom type, else from the column `element`.
/// Positions: x y z, or xs ys zs (scaled), xu yu zu, xsu ysu zsu; relative to the corner of the
/// box. Atoms are sorted by `id`. Boxes may be triclinic, restricted or general. The step is
/// info["step"]. One more column of numbers is kept on request. A snapshot that is not complete,
/// such as the last one of a killed run, is passed over. A dump does not tell `dimension 2`, for
/// which LAMMPS has periodic directions of any height.
class LammpsDump {
 public:
  /// @param elements  chemical symbols by type, the first for type 1; may be empty
  /// @param kept      name of the column that goes to Frame::per_atom, if there is one; or empty
  /// @param dimension of the run: with 2, frames are not periodic in z. 0: it is not known, and
  ///                  a snapshot that may be of two dimensions is an error
  /// @throws Error if the file cannot be read or a symbol is none
  LammpsDump(const std::string &path, const std::vector<std::string> &elements,
             std::string kept = "", int dimension = 0);

  /// Reads the next snapshot; false at the end.
  /// @throws Error with file and line
  bool next(Frame &frame);
  /// What was passed over so far, for people.
  const std::vector<std::string> &notes() const { return notes_; }

 private:
  /// Which words of an atom's line mean what; -1 if it is not there.
  struct Columns {
    int count = 0, id = -1, type = -1, element = -1, kept = -1;
    std::array<int, 3> position{-1, -1, -1};
    bool scaled = false;
  };
  struct Atom {
    std::int64_t id = 0;
    int atomic_number = 0;
    std::array<double, 3> position{};
    double kept = 0.0;
  };
  enum class Outcome { read, torn };

  template <class... Parts>
  [[noreturn]] void complain(const Parts &...parts) const;
  bool next_item();
  Outcome read_snapshot(Frame &frame);
  Outcome read_box(Frame &frame);
  Outcome read_atoms(std::int64_t num_atoms, Frame &frame);
  void set_dimension(Frame &frame) const;
  bool read_line(std::string &line);
  void note_torn(int first_line);
  void check_units(const std::string &units) const;
  Columns columns_of(const std::vector<std::string> &names) const;
  Atom atom_of(const std::string &line, const Columns &columns, const Frame &frame) const;
  int atomic_number_of(const std::vector<std::string> &words, const Columns &columns) const;
  double number_of(const std::string &word) const;
  std::vector<double> numbers_of(const std::string &line, std::size_t count) const;

  LineReader lines_;
  std::string kept_;
  int dimension_;
  std::vector<int> atomic_number_of_type_;    ///< the first for type 1
  std::string item_;                          ///< heading at hand, without "ITEM: "
  std::array<double, 3> corner_{};            ///< of the box, Angstrom
  std::vector<std::string> notes_;
};

/// Whether a file begins as a LAMMPS dump does.
bool is_lammps_dump(const std::string &path);

}    // namespace almlip
