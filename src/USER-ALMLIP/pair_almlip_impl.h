// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_PAIR_ALMLIP_IMPL_H
#define LMP_PAIR_ALMLIP_IMPL_H

#include "pair_almlip.h"

#include "almlip/committee.h"
#include "almlip/potential.h"
#include "almlip_device.h"
#include "almlip_step.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace LAMMPS_NS {

/// What pair_almlip.h hides, shared by the styles almlip and almlip/kk.
struct PairALMLIP::Impl {
  ALMLIPUnits units;
  almlip::Potential potential;
  almlip::Precision precision = almlip::Precision::full;
  ALMLIPDeviceUse device_use = ALMLIPDeviceUse::NO;
  bool isolated_is_zero = false;
  bool told_of_atoms_alone = false;
  std::set<std::string> told_of_masses;
  std::vector<double> isolated_energy;    // shape [num_elements], eV; empty: not subtracted
  double subtracted = 0.0;                // of the latest energy of this rank, eV
  std::unique_ptr<almlip::Committee> committee;    // null before the first pair_coeff
  double cutoff_at_init = 0.0;                     // what neighbour lists and
  int members_at_init = 0;                         // communication buffers were made for

  ALMLIPStepInput input;
  ALMLIPStepOutput output;

  ALMLIPUncertainty uncertainty;
  int promised_columns = 0;       // of descriptors, told to a fix that allocates accordingly
  std::vector<double> pvector;    // never shrinks: compute pair reads all terms it once counted

  // what extract() hands out
  int num_elements = 0, num_members = 0, num_known = 0, has_novelty = 0;
  double force_error = 0.0;
  std::vector<double> member_energies;    // shape [num_members], of this rank, energy units
  double least_distance = 0.0, largest_force = 0.0, default_threshold[2] = {0.0, 0.0};
  char potential_hash[17] = "", element_symbols[512] = "";
  std::vector<int> element_map;    // shape [ntypes + 1]
  int num_held_out = 0;
  double rms_force = 0.0, force_limit = 0.0;
  std::vector<double> held_out_sigma, min_distances;    // units of the run

  void describe(const std::string &text);
  void describe_training();
};

/// Atoms this near, Angstrom, are a mistake in the input, which would show as energies that are
/// huge or not a number.
constexpr double ALMLIP_AT_ONE_PLACE = 1.0e-6;
/// What is said of two such atoms.
std::string almlip_at_one_place(tagint, tagint);

/// Energy of an atom of every element that has no neighbours, eV.
std::vector<double> energies_of_isolated_atoms(almlip::Committee &);

}    // namespace LAMMPS_NS

#endif
