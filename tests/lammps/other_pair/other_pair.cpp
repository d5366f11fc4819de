// SPDX-License-Identifier: GPL-2.0-or-later
// A plugin with pair_style other: no forces and a sigma of 0.25 on all atoms. It offers what
// fix al_query reads and has nothing else in common with pair_style almlip.

#include "../../../src/USER-ALMLIP/plugin/lammps_plugin.h"

#include "atom.h"
#include "lammps.h"
#include "memory.h"
#include "pair.h"

#include <cstring>
#include <map>
#include <string>
#include <vector>

using namespace LAMMPS_NS;

namespace {

class PairOther : public Pair {
 public:
  explicit PairOther(LAMMPS *lmp) : Pair(lmp) {}
  ~PairOther() override
  {
    memory->destroy(rows);
    if (!allocated) return;
    memory->destroy(setflag);
    memory->destroy(cutsq);
  }

  void compute(int eflag, int vflag) override { ev_init(eflag, vflag); }
  void settings(int, char **) override {}
  void coeff(int, char **) override
  {
    const int n = atom->ntypes + 1;
    if (!allocated) {
      memory->create(setflag, n, n, "pair:setflag");
      memory->create(cutsq, n, n, "pair:cutsq");
      allocated = 1;
    }
    for (int i = 1; i < n; i++)
      for (int j = 1; j < n; j++) setflag[i][j] = 1;
    element_map.assign(n, 0);
  }
  double init_one(int, int) override { return 3.0; }

  void *extract(const char *name, int &dim) override
  {
    const std::map<std::string, void *> offers = {{"sigma_flag", &flag},
                                                  {"descriptor_flag", &flag},
                                                  {"potential_hash", hash},
                                                  {"default_threshold", threshold},
                                                  {"least_distance", &distance},
                                                  {"largest_force", &force},
                                                  {"num_elements", &one},
                                                  {"element_symbols", symbols},
                                                  {"element_map", element_map.data()},
                                                  {"num_known", &zero}};
    const auto found = offers.find(name);
    dim = 0;
    return found == offers.end() ? nullptr : found->second;
  }

  void *extract_peratom(const char *name, int &num_columns) override
  {
    num_columns = strcmp(name, "descriptor") == 0 ? 1 : 0;
    sigma.assign(atom->nlocal + 1, 0.25);
    if (num_columns == 0) return sigma.data();
    memory->grow(rows, atom->nlocal + 1, 1, "pair:rows");
    for (int i = 0; i < atom->nlocal; i++) rows[i][0] = atom->x[i][0];
    return rows;
  }

 private:
  int flag = 0, one = 1, zero = 0;
  double distance = 2.0, force = 10.0, threshold[2] = {0.1, 0.5};
  char hash[17] = "0123456789abcdef", symbols[3] = "Si";
  std::vector<int> element_map;
  std::vector<double> sigma;
  double **rows = nullptr;
};

void *create_pair(void *lmp) { return new PairOther(static_cast<LAMMPS *>(lmp)); }

}    // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle,
                                                                         void *regfunc)
{
  lammpsplugin_t plugin;
  plugin.version = static_cast<LAMMPS *>(lmp)->version;
  plugin.style = "pair";
  plugin.name = "other";
  plugin.info = "sigma of 0.25";
  plugin.author = "the ALMLIP developers";
  plugin.creator.v1 = &create_pair;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc>(regfunc)(&plugin, lmp);
}
