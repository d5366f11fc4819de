// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace almlip::cli {

/// What a LAMMPS executable says about itself and about a plugin.
struct LammpsProbe {
  std::string version;    ///< such as "22 Jul 2025 - Update 4"; empty if it did not start
  std::string mpi;        ///< such as "MPICH Version: 5.0.2"
  bool has_plugin_command = false;
  bool loads_plugin = false;
  std::string reason;    ///< why something did not work, in one line
};

/// Starts a LAMMPS, once for its version and once to load the plugin.
/// @param executable  path or name in PATH
/// @param plugin      path of almlipplugin.so
LammpsProbe probe_lammps(const std::string &executable, const std::string &plugin);

}    // namespace almlip::cli
