// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace almlip {

/// What a key or column of a frame stands for.
enum class Quantity { energy, forces, stress, virial, lattice, pbc, other };

/// By the usual spellings: `energy`, `free_energy`, `REF_energy`, `dft_forces`, `virials`, `cell`,
/// `PBC` and the like, whatever the case of their letters.
Quantity quantity_of(const std::string &key);

/// Whether a key names the unit of a label (`energy_unit`, `forces-units`, ...) and its value is no
/// way to write eV, eV/Angstrom or eV/Angstrom^3.
bool is_other_unit(const std::string &key, const std::string &value);

/// Keys that hold the labels, each list in order of preference. Empty: `free_energy`, to which the
/// forces belong, before `energy`; `forces`; `stress` and `virial`; only without these other
/// spellings.
struct LabelKeys {
  std::vector<std::string> energy, forces, stress;
};

/// A label as a file writes it: key and value.
using LabelText = std::pair<std::string, std::string>;

/// The label to take; nothing to take is an empty key.
struct LabelChoice {
  LabelText taken;
  std::vector<LabelText> rivals;    ///< of the same quantity, neither taken nor inferior
};

/// Chooses among the labels of one quantity that a frame has.
/// @param wanted  one of the lists of LabelKeys
LabelChoice choose_label(const std::vector<LabelText> &found,
                         const std::vector<std::string> &wanted);

/// What was read from one or several files, for messages.
struct ReadReport {
  int frames = 0;
  std::map<std::string, int> energy_keys, forces_keys, stress_keys;    ///< frames by key taken
  int either_energy = 0;                ///< further frames: their energy is the free energy, too
  std::map<std::string, int> unused;    ///< frames by label that is not used

  /// "25 frames: 25 energies (free_energy), 25 forces, 20 stresses (virials); unused: energy (25)".
  std::string text() const;
  /// @param keys  those that were asked for; a list that is not empty allows a mixture
  /// @throws Error if energies or forces come from different keys
  void require_one_source(const LabelKeys &keys) const;
};

}    // namespace almlip
