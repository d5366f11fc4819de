// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef PAIR_CLASS
// clang-format off
PairStyle(almlip,PairALMLIP);
// clang-format on
#else

#ifndef LMP_PAIR_ALMLIP_H
#define LMP_PAIR_ALMLIP_H

#include "pair.h"

#include <memory>
#include <string>
#include <vector>

namespace almlip {
struct Neighborhood;
struct Potential;
}    // namespace almlip

namespace LAMMPS_NS {

/// Committee potential with uncertainty as an output: docs/pair_almlip.md.
///
/// extract() and extract_peratom() hand out what the page lists. Addresses stay valid for the life
/// of this object, contents change with every pair_coeff; only "known_fingerprints" may move then.
class PairALMLIP : public Pair {
 public:
  PairALMLIP(class LAMMPS *);
  ~PairALMLIP() override;

  void compute(int, int) override;
  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;

  void *extract(const char *, int &) override;
  void *extract_peratom(const char *, int &) override;

  int pack_reverse_comm(int, int, double *) override;
  void unpack_reverse_comm(int, int *, double *) override;
  double memory_usage() override;

 protected:
  struct Impl;    // hides the core from LAMMPS
  std::unique_ptr<Impl> impl;

  /// The committee of a potential from pair_coeff; throws almlip::Error before anything changed.
  virtual void make_committee(const almlip::Potential &, const std::string &text);
  /// Adds energy, forces and virials of this step to LAMMPS's, and finds what is wanted of the
  /// uncertainty.
  virtual void evaluate(bool summary_is_due);
  /// Descriptors of the latest step to where extract_peratom() finds them.
  virtual void bring_descriptors() {}
  void warn_of_atoms_alone(bigint count_of_this_rank);
  /// Of this rank's atoms in the latest step, for the sigma of the energy (almlip/energy_sigma.h).
  virtual std::vector<double> energy_features();

 private:
  void check_bonded();
  void check_exclusions();
  void check_neighbors(const almlip::Neighborhood &);
  void check_ready_to_run();
  void warn_of_masses();
  bool compute_pair_is_due();
  void fill_pvector(bool);
  double sigma_of_energy();
  std::string read_on_all_ranks(const char *);
  void take(almlip::Potential &&, const std::string &text);
  void set_types(const std::vector<int> &);
};

}    // namespace LAMMPS_NS

#endif
#endif
