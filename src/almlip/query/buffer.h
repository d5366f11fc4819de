// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

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
  AtomPoints atoms;    ///< for the strategy alc_atoms only
  std::int64_t step = 0;
  double max_sigma = 0.0;    ///< over the watched atoms, eV/Angstrom
  double mean_sigma = 0.0;
  std::int64_t worst_atom = 0;    ///< ID of the atom with max_sigma
  double max_novelty = 0.0;       ///< over the watched atoms
  std::string why = "window";     ///< it is a candidate: "window", "above_hi" or "before"
  bool keep = false;              ///< too valuable for the lottery of a full buffer
};

/// Candidates that wait for the choice of a batch; never more than a given number.
///
/// A full buffer of the strategy `uncertainty` gives up its least uncertain candidate. With all
/// others it is a random sample, in which every candidate since the last `clear` is with the same
/// probability. Candidates to keep are no part of that, until they are half of the buffer.
/// Source: J. S. Vitter, ACM Trans. Math. Softw. 11, 37 (1985), algorithm R
class QueryBuffer {
 public:
  /// @throws Error if capacity < 1
  QueryBuffer(int capacity, Strategy strategy, std::uint64_t seed);

  /// Takes the candidate in; returns whether one had to be given up for it (possibly itself).
  bool add(QueryCandidate candidate);
  void clear();
  /// Goes on as the buffer that had seen so many candidates and held these.
  void restore(std::uint64_t num_seen, std::vector<QueryCandidate> candidates);

  /// Leaves fewer atoms of every candidate for the choice by atoms, if the points of this many
  /// would take more memory than 500 MB.
  /// @return  how many atoms a candidate may have; halves of `max_atoms`, at least 8
  int thin_atoms(int max_atoms, int num_descriptors);

  const std::vector<QueryCandidate> &candidates() const { return candidates_; }
  int size() const { return static_cast<int>(candidates_.size()); }
  bool prefers_uncertain() const { return strategy_ == Strategy::uncertainty; }
  std::uint64_t num_seen() const { return num_seen_; }

 private:
  std::vector<int> in_the_lottery() const;
  int place_in_full_buffer(const QueryCandidate &candidate) const;

  int capacity_;
  Strategy strategy_;
  std::uint64_t seed_;
  std::uint64_t num_seen_ = 0;    ///< in the lottery since the last clear
  std::vector<QueryCandidate> candidates_;
};

}    // namespace almlip
