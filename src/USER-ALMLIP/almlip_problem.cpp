// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip_problem.h"

#include "error.h"

#include <mpi.h>

using namespace LAMMPS_NS;

void LAMMPS_NS::end_on_problem_of_any_rank(LAMMPS *lmp, const std::string &problem)
{
  const int me = lmp->comm->me, mine = problem.empty() ? lmp->comm->nprocs : me;
  int speaker;
  MPI_Allreduce(&mine, &speaker, 1, MPI_INT, MPI_MIN, lmp->world);
  if (speaker == lmp->comm->nprocs) return;

  int length = static_cast<int>(problem.size());
  MPI_Bcast(&length, 1, MPI_INT, speaker, lmp->world);
  std::string message = problem;
  message.resize(length);
  MPI_Bcast(message.data(), length, MPI_CHAR, speaker, lmp->world);
  lmp->error->all(FLERR, message);
}
