// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pool/pool_entry.h"

namespace almlip::pool {

/// Reads a pool, plain or gzip. What the file is follows from its name without ".gz":
///   .jsonl   one object per line: `formula` or `species`, `formation_energy_per_atom` (eV/atom),
///   `band_gap` (eV); optional `id`, `lattice` (rows,
///            Angstrom), `frac_coords`, `e_above_hull` (or `e_above_hull_est`), `fermi_energy`,
///            `total_magnetization`, `suspect`
///   .csv     a header line with the same names but without structure; a field may stand in double
///   quotes .xyz, .extxyz  extended XYZ with the same names as key=value in the comment line
/// Rows without a formation energy or band gap, with numbers that are not finite, with an unknown
/// element or a formula that is not understood are left out and counted.
/// @throws Error that names the file and the line if the file is not of its format, or holds no row
/// at all
Pool read_pool(const std::string &path);

/// Writes entries as JSON lines that `read_pool` understands; atomically.
void write_pool(const std::string &path, const std::vector<PoolEntry> &entries);

/// Entry of one JSON object as `read_pool` understands it, given as text. Appends it to the pool,
/// or counts why not.
/// @throws Error that begins with `where` if it is not a JSON object
void append_json_entry(Pool &pool, const std::string &text, const std::string &where);

}    // namespace almlip::pool
