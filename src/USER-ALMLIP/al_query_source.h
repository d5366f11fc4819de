#ifndef LMP_AL_QUERY_SOURCE_H
#define LMP_AL_QUERY_SOURCE_H

#include "pointers.h"

#include "almlip_units.h"

#include <string>
#include <vector>

namespace LAMMPS_NS {

/// The pair style that a fix al_query reads: its uncertainty, its descriptors and what it knows of
/// its training set.
///
/// Everything comes through extract() and extract_peratom(), so that any pair style can answer:
/// docs/pair_almlip.md.
class ALQuerySource : protected Pointers {
 public:
  ALQuerySource(class LAMMPS *);

  /// Finds the pair style and reads all that does not change during a run. Errors are those of the
  /// input script.
  void init();

  /// The pair style computes sigma and descriptors on the steps that they are wanted on.
  void want(bool);
  const double *sigma();     // shape [nlocal], force units of the run
  double **descriptors();    // shape [nlocal][num_descriptors], standardised
  double energy_on_this_rank();

  // the potential
  std::string potential;    // hash of its content
  int num_elements = 0, num_descriptors = 0;
  std::vector<int> element_of_type, number_of_type;    // shape [ntypes + 1]; -1 and 0: NULL
  double lo = 0.0, hi = 0.0;    // default threshold; hi <= lo: the potential does not know
  double least_distance = 0.0, largest_force = 0.0;    // in the training set, units of the run
  std::vector<double> training_fingerprints() const;

  ALMLIPUnits units;

 private:
  class Pair *pair = nullptr;
  int *sigma_flag = nullptr, *descriptor_flag = nullptr;

  std::vector<class Pair *> pair_styles() const;
  static const char *missing(class Pair *);
  class Pair *find_pair() const;
  void *read(const char *) const;
  void read_units();
  void read_elements();
};

}    // namespace LAMMPS_NS

#endif
