#pragma once

#include <string>

namespace almlip::cli {

/// Folder of this program; empty if the system does not tell.
std::string program_folder();

}    // namespace almlip::cli
