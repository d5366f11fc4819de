// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace almlip {

/// A symmetric 3x3 tensor: xx, yy, zz, xy, xz, yz (the order of LAMMPS).
using Tensor6 = std::array<double, 6>;

/// Axes of its components, and of yx, zx, zy, which the virial of one atom has besides.
constexpr int tensor_row[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2},
              tensor_column[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};

/// A column of a file that is kept as text.
struct TextColumn {
  std::string name;
  char type = 'S';                   ///< of extended XYZ: S, R, I or L
  int count = 1;                     ///< words per atom
  std::vector<std::string> words;    ///< shape [num_atoms][count]
};

/// One configuration of atoms with whatever reference values its file holds. Angstrom and eV
/// throughout.
struct Frame {
  std::array<double, 9> cell{};                 ///< rows are the cell vectors, Angstrom
  std::array<bool, 3> pbc{true, true, true};    ///< periodic along each cell vector
  std::vector<int> atomic_numbers;              ///< shape [num_atoms]
  std::vector<double> positions;                ///< shape [num_atoms][3], Angstrom
  std::optional<double> energy;                 ///< total energy, eV
  std::vector<std::string> energy_keys;         ///< all names that its file has this number under
  std::vector<double> forces;    ///< shape [num_atoms][3], eV/Angstrom; empty if absent
  std::optional<Tensor6>
      virial;    ///< -dE/dstrain, eV; positive under compression (ASE stress = -virial/volume)
  std::string config_type;    ///< group that errors are reported for; empty if absent
  std::map<std::string, std::string>
      info;    ///< other key=value pairs of the comment line, as text
  std::map<std::string, std::vector<double>>
      per_atom;    ///< further real columns of one value per atom, shape [num_atoms]
  std::map<std::string, std::vector<double>>
      per_atom_vectors;    ///< further real columns of three values, shape [num_atoms][3]
  std::vector<TextColumn> text_columns;    ///< all other columns
  std::string source;                      ///< "file, frame k" for messages

  int num_atoms() const { return static_cast<int>(atomic_numbers.size()); }
  /// Volume of the cell, Angstrom^3; 0 for a cell that is not periodic in all three directions and
  /// has no vectors.
  double volume() const;
};

}    // namespace almlip
