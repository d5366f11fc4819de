# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that may take so long and no longer, whose lines are read as they come."""

import subprocess
import threading

GRACE = 10  # s, between SIGTERM and SIGKILL


class Program:
    """Starts at once; `problem` is known after the last line, and empty if all went well.

    limit   seconds after which the program is ended
    """

    def __init__(self, command, limit, **settings):
        self.problem, self.limit, self.late = "", limit, False
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            **settings,
        )

    def lines(self):
        timers = [
            threading.Timer(self.limit, self.end),
            threading.Timer(self.limit + GRACE, self.process.kill),
        ]
        for timer in timers:
            timer.start()
        try:
            yield from self.process.stdout
            status = self.process.wait()
        finally:
            for timer in timers:
                timer.cancel()
        if self.late:
            self.problem = f"not done after {self.limit:.0f} s"
        elif status != 0:
            self.problem = f"ended with status {status}"

    def end(self):
        self.late = True
        self.process.terminate()
