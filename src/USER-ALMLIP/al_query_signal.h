// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef LMP_AL_QUERY_SIGNAL_H
#define LMP_AL_QUERY_SIGNAL_H

#include <csignal>

namespace LAMMPS_NS {

/// Lets a run end softly when a batch system sends SIGTERM before it kills. Only while it lives,
/// and only where nobody else handles that signal. A second signal that comes more than a few
/// seconds later ends the process at once.
class ALQuerySignal {
 public:
  ALQuerySignal();
  ~ALQuerySignal();
  ALQuerySignal(const ALQuerySignal &) = delete;
  ALQuerySignal &operator=(const ALQuerySignal &) = delete;

  /// Whether this process was told to end, ever.
  static bool arrived();

 private:
  bool armed = false;
};

}    // namespace LAMMPS_NS

#endif
