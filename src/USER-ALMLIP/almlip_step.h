// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_ALMLIP_STEP_H
#define LMP_ALMLIP_STEP_H

#include "almlip/committee.h"
#include "almlip/potential.h"
#include "almlip_units.h"
#include "lmptype.h"

#include <mpi.h>

#include <cstddef>
#include <vector>

namespace LAMMPS_NS {

/// Atoms and full neighbour lists of a step, in the form and the units of the core.
class ALMLIPStepInput {
 public:
  /// @param list             of all centers, full
  /// @param element_of_type  shape [ntypes + 1], -1 for NULL
  /// The result points into LAMMPS's arrays and this object's: valid until the next call or list.
  almlip::Neighborhood fill(class LAMMPS *, class NeighList *list,
                            const std::vector<int> &element_of_type, const ALMLIPUnits &units);

  /// Counts the energies of the atoms of the latest `fill` from those without neighbours.
  /// @param isolated  energy of such an atom, shape [num_elements], eV; empty: nothing is done
  /// @returns  what was taken away, eV
  double subtract(const std::vector<double> &isolated, almlip::CommitteeOutput &) const;

  /// The elements alone.
  void find_elements(class LAMMPS *, const std::vector<int> &element_of_type);
  /// Element index of an atom or ghost, -1 for NULL.
  int element_of(int i) const { return element[i]; }

 private:
  std::vector<int> element;    // shape [nall]
  std::vector<int> centers;
  std::vector<int> num_neighbors;
  std::vector<int *> neighbors;
  std::vector<double> positions;    // shape [nall][3], Angstrom; unused in native units

  long list_version = 0;
  bigint last_build = -1;    // timestep of the latest lists

  long current_list_version(class LAMMPS *);
  void find_centers(class LAMMPS *, class NeighList *);
  const double *in_angstrom(double **x, int nall, const ALMLIPUnits &units);
};

/// An array of LAMMPS that the core adds to: itself in native units, otherwise a zeroed copy that
/// is scaled and added.
class ALMLIPTarget {
 public:
  /// Where the core adds to; null if array is.
  double *open(double *array, std::size_t size, const ALMLIPUnits &units);
  /// @param unit  unit of the core in units of the run
  void close(double unit);

 private:
  double *array_in_lammps = nullptr;
  std::vector<double> copy;
};

/// Where the core adds forces, per-atom energies and virials: LAMMPS's own arrays; the sums follow.
class ALMLIPStepOutput {
 public:
  almlip::CommitteeOutput core;

  /// Points the core at what the pair style has to tally, and at nothing else.
  void open(class LAMMPS *, const class Pair &, const ALMLIPUnits &);
  /// Adds what is not yet in LAMMPS: arrays in other units, energy, virial.
  void close(class Pair &, const ALMLIPUnits &);

 private:
  ALMLIPTarget forces, atom_energy, atom_virial, centroid_virial;
};

/// What a step yields on request only: forces of the potential alone, sigma, descriptors and
/// short-range energies of the owned atoms.
class ALMLIPUncertainty {
 public:
  int sigma_flag = 0, descriptor_flag = 0, novelty_flag = 0, nearness_flag = 0,
      zbl_flag = 0;             ///< set by who wants them, on the steps concerned
  int num_member_passes = 0;    ///< steps that member forces were computed on

  struct Wanted {
    bool members, descriptors, novelty, energy_sigma;
  };
  /// By the flags, and by the summary of the step if it is due.
  Wanted wanted(const almlip::Potential &, bool summary_is_due) const;

  /// Points the core at what is wanted in this step.
  void open(almlip::CommitteeOutput &, const almlip::ModelSettings &, const Wanted &,
            bool all_are_centers, int nlocal, int nghost);
  /// Short-range energies in the unit of the run.
  void convert_zbl(const ALMLIPUnits &);
  /// Sigma, and the force that is their mean, from the member forces, after those on ghosts came
  /// home.
  void find_sigma(const ALMLIPStepInput &, const almlip::Potential &, const ALMLIPUnits &,
                  int nlocal);

  /// Novelty from the descriptors.
  void find_novelty(const ALMLIPStepInput &, const almlip::Potential &, int nlocal);
  /// Features of the energy's sigma from the descriptors (almlip/energy_sigma.h).
  std::vector<double> energy_features(const ALMLIPStepInput &, const almlip::Potential &,
                                      int nlocal) const;
  /// The pair of atoms that is nearest, as measured by the training set.
  void find_nearest(class LAMMPS *, const almlip::Neighborhood &, const almlip::Potential &,
                    const ALMLIPUnits &);
  /// Largest least-distance-in-training / distance, the ID of one of its atoms, and the least
  /// distance (infinite: no pair), distance units of the run.
  double nearness[3] = {0.0, 0.0, 0.0};

  /// Arrays for results from elsewhere, which count as computed from then on; shapes and units are
  /// those of the arrays below.
  struct Results {
    std::vector<double> &sigma, &forces;
  };
  Results open_sigma();
  std::vector<double> &open_novelty();
  std::vector<double> &open_descriptors();
  std::vector<double> &open_zbl();

  struct Summary {
    double max_sigma, mean_sigma;    ///< force units of the run
    double max_novelty;              ///< 0 if not fitted
  };
  /// Over all ranks, of the latest step.
  Summary summarize(const ALMLIPStepInput &, int nlocal, MPI_Comm) const;

  /// Not a number where the latest step did not compute them. Never null, not even without atoms.
  double *sigma(int nlocal);
  double **forces(int nlocal);
  double **descriptors(int nlocal, int num_descriptors);
  double *zbl(int nlocal);
  double *novelty(int nlocal);

  /// Reverse communication of member forces.
  int pack(int n, int first, double *buf) const;
  void unpack(int n, const int *list, const double *buf);

  void forget() { sigma_valid = descriptors_valid = zbl_valid = novelty_valid = false; }
  double memory_usage() const;

 private:
  std::size_t entries = 0;               // member forces of one atom, 3 M
  almlip::MemberForces member_forces;    // of all atoms
  std::vector<double> sigma_of_atom;     // shape [nlocal], force units of the run
  std::vector<double> force_of_atom;     // shape [nlocal][3], force units of the run
  std::vector<double *> force_rows;
  std::vector<double> descriptor_table;    // shape [nlocal][D]
  std::vector<double *> descriptor_rows;
  std::vector<double> zbl_of_atom;        // shape [nall], energy units of the run
  std::vector<double> novelty_of_atom;    // shape [nlocal]
  bool sigma_valid = false, descriptors_valid = false, zbl_valid = false, novelty_valid = false;
};

}    // namespace LAMMPS_NS

#endif
