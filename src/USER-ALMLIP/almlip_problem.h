// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_ALMLIP_PROBLEM_H
#define LMP_ALMLIP_PROBLEM_H

#include "comm.h"
#include "lammps.h"

#include <exception>
#include <string>

namespace LAMMPS_NS {

/// Ends the run if any rank has a problem (not empty), with that of the lowest such rank. All ranks
/// call it: they then end together, whereas error->one leaves it to MPI_Abort, after which a
/// process manager may wait forever.
void end_on_problem_of_any_rank(LAMMPS *, const std::string &problem);

/// Does work on rank 0; an error of it ends the run on all ranks. All ranks call it.
/// @param where  begins the message
template <class Work>
void on_first_rank(LAMMPS *lmp, const std::string &where, Work &&work)
{
  std::string problem;
  if (lmp->comm->me == 0) {
    try {
      work();
    } catch (const std::exception &e) {    // also what the standard library throws
      problem = where + ": " + e.what();
    }
  }
  end_on_problem_of_any_rank(lmp, problem);
}

}    // namespace LAMMPS_NS

#endif
