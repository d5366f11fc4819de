#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "almlip/frame.h"
#include "almlip/query/buffer.h"
#include "almlip/selection.h"

namespace almlip {

/// What the manifest of a batch tells beside the frames themselves.
struct BatchRecord {
  std::string reason;       ///< why it was chosen now: "trigger", "above_hi" or "end_of_run"
  std::int64_t step = 0;    ///< of the simulation when it was chosen
  std::string potential;    ///< content hash of the potential file
  std::string lammps;       ///< version of LAMMPS
  std::string units;    ///< unit style of the simulation; the manifest itself is in eV and Angstrom
  double lo = 0.0, hi = 0.0;    ///< eV/Angstrom
  double mindist = 0.0;         ///< Angstrom
  double fmax = 0.0;            ///< eV/Angstrom
  SelectionSettings selection;
  std::vector<std::pair<std::string, std::int64_t>> periods;    ///< further settings, whole numbers
  std::vector<std::pair<std::string, std::int64_t>> counts;     ///< counters since the start
  RefusalTally refusals;                                        ///< since the batch before
};

/// Adds to a frame's `info` why it was chosen: strategy, score, cluster and distance (the last two
/// where there is one).
void explain(Frame &frame, const Choice &choice, Strategy strategy);

/// First number for which neither PREFIX.NNNN.extxyz nor PREFIX.NNNN.json exists, from 1.
int first_free_batch(const std::string &prefix);

/// PREFIX.NNNN
std::string batch_stem(const std::string &prefix, int number);

/// Text of the manifest, JSON.
std::string manifest(const std::vector<QueryCandidate> &candidates,
                     const std::vector<Choice> &choices, const BatchRecord &record);

/// Writes PREFIX.NNNN.extxyz and then, as a sign that the batch is complete, PREFIX.NNNN.json, each
/// atomically.
/// @return  the stem PREFIX.NNNN; NNNN is the first free number
/// @throws Error if a file cannot be written
std::string write_batch(const std::string &prefix, const std::vector<QueryCandidate> &candidates,
                        const std::vector<Choice> &choices, const BatchRecord &record);

}    // namespace almlip
