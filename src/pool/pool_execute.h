// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "parallel/ranks.h"
#include "pool/pool_run.h"

namespace almlip::pool {

/// The databases of a study after filtering.
struct StudyData {
  std::vector<PoolEntry> entries;    ///< of all sources, one after the other
  std::vector<int> source;           ///< shape [entries], index of the source
  std::vector<std::vector<PoolEntry>> targets;
  std::vector<std::string>
      notes;    ///< per file: what was read and what was left out, for the summary

  /// Entries of a system, by source.
  std::vector<std::vector<int>> members(const PoolStudy &study, const std::string &system) const;
};

/// Reads and filters all files of a study.
/// @throws Error if a file cannot be used, if nothing passes the filters, or if a system is too
/// small for what is asked
StudyData read_study_data(const PoolStudy &study);

/// Finished runs: [system][series][seed], seeds from study.first_seed on.
using StudyRuns = std::vector<std::vector<std::vector<PoolRun>>>;

/// Runs what is not finished, seeds shared out over the ranks, with progress on stderr; the runs go
/// to `folder`/runs.
/// @return all runs on the first rank, nothing on the others
StudyRuns execute_study(const PoolStudy &study, const StudyData &data, const std::string &folder,
                        const Ranks &ranks);

/// Coordinates of rows of descriptors, standardised over all of them, along their two principal
/// axes, shape [rows][2].
std::vector<double> principal_components(const Rows &descriptors);

/// The split that a study uses for a seed of a system and a protocol.
PoolSplit study_split(const PoolStudy &study, const StudyData &data, const std::string &system,
                      const PoolProtocol &protocol, int seed);

}    // namespace almlip::pool
