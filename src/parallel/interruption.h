// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace almlip {

/// While it lives, the first SIGINT or SIGTERM is only noted, so that work can end in good order;
/// a second one ends the process as usual.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption &) = delete;
  Interruption &operator=(const Interruption &) = delete;

  /// The signal that came since the object was made; 0 if none did.
  static int signal();
};

}    // namespace almlip
