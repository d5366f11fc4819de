// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pool/pool_run.h"

namespace almlip::pool {

/// Folder of finished runs, one file each, so that a study that was stopped goes on where it was.
class PoolStore {
 public:
  /// Creates the folder if there is none.
  /// @throws Error if that fails
  explicit PoolStore(const std::string &folder);

  /// The run of a series on a system and seed if it is finished, and with the same settings and
  /// data.
  std::optional<PoolRun> read(const std::string &system, const std::string &series, int seed,
                              const std::string &settings) const;

  /// Writes a finished run; atomically.
  void write(const std::string &system, const std::string &series, int seed,
             const std::string &settings, const PoolRun &run) const;

 private:
  std::string path(const std::string &system, const std::string &series, int seed) const;

  std::string folder_;
};

/// A name as part of a file name: letters, digits, "-", "." stay, everything else becomes "_".
std::string file_name_of(const std::string &name);

}    // namespace almlip::pool
