// SPDX-License-Identifier: GPL-2.0-or-later
// The interface between LAMMPS's `plugin load` and a plugin. LAMMPS installs no header for it.
// Source: LAMMPS documentation, "Writing plugins"

#ifndef LMP_LAMMPS_PLUGIN_H
#define LMP_LAMMPS_PLUGIN_H

extern "C" {

typedef void *(*lammpsplugin_factory1)(void *lmp);
typedef void *(*lammpsplugin_factory2)(void *lmp, int narg, char **arg);

/// One style of a plugin.
struct lammpsplugin_t {
  const char *version;    ///< of the LAMMPS that it was compiled for, as "22 Jul 2025"
  const char *style;      ///< kind of style: "pair", "fix", ...
  const char *name;       ///< as written in the input
  const char *info;       ///< one line that LAMMPS prints
  const char *author;
  union {
    lammpsplugin_factory1 v1;    ///< pair, bond, angle, dihedral, improper, kspace, command
    lammpsplugin_factory2 v2;    ///< fix, compute, region, run, min
  } creator;
  void *handle;    ///< of the shared object, from `lammpsplugin_init`
};

typedef void (*lammpsplugin_regfunc)(lammpsplugin_t *plugin, void *lmp);
}

#endif
