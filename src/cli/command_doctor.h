// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// Adds `almlip doctor`: versions, MPI flavour, and whether the plugin loads.
void add_doctor_command(CLI::App &app);

}    // namespace almlip::cli
