// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "almlip/frame.h"
#include "almlip/query/buffer.h"
#include "almlip/query/refusal.h"
#include "almlip/query/rule.h"
#include "almlip/selection.h"

namespace almlip {

/// What the manifest of a batch tells beside the frames themselves.
struct BatchRecord {
  std::string reason;       ///< why it was chosen now: "trigger", "above_hi" or "end_of_run"
  std::int64_t step = 0;    ///< of the simulation when it was chosen
  std::string potential;    ///< content hash of the potential file
  std::string lammps;       ///< version of LAMMPS
  std::string units;    ///< unit style of the simulation; the manifest itself is in eV and Angstrom
  QueryRule rule;       ///< by which the candidates were found
  SelectionSettings selection;
  std::vector<std::pair<std::string, std::int64_t>> periods;    ///< further settings, whole numbers
  std::vector<std::pair<std::string, std::int64_t>> counts;     ///< counters since the start
  RefusalTally refusals;                                        ///< since the batch before
};

/// Adds to a frame's `info` why it was chosen: strategy, score, cluster and distance (the last two
/// where there is one).
void explain(Frame &frame, const Choice &choice, Strategy strategy);

/// PREFIX.NNNN
std::string batch_stem(const std::string &prefix, int number);

/// Text of the manifest, JSON.
std::string manifest(const std::vector<QueryCandidate> &candidates,
                     const std::vector<Choice> &choices, const BatchRecord &record);

/// Writes PREFIX.NNNN.extxyz and then, as a sign that the batch is complete, PREFIX.NNNN.json, each
/// atomically. NNNN is the first number, from `first` on, for which there is neither, nor the
/// frames with gzip. No two processes get the same.
/// @return  NNNN
/// @throws Error if a file cannot be written
int write_batch(const std::string &prefix, const std::vector<QueryCandidate> &candidates,
                const std::vector<Choice> &choices, const BatchRecord &record, int first = 1);

}    // namespace almlip
