#include "al_query_atoms.h"

#include "al_query_source.h"

#include "atom.h"
#include "comm.h"
#include "domain.h"
#include "update.h"
#include "utils.h"

#include "almlip/query/fingerprint.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace LAMMPS_NS;

namespace {

/// What is gathered of each atom; its descriptor follows. All numbers are doubles, so that one
/// message carries them.
struct AtomRecord {
  double id, type, watched;
  double position[3];    // relative to the corner of the box
  double force[3];
  double sigma;
};
constexpr int RECORD_LENGTH = sizeof(AtomRecord) / sizeof(double);

/// Everybody's numbers on rank 0, in the order of ranks.
std::vector<double> gather_numbers(const std::vector<double> &mine, MPI_Comm world)
{
  int nprocs;
  MPI_Comm_size(world, &nprocs);
  const int count = static_cast<int>(mine.size());
  std::vector<int> counts(nprocs), offsets(nprocs + 1, 0);
  MPI_Allgather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, world);
  std::partial_sum(counts.begin(), counts.end(), offsets.begin() + 1);
  std::vector<double> all(offsets.back());
  MPI_Gatherv(mine.data(), count, MPI_DOUBLE, all.data(), counts.data(), offsets.data(), MPI_DOUBLE,
              0, world);
  return all;
}

}    // namespace

ALQueryAtoms::ALQueryAtoms(LAMMPS *lmp, ALQuerySource &source) : Pointers(lmp), source(source) {}

bool ALQueryAtoms::fits() const
{
  return atom->natoms <= MAXSMALLINT / (RECORD_LENGTH + source.num_descriptors);
}

almlip::QueryCandidate ALQueryAtoms::gather(int groupbit)
{
  const double energy_here = source.energy_on_this_rank();
  double energy = 0.0;
  MPI_Reduce(&energy_here, &energy, 1, MPI_DOUBLE, MPI_SUM, 0, world);
  const std::vector<double> atoms = gather_numbers(pack(groupbit), world);
  if (comm->me != 0) return {};

  almlip::QueryCandidate candidate = unpack(atoms);
  candidate.step = update->ntimestep;
  if (update->eflag_global == update->ntimestep)
    candidate.frame.info["predicted_energy"] =
        fmt::format("{:.10f}", energy / source.units.electron_volt);
  return candidate;
}

std::vector<double> ALQueryAtoms::pack(int groupbit)
{
  const double *sigma = source.sigma();
  double **descriptors = source.descriptors();
  std::vector<double> mine;
  mine.reserve(static_cast<std::size_t>(atom->nlocal) * (RECORD_LENGTH + source.num_descriptors));
  for (int i = 0; i < atom->nlocal; i++) {
    AtomRecord record;
    record.id = static_cast<double>(atom->tag[i]);
    record.type = atom->type[i];
    record.watched = (atom->mask[i] & groupbit) ? 1.0 : 0.0;
    std::copy_n(atom->x[i], 3, record.position);
    domain->remap(record.position);
    for (int k = 0; k < 3; k++) record.position[k] -= domain->boxlo[k];
    std::copy_n(atom->f[i], 3, record.force);
    record.sigma = sigma[i];
    const auto *numbers = reinterpret_cast<const double *>(&record);
    mine.insert(mine.end(), numbers, numbers + RECORD_LENGTH);
    mine.insert(mine.end(), descriptors[i], descriptors[i] + source.num_descriptors);
  }
  return mine;
}

almlip::QueryCandidate ALQueryAtoms::unpack(const std::vector<double> &atoms)
{
  const int width = RECORD_LENGTH + source.num_descriptors;
  std::vector<const double *> rows;
  for (std::size_t k = 0; k < atoms.size(); k += width) rows.push_back(&atoms[k]);
  std::sort(rows.begin(), rows.end(), [](const double *a, const double *b) { return a[0] < b[0]; });

  almlip::QueryCandidate candidate;
  almlip::Frame &frame = candidate.frame;
  frame.cell = {domain->xprd, 0.0,        0.0,        domain->xy,  domain->yprd,
                0.0,          domain->xz, domain->yz, domain->zprd};
  for (double &length : frame.cell) length /= source.units.angstrom;
  for (int k = 0; k < 3; k++) frame.pbc[k] = domain->periodicity[k] != 0;
  frame.config_type = "al_query";

  std::vector<double> &sigma = frame.per_atom["sigma"],
                      &forces = frame.per_atom_vectors["predicted_forces"];
  std::vector<double> descriptors;
  std::vector<int> element;
  double sum = 0.0;
  int num_watched = 0;
  for (const double *row : rows) {
    AtomRecord record;
    std::memcpy(&record, row, sizeof(record));
    const int type = static_cast<int>(record.type);
    frame.atomic_numbers.push_back(source.number_of_type[type]);
    for (double x : record.position) frame.positions.push_back(x / source.units.angstrom);
    for (double f : record.force) forces.push_back(f / source.units.force());
    sigma.push_back(record.sigma / source.units.force());
    element.push_back(source.element_of_type[type]);
    descriptors.insert(descriptors.end(), row + RECORD_LENGTH, row + width);
    if (record.watched == 0.0) continue;
    num_watched++;
    sum += sigma.back();
    if (sigma.back() <= candidate.max_sigma) continue;
    candidate.max_sigma = sigma.back();
    candidate.worst_atom = static_cast<std::int64_t>(record.id);
  }
  candidate.mean_sigma = num_watched > 0 ? sum / num_watched : 0.0;
  candidate.fingerprint =
      almlip::fingerprint(descriptors.data(), element.data(), sigma.data(), frame.num_atoms(),
                          source.num_descriptors, source.num_elements);
  return candidate;
}
