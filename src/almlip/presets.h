// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

namespace almlip {

/// A named shape of the model: what ModelSettings takes where nothing else is said.
struct Preset {
  std::string name;
  int num_channels, lmax;
  std::string four_body, partners;
  int num_hidden;
};

/// All presets, in the order of kernels/presets.def.
const std::vector<Preset> &presets();

/// The names of all presets.
std::vector<std::string> preset_names();

/// The preset of a name.
/// @throws Error that lists the names if there is none
const Preset &find_preset(const std::string &name);

}    // namespace almlip
