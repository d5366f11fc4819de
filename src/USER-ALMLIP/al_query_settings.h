// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_SETTINGS_H
#define LMP_AL_QUERY_SETTINGS_H

#include "pointers.h"

#include "almlip/query/rule.h"
#include "almlip/selection.h"

#include <string>
#include <vector>

namespace LAMMPS_NS {

/// What the user wrote after `fix ID group al_query`, checked; wrong words end the run with one
/// error.
class ALQuerySettings : protected Pointers {
 public:
  static constexpr int AT_THE_END = -1;    // of trigger: choose only when a run ends

  /// @param arg  the whole fix command, from its ID
  ALQuerySettings(class LAMMPS *, int narg, char **arg);

  enum class Threshold { automatic, adaptive, given, none };

  int nevery;
  Threshold threshold = Threshold::automatic;
  double share = 0.0;           // of the looks that adaptive makes candidates of
  double lo = 0.0, hi = 0.0;    // if given; in units of the run: force, energy per atom or novelty
  almlip::Measure measure = almlip::Measure::any;
  // what is not given follows the potential
  bool mindist_given = false, fmax_given = false;
  double mindist = 0.0;    // length, in units of the run
  double fmax = 0.0;       // force, in units of the run
  double least_density = 0.0, largest_density = 0.0, largest_temperature = 0.0;    // g/cm^3, K
  almlip::SelectionSettings selection{almlip::Strategy::alc_atoms};
  bool strategy_given = false;
  int before = 0;
  bool spool_given = false;
  std::string spool;    // folder; empty: none
  double megabytes = 1000.0;
  bool array = false;                // per-atom output is sigma, novelty and flag instead of sigma
  std::string trace;                 // file; empty: none
  std::vector<std::string> known;    // files and folders
  int buffer = 500, spacing = 50, trigger = AT_THE_END;
  bool soft = false;
  std::string prefix = "al_batch";

 private:
  int narg;
  char **arg;
  int keyword_at = 3;    // the keyword that is being read; 3: N

  int read_keyword(int);
  int read_threshold(int);
  int read_gate(int);
  int read_known(int);
  int read_spool(int);
  bool read_selection(const std::string &, int);
  bool read_output(const std::string &, int);
  const char *value(int);
  const char *numeral(int);
  [[noreturn]] void missing(int end);
  int count(const char *, int, int least = 1, const char *or_else = "");
  double nonnegative(const char *, int, const char *allowed = "number, 0 or more");
  bool is_keyword(const char *) const;
  template <class Read>
  auto parsed(Read &&read);
  void check();
  void check_threshold();
  void check_output();
  void check_spool() const;
  static void try_to_write(const char *, const std::string &, const std::string &);
};

}    // namespace LAMMPS_NS

#endif
