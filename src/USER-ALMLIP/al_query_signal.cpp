// SPDX-License-Identifier: GPL-2.0-or-later
#include "al_query_signal.h"

using namespace LAMMPS_NS;

static volatile std::sig_atomic_t told_to_end = 0;

static void note(int) { told_to_end = 1; }

ALQuerySignal::ALQuerySignal()
{
  struct sigaction current {};
  sigaction(SIGTERM, nullptr, &current);
  armed = current.sa_handler == SIG_DFL && (current.sa_flags & SA_SIGINFO) == 0;
  if (!armed) return;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
}

ALQuerySignal::~ALQuerySignal()
{
  if (armed && told_to_end == 0) std::signal(SIGTERM, SIG_DFL);
}

bool ALQuerySignal::arrived() { return told_to_end != 0; }
