// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "train/trainer.h"

namespace almlip::train {

/// Writes the state to `folder`/checkpoint.bin atomically; the folder is made if needed.
/// @param identity  hash of settings and data; only a fit of the same identity may continue
/// @throws Error if it cannot be written
void write_checkpoint(const std::string &folder, const std::string &identity,
                      const TrainingState &state);

/// Reads the state back into one whose optimiser has the right blocks. False if the folder has no
/// checkpoint.
/// @throws Error if the file is damaged, of another version, or of another identity
bool read_checkpoint(const std::string &folder, const std::string &identity, TrainingState &state);

/// Identity of the checkpoint in a folder; empty if it cannot be read, nothing if there is none.
std::optional<std::string> owner_of_checkpoint(const std::string &folder);

}    // namespace almlip::train
