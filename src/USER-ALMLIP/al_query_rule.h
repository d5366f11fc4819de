// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_RULE_H
#define LMP_AL_QUERY_RULE_H

#include "almlip/query/rule.h"

namespace LAMMPS_NS {

/// Windows and gates of a fix al_query: the one place where units of the input become those of the
/// core.
/// @param num_atoms  of the configuration
/// @throws almlip::Error if thresholds must come from a potential that has none
almlip::QueryRule al_query_rule(const class ALQuerySettings &, const class ALQuerySource &,
                                int num_atoms);

}    // namespace LAMMPS_NS

#endif
