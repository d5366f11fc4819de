// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_TRACE_H
#define LMP_AL_QUERY_TRACE_H

#include "almlip/query/rule.h"
#include "almlip/query/state.h"

#include <cstdio>
#include <memory>
#include <string>

namespace LAMMPS_NS {

/// A text file with a line for every look: columns for numpy.loadtxt or a plot. Each line is
/// written at once, so that it is there whatever becomes of the run.
class ALQueryTrace {
 public:
  /// Opens the file and writes what the columns are; an old file of that name is lost.
  /// @throws almlip::Error if it cannot be opened
  void open(const std::string &path);
  bool is_open() const { return file != nullptr; }
  /// @throws almlip::Error if it cannot be written
  void write(const almlip::Observation &, double mean_sigma, const almlip::QueryRule &,
             const almlip::QueryState &);

 private:
  struct Closer {
    void operator()(FILE *f) const { fclose(f); }
  };
  std::unique_ptr<FILE, Closer> file;
  std::string path;
};

}    // namespace LAMMPS_NS

#endif
