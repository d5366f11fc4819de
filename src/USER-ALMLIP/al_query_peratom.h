// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_PERATOM_H
#define LMP_AL_QUERY_PERATOM_H

#include "pointers.h"

#include "almlip/query/rule.h"

#include <algorithm>

namespace LAMMPS_NS {

/// Per-atom output of a fix al_query: sigma, or an array of sigma, novelty and flag. 0 for atoms
/// that are not watched.
class ALQueryPeratom : protected Pointers {
 public:
  ALQueryPeratom(class LAMMPS *, bool array);
  ~ALQueryPeratom() override;
  ALQueryPeratom(const ALQueryPeratom &) = delete;
  ALQueryPeratom &operator=(const ALQueryPeratom &) = delete;

  // one of them is null; they move with `allocate`
  double *vector = nullptr;    // shape [nmax], force units of the run
  double **array = nullptr;    // shape [nmax][num_columns]
  int num_columns() const;     // 0: a vector
  int num_values() const { return wants_array ? num_columns() : 1; }    // of an atom

  /// For as many atoms as this rank may have; zeros where it grew.
  void allocate();
  /// 0 for an atom that was created since.
  void clear(int i) { std::fill_n(values(i), num_values(), 0.0); }
  /// Atom i becomes atom j.
  void copy(int i, int j) { std::copy_n(values(i), num_values(), values(j)); }
  /// Shape [num_values], of atom i.
  double *values(int i) { return wants_array ? array[i] : vector + i; }
  /// With the numbers of the latest evaluation that was wanted.
  void fill(class ALQuerySource &, const almlip::QueryRule &, int groupbit);
  double memory_usage() const;

 private:
  const bool wants_array;
  int nmax = 0;
};

}    // namespace LAMMPS_NS

#endif
