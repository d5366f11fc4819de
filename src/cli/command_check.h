// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// Adds `almlip check FRAMES... [--potential POT] [--fix FIXED.extxyz]`.
void add_check_command(CLI::App &app);

}    // namespace almlip::cli
