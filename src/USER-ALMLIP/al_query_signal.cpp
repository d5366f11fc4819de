// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_signal.h"

#include <atomic>
#include <ctime>

using namespace LAMMPS_NS;

/// A batch system tells every process, and so does mpirun, which is told itself: seconds in which
/// it is the same signal.
static constexpr long SAME_SIGNAL = 5;

static std::atomic<long> told_at{0};    // s of the monotonic clock; 0: not told

static void note(int)
{
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const long seconds = static_cast<long>(now.tv_sec) + 1;    // never 0
  if (told_at == 0) {
    told_at = seconds;
  } else if (seconds - told_at > SAME_SIGNAL) {
    std::signal(SIGTERM, SIG_DFL);
    std::raise(SIGTERM);
  }
}

ALQuerySignal::ALQuerySignal()
{
  struct sigaction current {};
  sigaction(SIGTERM, nullptr, &current);
  armed = current.sa_handler == SIG_DFL && (current.sa_flags & SA_SIGINFO) == 0;
  if (!armed) return;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
}

ALQuerySignal::~ALQuerySignal()
{
  if (armed && told_at == 0) std::signal(SIGTERM, SIG_DFL);
}

bool ALQuerySignal::arrived() { return told_at != 0; }
