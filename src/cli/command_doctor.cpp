// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_doctor.h"

#include <mpi.h>
#include <unistd.h>
#include <zlib.h>

#include <CLI/CLI.hpp>
#include <Eigen/Core>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "almlip/error.h"
#include "almlip/kernels/instruction_set.h"
#include "cli/lammps_probe.h"
#include "cli/program_folder.h"

namespace almlip::cli {

namespace {

void print(const std::string &name, const std::string &value)
{
  std::cout << name << std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') << value << '\n';
}

/// "4.1.0" from three numbers.
std::string version(int major, int minor, int patch)
{
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::string mpi_library()
{
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string line = std::string(text, length).substr(0, std::string(text).find_first_of("\n\r"));
  for (char &c : line)
    if (c == '\t') c = ' ';
  while (line.find("  ") != std::string::npos) line.erase(line.find("  "), 1);
  return line;
}

/// Instruction set of the kernels that are used here, and which others there are.
std::string kernel_line()
{
  const std::string chosen = chosen_instruction_set();
  std::string line = chosen, others;
  for (const std::string &set : instruction_sets())
    if (set != chosen) others += (others.empty() ? "" : ", ") + set;
  if (!others.empty()) line += " (this processor could also use " + others + ")";
  return line;
}

void print_versions(const std::string &own)
{
  print("ALMLIP", own);
  print("compiler", __VERSION__);
  print("kernels", kernel_line());
  print("MPI", mpi_library());
  print("Eigen", version(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION));
  print("JSON", version(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                        NLOHMANN_JSON_VERSION_PATCH));
  print("CLI11", CLI11_VERSION);
  print("zlib", zlibVersion());
}

bool exists(const std::string &path) { return access(path.c_str(), R_OK) == 0; }

/// Where pip puts the plugin of the environment that this program belongs to; empty if there is
/// none.
std::string plugin_of_wheel(const std::string &prefix)
{
  std::error_code unreadable;
  for (const auto &entry : std::filesystem::directory_iterator(prefix + "/lib", unreadable))
    if (const std::string path = entry.path() / "site-packages/almlip/plugin/almlipplugin.so";
        exists(path))
      return path;
  return "";
}

/// ALMLIP_PLUGIN, or the plugin of the installation that this program belongs to.
/// @throws Error if there is none
std::string find_plugin()
{
  if (const char *named = std::getenv("ALMLIP_PLUGIN"); named && *named) {
    require(exists(named), "ALMLIP_PLUGIN is ", named,
            ", but there is no such file; build the plugin or set the variable to where it is");
    return named;
  }
  const std::string prefix = program_folder() + "/..";
  for (const char *library : {"/lib", "/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"})
    if (const std::string path = prefix + library + "/almlip/almlipplugin.so"; exists(path))
      return path;
  if (const std::string path = plugin_of_wheel(prefix); !path.empty()) return path;
  fail("there is no almlipplugin.so in the installation of this program (", prefix,
       "/lib/almlip); set ALMLIP_PLUGIN to where it is");
}

/// The first lmp on PATH; empty if there is none.
std::string lammps_on_path()
{
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string lmp = folder + "/lmp"; access(lmp.c_str(), X_OK) == 0) return lmp;
  return "";
}

void examine(const std::string &executable)
{
  const std::string plugin = find_plugin();
  const LammpsProbe probe = probe_lammps(executable, plugin);
  require(!probe.version.empty(), executable, ": ", probe.reason);
  print("LAMMPS", probe.version);
  print("its MPI", probe.mpi.empty() ? "none (serial)" : probe.mpi);
  print("plugin", plugin);
  require(probe.loads_plugin, executable, " cannot load the plugin: ", probe.reason);
  print("", "loads in this LAMMPS");
}

}    // namespace

void add_doctor_command(CLI::App &app)
{
  const auto executable = std::make_shared<std::string>();
  CLI::App *command =
      app.add_subcommand("doctor", "Show versions, and whether the plugin loads in a LAMMPS");
  command
      ->add_option("--lammps", *executable,
                   "LAMMPS executable to load the plugin in [lmp, if it is on PATH]")
      ->type_name("LMP");
  command->callback([executable, &app] {
    print_versions(app.version().substr(app.version().find(' ') + 1));    // after the name
    const std::string lammps = executable->empty() ? lammps_on_path() : *executable;
    if (lammps.empty())
      print("LAMMPS", "no lmp on PATH; name one with --lammps");
    else
      examine(lammps);
  });
}

}    // namespace almlip::cli
