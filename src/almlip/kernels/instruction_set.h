// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "almlip/build_settings.h"

namespace almlip {

/// Instruction sets that kernels were compiled for and that this processor has, best first: of
/// "avx512", "avx2", "baseline" (every processor of the kind), or "native" alone (the processor of
/// the machine that compiled).
std::vector<std::string> instruction_sets();

/// The first of them, or the one that the environment variable ALMLIP_INSTRUCTION_SET names.
/// @throws Error if it names none of them
std::string chosen_instruction_set();

}    // namespace almlip
