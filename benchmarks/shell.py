# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that the benchmarks start."""

import subprocess
import sys


def run(*words):
    """Runs a program to its end; if it fails, so does the benchmark, with what the program said."""
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
