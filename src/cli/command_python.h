// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// The commands that are written in Python: each ends this program and starts the Python package
/// with the same arguments.
void add_python_commands(CLI::App &app);

}    // namespace almlip::cli
