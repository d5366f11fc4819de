// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// Adds `almlip train`: every setting is also a flag.
void add_train_command(CLI::App &app);

}    // namespace almlip::cli
