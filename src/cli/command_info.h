// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// Adds `almlip info`: what a potential file holds.
void add_info_command(CLI::App &app);

}    // namespace almlip::cli
