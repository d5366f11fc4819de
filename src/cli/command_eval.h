// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// Adds `almlip eval`: errors per config_type, and predictions as frames.
void add_eval_command(CLI::App &app);

}    // namespace almlip::cli
