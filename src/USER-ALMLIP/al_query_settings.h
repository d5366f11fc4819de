#ifndef LMP_AL_QUERY_SETTINGS_H
#define LMP_AL_QUERY_SETTINGS_H

#include "pointers.h"

#include "almlip/selection.h"

#include <string>

namespace LAMMPS_NS {

/// What the user wrote after `fix ID group al_query`, checked; wrong words end the run with one
/// error.
class ALQuerySettings : protected Pointers {
 public:
  static constexpr int AT_THE_END = -1;    // of trigger: choose only when a run ends

  /// @param arg  the whole fix command, from its ID
  ALQuerySettings(class LAMMPS *, int narg, char **arg);

  int nevery;
  // what is not given follows the potential
  bool threshold_given = false, mindist_given = false, fmax_given = false;
  double lo = 0.0, hi = 0.0;    // force, in units of the run
  double mindist = 0.0;         // length, in units of the run
  double fmax = 0.0;            // force, in units of the run
  almlip::SelectionSettings selection;
  int buffer = 500, spacing = 50, trigger = 0;
  bool soft = false;
  std::string prefix = "al_batch";

 private:
  int narg;
  char **arg;

  int read_keyword(int);
  int read_gate(int);
  const char *value(int);
  int count(const char *, int);
  double nonnegative(const char *, int);
  void check();
};

}    // namespace LAMMPS_NS

#endif
