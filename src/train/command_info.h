#pragma once

namespace CLI {
class App;
}

namespace almlip {

/// Adds `almlip info`: what a potential file holds.
void add_info_command(CLI::App &app);

}    // namespace almlip
