// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace CLI {
class App;
}

namespace almlip::cli {

/// Adds `almlip select`: chooses frames that are worth a label from files of candidates.
void add_select_command(CLI::App &app);

}    // namespace almlip::cli
