// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_STORE_H
#define LMP_AL_QUERY_STORE_H

#include "pointers.h"

#include "almlip/query/batch.h"
#include "almlip/query/known_files.h"
#include "almlip/query/report.h"
#include "almlip/query/rule.h"
#include "almlip/query/spool.h"
#include "almlip/query/state.h"

#include <optional>
#include <string>
#include <vector>

namespace LAMMPS_NS {

/// What only the first rank does for a fix al_query: it keeps candidates, in memory and on disk,
/// knows what need not be chosen, and writes batches. Its methods throw almlip::Error.
class ALQueryStore : protected Pointers {
 public:
  ALQueryStore(class LAMMPS *, const class ALQuerySettings &, const class ALQuerySource &,
               almlip::QueryState &);

  int max_atoms = 0;            // of a candidate, for the choice by atoms; 0: not chosen by atoms
  std::string spool_problem;    // why candidates are missing on disk; empty: they are not
  almlip::RunFiles files_of_run;
  double patience = 300.0;    // s, with others of the prefix that choose; the largest take a minute

  /// What was known with another potential has other fingerprints.
  void use_other_potential();
  /// Reads what other processes chose meanwhile, and the candidates that a restart file names.
  void begin_run();

  struct Verdict {
    int known = 0, given_up = 0;    // no candidate; full, so that another one was given up
    int buffered = 0;               // candidates now
  };
  Verdict add(almlip::QueryCandidate candidate);

  /// Chooses a batch from the candidates, writes it, and begins anew.
  /// @return number of configurations in it
  int write_batch(const char *reason, const almlip::QueryRule &);

  /// The query's state for a restart file, with that of what is on disk. What has no place there
  /// is told.
  std::string save();

 private:
  const class ALQuerySettings &settings;
  const class ALQuerySource &source;
  almlip::QueryState &state;
  almlip::KnownFiles known_files;
  std::optional<almlip::Spool> spool;    // from the first candidate on

  void open_spool();
  void keep_on_disk(const almlip::QueryCandidate &);
  void tell(const std::vector<std::string> &notes) const;
  void read_known();
  int write(const char *reason, const almlip::QueryRule &, const std::vector<almlip::Choice> &);
  almlip::SelectionSettings selection() const;
  std::vector<almlip::Choice> choose() const;
  almlip::BatchRecord record(const char *reason, const almlip::QueryRule &, int chosen) const;
  void learn(const std::vector<almlip::Choice> &);
};

}    // namespace LAMMPS_NS

#endif
