// SPDX-License-Identifier: GPL-2.0-or-later
// Entry point of almlip_lammps.so: tells LAMMPS the styles it holds. Called by almlipplugin.so
// after its checks.

#include "lammps_plugin.h"

#include "fix_al_query.h"
#include "lammps.h"
#include "pair_almlip.h"

#ifdef ALMLIP_HAS_KOKKOS
#include "almlip_kokkos.h"
#endif

using namespace LAMMPS_NS;

static void *create_pair(void *lmp) { return new PairALMLIP(static_cast<LAMMPS *>(lmp)); }

static void *create_fix(void *lmp, int narg, char **arg)
{
  return new FixALQuery(static_cast<LAMMPS *>(lmp), narg, arg);
}

#ifdef ALMLIP_HAS_KOKKOS
static void *create_pair_kokkos(void *lmp)
{
  return new_pair_almlip_kokkos(static_cast<LAMMPS *>(lmp), false);
}

static void *create_pair_kokkos_host(void *lmp)
{
  return new_pair_almlip_kokkos(static_cast<LAMMPS *>(lmp), true);
}
#endif

extern "C" __attribute__((visibility("default"))) void almlip_register(void *lmp, void *handle,
                                                                       void *regfunc)
{
  auto *const register_plugin = reinterpret_cast<lammpsplugin_regfunc>(regfunc);

  lammpsplugin_t plugin;
  plugin.version = static_cast<LAMMPS *>(lmp)->version;
  plugin.author = "the ALMLIP developers";
  plugin.handle = handle;

  plugin.style = "pair";
  plugin.name = "almlip";
  plugin.info = "committee of machine-learned potentials, ALMLIP " ALMLIP_VERSION;
  plugin.creator.v1 = &create_pair;
  register_plugin(&plugin, lmp);

#ifdef ALMLIP_HAS_KOKKOS
  plugin.creator.v1 = &create_pair_kokkos;
  for (const char *name : {"almlip/kk", "almlip/kk/device"}) {
    plugin.name = name;
    register_plugin(&plugin, lmp);
  }
  plugin.name = "almlip/kk/host";
  plugin.creator.v1 = &create_pair_kokkos_host;
  register_plugin(&plugin, lmp);
#endif

  plugin.style = "fix";
  plugin.info = "chooses configurations to label, ALMLIP " ALMLIP_VERSION;
  plugin.creator.v2 = &create_fix;
  for (const char *name : {"al_query", "al/query"}) {    // the second is as LAMMPS names its own
    plugin.name = name;
    register_plugin(&plugin, lmp);
  }
}
