// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef FIX_CLASS
// clang-format off
FixStyle(al_query,FixALQuery);
FixStyle(al/query,FixALQuery);
// clang-format on
#else

#ifndef LMP_FIX_AL_QUERY_H
#define LMP_FIX_AL_QUERY_H

#include "fix.h"

#include <memory>
#include <string>

namespace almlip {
struct Decision;
}

namespace LAMMPS_NS {

/// Chooses configurations of a running simulation that are worth a label: docs/fix_al_query.md.
///
/// It observes when forces were computed, decides at the end of the step by almlip::QueryRule, and
/// acts. The numbers come from a pair style through extract() and extract_peratom(); which one does
/// not matter.
class FixALQuery : public Fix {
 public:
  FixALQuery(class LAMMPS *, int, char **);
  ~FixALQuery() override;

  int setmask() override;
  void init() override;
  void setup_pre_force(int) override;
  void setup(int) override;
  void min_setup(int) override;
  void pre_force(int) override;
  void min_pre_force(int) override;
  void post_force(int) override;
  void min_post_force(int) override;
  void end_of_step() override;
  void post_run() override;

  double compute_vector(int) override;
  void write_restart(FILE *) override;
  void restart(char *) override;
  double memory_usage() override;
  void set_arrays(int) override;
  void grow_arrays(int) override;
  void copy_arrays(int, int, int) override;
  int pack_exchange(int, double *) override;
  int unpack_exchange(int, double *) override;

 private:
  struct Impl;    // hides the core from LAMMPS
  std::unique_ptr<Impl> impl;

  void heed_signal();
  void check_atoms();
  void check_strategy();
  void use_potential();
  void forget_other_potential();

  void request_energy(bigint);
  void consider();
  std::string reason_of(const almlip::Decision &) const;
  void tell_distrust(const std::string &);
  void store_those_before();
  void store(const struct ALQuerySnapshot &, const std::string &);
  void choose_batch(const char *);
  bool is_tied() const;
  bool is_rerun() const;
  void tell_to_wait();
  bool may_stop() const;
  void forget_lost_atoms();
  void stop_run(const std::string &);
  void end_by_signal();
  void report();
};

}    // namespace LAMMPS_NS

#endif
#endif
