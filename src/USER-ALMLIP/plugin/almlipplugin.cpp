// SPDX-License-Identifier: GPL-2.0-or-later
// What `plugin load almlipplugin.so` opens. It knows no LAMMPS class, so that it can run in any
// LAMMPS and say whether the styles, which lie beside it in almlip_lammps.so, were compiled for
// this one. Only then it loads them.

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using RegisterStyles = void (*)(void *lmp, void *handle, void *regfunc);

/// A function of the C library interface of the LAMMPS in this process; null if it has none of that
/// name.
template <class Function>
Function *find(const char *name)
{
  return reinterpret_cast<Function *>(dlsym(RTLD_DEFAULT, name));
}

/// Folder of this file; "." if the system does not tell.
std::string own_folder()
{
  Dl_info self;
  if (!dladdr(reinterpret_cast<void *>(&own_folder), &self) || !self.dli_fname) return ".";
  const std::string path = self.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string styles_file() { return own_folder() + "/almlip_lammps.so"; }

/// Whether each LAMMPS of this shell loads the plugin, wanted or not.
bool in_plugin_path()
{
  const char *folders = std::getenv("LAMMPS_PLUGIN_PATH");
  return folders &&
         (":" + std::string(folders) + ":").find(":" + own_folder() + ":") != std::string::npos;
}

/// Ends the run with one line, as LAMMPS's own errors do; does not return if LAMMPS can be found.
/// Where each LAMMPS loads the plugin, those that cannot use it go on, after a warning.
void refuse(void *lmp, const std::string &message)
{
  const std::string line = "almlipplugin.so: " + message;
  auto *lammps_extract_setting = find<int(void *, const char *)>("lammps_extract_setting");
  if (in_plugin_path()) {
    if (!lammps_extract_setting || lammps_extract_setting(lmp, "world_rank") == 0)
      std::fprintf(stderr, "WARNING: %s\n", line.c_str());
    return;
  }
  constexpr int error_all = 2;    // LMP_ERROR_ALL in LAMMPS's library.h
  if (auto *lammps_error = find<void(void *, int, const char *)>("lammps_error"))
    lammps_error(lmp, error_all, line.c_str());
  std::fprintf(stderr, "ERROR: %s\n", line.c_str());
}

const char *const rebuild =
    "; build ALMLIP for this LAMMPS: cmake --preset release --fresh with one of "
    "-DALMLIP_LAMMPS_PYTHON=, -DLAMMPS_ROOT=, -DLAMMPS_BUILD_DIR=, "
    "-DLAMMPS_SOURCE_DIR= (see README), then cmake --build --preset release";

/// "22 Jul 2025" from 20250722.
std::string version_text(int version)
{
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int month = version / 100 % 100;
  if (month < 1 || month > 12) return std::to_string(version);
  return std::to_string(version % 100) + " " + months[month - 1] + " " +
         std::to_string(version / 10000);
}

#ifdef ALMLIP_KOKKOS
/// What follows the words in a line of a text.
std::string after(const std::string &words, const std::string &text)
{
  const auto found = text.find(words);
  if (found == std::string::npos) return "unknown";
  const auto first = found + words.size();
  return text.substr(first, text.find('\n', first) - first);
}

/// What the package KOKKOS of this LAMMPS differs in from the one that the styles were compiled
/// for, which ALMLIP_KOKKOS says in the words used here.
std::string kokkos_mismatch()
{
  const std::string built = std::string("built for a LAMMPS with ") + ALMLIP_KOKKOS;
  // std::string LAMMPS_NS::Info::get_accelerator_info(const std::string &package)
  auto *info = find<std::string(const std::string &)>(
      "_ZN9LAMMPS_NS4Info20get_accelerator_infoERKNSt7__cxx1112basic_stringIcSt11char_"
      "traitsIcESaIcEEE");
  const std::string told = info ? info("KOKKOS") : "";
  if (told.find("KOKKOS") == std::string::npos)
    return built + ", but this one is without the package KOKKOS";
  std::string precision = after("package precision: ", told);
  if (precision == "double")    // some releases say so whatever it is
    precision = ALMLIP_KOKKOS_PRECISION;
  const std::string found = "Kokkos " + after("Kokkos library version: ", told) + " (" +
                            after("package API: ", told) + ") in " + precision + " precision";
  return found == ALMLIP_KOKKOS ? "" : built + ", but this one has " + found;
}
#endif

/// What keeps the styles from working in this LAMMPS; empty if nothing does.
std::string mismatch(void *lmp)
{
  auto *lammps_version = find<int(void *)>("lammps_version");
  auto *lammps_extract_setting = find<int(void *, const char *)>("lammps_extract_setting");
  if (!lammps_version || !lammps_extract_setting)
    return "the LAMMPS library in this process hides its symbols; load it with RTLD_GLOBAL";

  const int version = lammps_version(lmp);
  if (version != ALMLIP_LAMMPS_VERSION)
    return "built for LAMMPS " + version_text(ALMLIP_LAMMPS_VERSION) + ", but this is LAMMPS " +
           version_text(version) + rebuild;

  const int tagint = lammps_extract_setting(lmp, "tagint");
  const int bigint = lammps_extract_setting(lmp, "bigint");
  if (tagint != ALMLIP_TAGINT || bigint != ALMLIP_BIGINT)
    return "built for a LAMMPS with " + std::to_string(ALMLIP_TAGINT) + "-byte atom IDs and " +
           std::to_string(ALMLIP_BIGINT) + "-byte counts, but this one has " +
           std::to_string(tagint) + " and " + std::to_string(bigint) + rebuild;

#ifdef ALMLIP_KOKKOS
  if (const std::string kokkos = kokkos_mismatch(); !kokkos.empty()) return kokkos + rebuild;
#endif

  if (auto *mpi_version = find<int(char *, int *)>("MPI_Get_library_version")) {
    char text[8192] = "";    // MPI_MAX_LIBRARY_VERSION_STRING of MPICH, the longest there is
    int length = 0;
    mpi_version(text, &length);
    const std::string found = text;
    if (found.compare(0, sizeof(ALMLIP_MPI) - 1, ALMLIP_MPI) != 0)
      return "built for " ALMLIP_MPI ", but this LAMMPS runs with " +
             found.substr(0, found.find_first_of(",\n")) + rebuild;
  }
  return "";
}

}    // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle,
                                                                         void *regfunc)
{
  const std::string wrong = mismatch(lmp);
  if (!wrong.empty()) return refuse(lmp, wrong);

  void *styles = dlopen(styles_file().c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!styles) {
    const std::string reason = dlerror();
    const bool missing_symbol = reason.find("undefined symbol") != std::string::npos;
    return refuse(
        lmp,
        reason + (missing_symbol ? std::string(", which this LAMMPS does not have") + rebuild
                                 : "; keep almlipplugin.so and almlip_lammps.so in one folder"));
  }
  auto *const register_styles = reinterpret_cast<RegisterStyles>(dlsym(styles, "almlip_register"));
  if (!register_styles)
    return refuse(lmp,
                  styles_file() + " is not of this version of ALMLIP; install both files together");
  register_styles(lmp, handle, regfunc);
}
