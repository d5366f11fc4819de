#ifdef FIX_CLASS
// clang-format off
FixStyle(al_query,FixALQuery);
// clang-format on
#else

#ifndef LMP_FIX_AL_QUERY_H
#define LMP_FIX_AL_QUERY_H

#include "fix.h"

#include <memory>
#include <string>

namespace almlip {
enum class Refusal;
struct QueryCandidate;
}    // namespace almlip

namespace LAMMPS_NS {

/// Chooses configurations of a running simulation that are worth a label: docs/fix_al_query.md.
///
/// The numbers come from a pair style through extract() and extract_peratom(); which one does not
/// matter.
class FixALQuery : public Fix {
 public:
  FixALQuery(class LAMMPS *, int, char **);
  ~FixALQuery() override;

  int setmask() override;
  void init() override;
  void setup_pre_force(int) override;
  void setup(int) override;
  void pre_force(int) override;
  void post_force(int) override;
  void post_run() override;

  double compute_vector(int) override;
  void write_restart(FILE *) override;
  void restart(char *) override;
  double memory_usage() override;

 private:
  struct Impl;       // hides the core from LAMMPS
  struct Verdict;    // of rank 0 about a configuration
  std::unique_ptr<Impl> impl;
  int nmax = 0;

  void check_atoms();
  void use_potential();

  void request_energy(bigint);
  void copy_sigma();
  void find_extremes();
  void consider();
  void distrust(almlip::Refusal, double, const std::string &);
  void refuse(almlip::Refusal, double);
  bool too_soon() const;
  void store();
  Verdict judge(const almlip::QueryCandidate &);
  void choose_batch(const char *);
  int write_batch(const char *);
  void stop_run(const std::string &);
};

}    // namespace LAMMPS_NS

#endif
#endif
