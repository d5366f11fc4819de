// SPDX-License-Identifier: GPL-2.0-or-later
#include "parallel/interruption.h"

#include <csignal>
#include <initializer_list>

namespace almlip {

namespace {

volatile std::sig_atomic_t caught = 0;

void note(int signal) { caught = signal; }

void handle(void (*handler)(int))
{
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = static_cast<int>(SA_RESETHAND);    // the second one is not held up
    sigaction(signal, &action, nullptr);
  }
}

}    // namespace

Interruption::Interruption()
{
  caught = 0;
  handle(note);
}

Interruption::~Interruption() { handle(SIG_DFL); }

int Interruption::signal() { return caught; }

}    // namespace almlip
