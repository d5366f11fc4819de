// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace almlip::cli {

/// Folder of this program; empty if the system does not tell.
std::string program_folder();

}    // namespace almlip::cli
