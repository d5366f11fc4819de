// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_TRACE_H
#define LMP_AL_QUERY_TRACE_H

#include "almlip/query/rule.h"
#include "almlip/query/state.h"

#include "almlip/files/append_file.h"

#include <optional>
#include <string>

namespace LAMMPS_NS {

/// A text file with a line for every look: columns for numpy.loadtxt or a plot. Each line is
/// written at once, so that it is there whatever becomes of the run.
class ALQueryTrace {
 public:
  /// Opens the file and writes what the columns are; an old file of that name is lost.
  /// @throws almlip::Error if it cannot be written, or if another fix or process writes to it
  void open(const std::string &path);
  /// A line that cannot be written is left out; the next one is tried again.
  /// @return why it cannot be written, the first time; else empty
  std::string write(const almlip::Observation &, double mean_sigma, const almlip::QueryRule &,
                    const almlip::QueryState &);

 private:
  std::optional<almlip::AppendFile> file;
  bool told = false;
};

}    // namespace LAMMPS_NS

#endif
