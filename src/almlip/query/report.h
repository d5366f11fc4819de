// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "almlip/query/rule.h"
#include "almlip/query/state.h"

namespace almlip {

/// Where a run has left what it found.
struct RunFiles {
  std::vector<std::string> batches;    ///< their frames
  std::string spool;                   ///< empty: none
};

/// What the looks of a run could show.
struct LookedAt {
  bool has_novelty = false;
  std::int64_t num_atoms = 0;    ///< of the watched group, at the end
};

/// What a run has shown, in a few lines for people: looks and what became of them, typical and
/// largest uncertainty beside the windows, refusals by reason, batches, and what to try if that is
/// not what one wants.
/// @param where     begins every line
std::string run_report(const QueryState &state, const QueryRule &rule, const RunFiles &files,
                       const LookedAt &looked_at, const std::string &where);

}    // namespace almlip
