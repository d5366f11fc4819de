// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_peratom.h"

#include "al_query_source.h"

#include "atom.h"
#include "memory.h"

#include <algorithm>

using namespace LAMMPS_NS;

enum { SIGMA, NOVELTY, FLAG, NUM_COLUMNS };

ALQueryPeratom::ALQueryPeratom(LAMMPS *lmp, bool array) : Pointers(lmp), wants_array(array) {}

ALQueryPeratom::~ALQueryPeratom()
{
  memory->destroy(vector);
  memory->destroy(array);
}

int ALQueryPeratom::num_columns() const { return wants_array ? NUM_COLUMNS : 0; }

void ALQueryPeratom::allocate()
{
  const int before = nmax;
  if (atom->nmax <= nmax && nmax > 0) return;
  nmax = std::max(atom->nmax, 1);
  if (wants_array)
    memory->grow(array, nmax, NUM_COLUMNS, "al_query:array");
  else
    memory->grow(vector, nmax, "al_query:sigma");
  for (int i = before; i < nmax; i++) clear(i);
}

void ALQueryPeratom::fill(ALQuerySource &source, const almlip::QueryRule &rule, int groupbit)
{
  const ALQuerySource::Outputs out = source.outputs();
  for (int i = 0; i < atom->nlocal; i++) {
    const bool watched = (atom->mask[i] & groupbit) != 0;
    double *const value = values(i);
    value[SIGMA] = watched ? out.sigma[i] : 0.0;
    if (!wants_array) continue;
    value[NOVELTY] = watched && out.novelty ? out.novelty[i] : 0.0;
    value[FLAG] = rule.flags(value[SIGMA] / source.units.force(), value[NOVELTY]) ? 1.0 : 0.0;
  }
}

double ALQueryPeratom::memory_usage() const
{
  return static_cast<double>(nmax) * num_values() * sizeof(double);
}
