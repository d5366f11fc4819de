#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "almlip/frame.h"
#include "almlip/selection.h"

namespace almlip {

/// A configuration of a running simulation that may be worth a label. eV and Angstrom.
struct QueryCandidate {
  Frame frame;
  std::vector<double> fingerprint;
  std::int64_t step = 0;
  double max_sigma = 0.0;    ///< over the watched atoms, eV/Angstrom
  double mean_sigma = 0.0;
  std::int64_t worst_atom = 0;    ///< ID of the atom with max_sigma
};

/// Candidates that wait for the choice of a batch; never more than a given number.
///
/// A full buffer of the strategy `uncertainty` gives up its least uncertain candidate. With all
/// others it is a random sample, in which every candidate since the last `clear` is with the same
/// probability.
/// Source: J. S. Vitter, ACM Trans. Math. Softw. 11, 37 (1985), algorithm R
class QueryBuffer {
 public:
  /// @throws Error if capacity < 1
  QueryBuffer(int capacity, Strategy strategy, std::uint64_t seed);

  /// Takes the candidate in; returns whether one had to be given up for it (possibly itself).
  bool add(QueryCandidate candidate);
  void clear();

  const std::vector<QueryCandidate> &candidates() const { return candidates_; }
  int size() const { return static_cast<int>(candidates_.size()); }

 private:
  int place_in_full_buffer(double max_sigma) const;

  int capacity_;
  Strategy strategy_;
  std::uint64_t seed_;
  std::uint64_t num_seen_ = 0;    ///< since the last clear
  std::vector<QueryCandidate> candidates_;
};

/// Why a configuration was not taken.
enum class Refusal {
  above_hi,       ///< prediction not trusted at all
  mindist,        ///< two atoms too close
  fmax,           ///< a force too large
  not_finite,     ///< sigma, position or force is not a number
  duplicate,      ///< the same as a known configuration
  spacing,        ///< too soon after the last one
  buffer_full,    ///< given up by a full buffer
  passed_over     ///< others of its buffer were chosen
};
constexpr int num_refusals = 8;
std::string to_string(Refusal refusal);

/// How often and when configurations were not taken.
struct RefusalTally {
  struct Entry {
    std::int64_t count = 0;
    std::int64_t first_step = 0, last_step = 0;
    double worst = 0.0;    ///< eV/Angstrom or, for mindist, Angstrom; 0 without such a number
  };
  std::array<Entry, num_refusals> entries;

  void add(Refusal refusal, std::int64_t step, double value = 0.0, std::int64_t count = 1);
  const Entry &of(Refusal refusal) const { return entries[static_cast<int>(refusal)]; }
};

}    // namespace almlip
