#ifndef LMP_AL_QUERY_ATOMS_H
#define LMP_AL_QUERY_ATOMS_H

#include "pointers.h"

#include "almlip/query/buffer.h"

#include <vector>

namespace LAMMPS_NS {

/// The whole configuration of a step on rank 0, as a candidate for a label.
class ALQueryAtoms : protected Pointers {
 public:
  ALQueryAtoms(class LAMMPS *, class ALQuerySource &);

  /// Whether a configuration fits into one message.
  bool fits() const;

  /// Collective. The result, on rank 0 only, has its atoms sorted by ID, so that it does not depend
  /// on the number of ranks.
  /// @param groupbit  of the atoms that are watched
  almlip::QueryCandidate gather(int groupbit);

 private:
  class ALQuerySource &source;

  std::vector<double> pack(int);
  almlip::QueryCandidate unpack(const std::vector<double> &);
};

}    // namespace LAMMPS_NS

#endif
