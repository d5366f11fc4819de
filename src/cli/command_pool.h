// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// Adds `almlip pool`: query strategies compared on pools of formation energies; `almlip pool
/// convert` makes such a pool from saved responses.
void add_pool_command(CLI::App &app);

}    // namespace almlip::cli
