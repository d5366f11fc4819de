// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "almlip/query/atom_selection.h"
#include "almlip/query/buffer.h"
#include "almlip/query/known.h"
#include "almlip/query/log_histogram.h"
#include "almlip/query/refusal.h"
#include "almlip/query/rule.h"
#include "almlip/query/window.h"

namespace almlip {

/// How many configurations went which way.
struct QueryCounts {
  std::int64_t looks = 0;
  std::int64_t flagged = 0;      ///< at or above lo
  std::int64_t untrusted = 0;    ///< above hi, or a pair too near, or not a number
  std::int64_t rejected = 0;     ///< refused, but not for the spacing
  std::int64_t candidates = 0;
  std::int64_t selected = 0;
  std::int64_t batches = 0;
};

/// What tells one look from another at the same timestep: `run 0` many times is many
/// configurations, a run that goes on begins with the last one of the run before.
struct LookIdentity {
  std::int64_t step = -1;
  std::int64_t num_atoms = 0;
  std::array<double, 6> box{};    ///< lengths and tilts
  double mean_sigma = 0.0, max_force = 0.0;

  /// Up to the rounding of another order of atoms in single precision.
  bool same_as(const LookIdentity &other) const;
};

/// Of a single run, for its closing words.
struct RunRecord {
  QueryCounts counts;
  RefusalTally refusals;
  LogHistogram sigma, novelty;    ///< largest of every look
  LogHistogram energy;            ///< spread of every look
  std::string worst;              ///< what was not trusted first
  bool exploded = false;          ///< a look had no meaning any more
};

/// Everything that a query remembers. Where configurations come from several ranks, buffer and
/// known ones are those of the first rank, the rest is the same on all.
class QueryState {
 public:
  QueryState(const SelectionSettings &selection, int buffer_capacity);

  std::string potential;    ///< hash of the one that everything below belongs to
  QueryCounts total;
  RefusalTally refusals;    ///< since the batch before
  RunRecord run;            ///< since the run began
  AdaptiveThreshold threshold;
  int runs_without_candidates = 0;    ///< in a row
  int next_batch = 1;                 ///< no batch of a lower number is free
  QueryBuffer buffer;
  KnownConfigurations known;    ///< those of the training set come first
  LabelledAtoms labelled;       ///< training atoms, and those of the known ones; for alc_atoms only
  std::string spool;            ///< state of the spool
  int num_buffered = 0;         ///< candidates in the buffer

  /// Whether this is the configuration that was looked at last.
  bool is_last_look(const LookIdentity &identity) const;
  /// The next look is one even if it is the configuration of the last.
  void forget_last_look() { last_look_ = {}; }
  /// Whether the configuration looked at last was not trusted.
  bool in_excursion() const { return in_excursion_; }
  /// Decides about a configuration and counts it. A timestep that does not go on from the last one
  /// is another simulation, to which the spacing does not apply.
  Decision look(const QueryRule &rule, Observation seen, const LookIdentity &identity);
  void refuse(Refusal refusal, std::int64_t step, double value = 0.0);
  /// @param untrusted  it stands for its excursion: no other one of that is taken
  void count_stored(std::int64_t step, bool untrusted, int num_buffered);
  /// A candidate that is known. It stands for those around it as if it were stored: a restarted run
  /// takes none beside the frames of batches that are there already.
  void count_known(std::int64_t step, bool untrusted);
  void count_given_up(std::int64_t step);
  void count_batch(int num_chosen, int num_left, std::int64_t step);
  /// Knows the training set and nothing else.
  /// @param fingerprints  shape [count][num_features]
  void know_training_set(int num_features, const std::vector<double> &fingerprints);
  /// Whether a block was loaded, which does not have the training set.
  bool lacks_training_set() const { return lacks_training_set_; }
  void add_training_set(const std::vector<double> &fingerprints);
  void begin_run() { run = {}; }
  void end_run();

  /// What a restart file gets.
  struct Block {
    std::string bytes;                               ///< version, length and a checksum come first
    int num_left_out = 0, num_known_left_out = 0;    ///< candidates, and known configurations
  };
  /// Candidates for which there is no room are left out: those in the lottery first, of these any
  /// or, with strategy `uncertainty`, the least uncertain. Of known configurations the latest have
  /// at most half of the room; those of the training set need none.
  /// @param max_bytes  of all
  Block save(std::size_t max_bytes = max_block_bytes) const;
  /// Of many ranks all but the first have no buffer and know no configuration.
  /// @param block  as `save` made it; may be followed by anything
  /// @throws Error if it is of another version, cut off or damaged; the state is then as before
  void load(const char *block, bool is_first_rank = true);

  /// LAMMPS has an int for the length, and reads the block on every rank.
  static constexpr std::size_t max_block_bytes = 500'000'000;

 private:
  std::int64_t last_taken_ = -1;    ///< step of the last candidate, stored or known
  bool in_excursion_ = false, excursion_taken_ = false;
  LookIdentity last_look_;
  int num_training_ = 0;    ///< of the known ones
  bool lacks_training_set_ = false;

  void take(std::int64_t step, bool untrusted);
  std::vector<int> order_to_save() const;
};

}    // namespace almlip
