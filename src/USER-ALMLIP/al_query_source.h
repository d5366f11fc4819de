// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_SOURCE_H
#define LMP_AL_QUERY_SOURCE_H

#include "pointers.h"

#include "almlip_units.h"

#include "almlip/potential.h"
#include "almlip/query/window.h"

#include <string>
#include <vector>

namespace LAMMPS_NS {

/// The pair style that a fix al_query reads: its uncertainty, its descriptors and what it knows of
/// its training set. All in eV and Angstrom.
///
/// Everything comes through extract() and extract_peratom(), so that any pair style can answer:
/// docs/pair_almlip.md.
class ALQuerySource : protected Pointers {
 public:
  ALQuerySource(class LAMMPS *);

  /// Finds the pair style and reads all that does not change during a run. Errors are those of the
  /// input script.
  void init();

  /// The pair style computes its outputs on the evaluations that they are wanted on.
  void want(bool);
  /// Of the latest evaluation that was wanted.
  struct Outputs {
    const double *sigma;      ///< shape [nlocal], force units of the run
    double **forces;          ///< shape [nlocal][3], of the potential alone if it tells them
    const double *novelty;    ///< shape [nlocal]; null: unknown
    /// Largest least-distance-in-training / distance of a pair, the ID of one of its atoms, and the
    /// least distance, distance units of the run; null: unknown.
    const double *nearness;
    const double
        *member_energies;    ///< shape [num_members], of this rank, energy units of the run
    double energy;    ///< of this rank, eV; with that of the isolated atoms, as a label has it
  };
  Outputs outputs();
  /// Shape [nlocal][num_descriptors], standardised, of the same evaluation. Not one of the outputs,
  /// since a pair style may keep this much on a GPU until it is asked for.
  double **descriptors();

  // the potential
  std::string potential;    // hash of its content
  int num_elements = 0, num_descriptors = 0, num_members = 0;
  std::vector<int> element_of_type, number_of_type;    // shape [ntypes + 1]; -1 and 0: NULL
  almlip::WindowBasis basis;
  double largest_force = 0.0;    // of those that are physical, by what is in the training set
  bool has_novelty = false;
  std::vector<double> training_fingerprints() const;
  /// The whole file, for fingerprints of other frames; null: the pair style is not made of one.
  const almlip::Potential *whole_potential() const;

  ALMLIPUnits units;

 private:
  class Pair *pair = nullptr;
  std::vector<int *> flags;

  std::vector<class Pair *> pair_styles() const;
  static const char *missing(class Pair *);
  class Pair *find_pair() const;
  void *offered(const char *) const;
  void *read(const char *) const;
  void read_units();
  void read_training();
  void read_elements();
};

}    // namespace LAMMPS_NS

#endif
