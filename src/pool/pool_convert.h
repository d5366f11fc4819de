// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pool/pool_entry.h"

namespace almlip::pool {

/// Entries of saved responses of public database interfaces, plain or gzip. The kind of a response
/// is recognised by its fields:
///   Materials Project `materials/summary`: {"data": [{"material_id", "structure",
///   "formation_energy_per_atom", "band_gap", "energy_above_hull", "efermi", "total_magnetization",
///   ...}]}, or the bare list OQMD `oqmdapi/formationenergy`: {"data": [{"entry_id", "name",
///   "delta_e", "band_gap", "stability", "unit_cell", "sites", ...}]}
/// Rows that cannot be used are counted as `read_pool` counts them; partly occupied sites as well.
/// @throws Error that names the file if it is not such a response
Pool convert_responses(const std::vector<std::string> &paths);

}    // namespace almlip::pool
