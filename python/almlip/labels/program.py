# SPDX-License-Identifier: GPL-2.0-or-later
"""An electronic-structure program: where it is, which version, how it is started, how it ended."""

import os
import re
import shlex
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

from ..frames import BadInput
from ..processes import describe_exit, die_with_parent, file_hash, last_line, serial_environment
from .labeller import Labeller, Rejected

LAUNCHERS = {"mpirun", "mpiexec", "orterun", "prun", "prterun", "srun", "aprun", "jsrun", "ibrun"}
START = ("command", "launcher", "threads")
STOPPED = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU}


class ProgramLabeller(Labeller):
    """Base of the labellers that start a program.

    command    words of a shell: program and arguments, with or without a launcher: "pw.x",
               "mpirun -n 4 pw.x -nk 2", "srun vasp_std"; a path is relative to `folder`
    launcher   put before `command`: "mpirun -n 4"
    threads    OMP_NUM_THREADS
    version    of the program, part of the key of a label; found out if null
    """

    defaults = {"command": None, "launcher": "", "threads": 1, "version": None}
    probe = None  # (arguments, pattern): how the program tells its version without any input
    package = ""  # what to install, for an error

    def __init__(self, settings):
        super().__init__(settings)
        if not self.settings["command"]:
            raise BadInput('"command" is missing, the program to run')
        self.words = [self.locate(word) for word in shlex.split(self.settings["command"])]
        launcher = shlex.split(self.settings["launcher"])
        if launcher and self.words and name_of(self.words[0]) in LAUNCHERS:
            raise BadInput(
                f'"command" is "{self.settings["command"]}" and "launcher" is '
                f'"{self.settings["launcher"]}", but only one of them may hold a launcher'
            )
        self.words = launcher + self.words
        self.program = find_program(self.words)

    def locate(self, word):
        """A word of the command; a file beside the settings as it is seen from any folder."""
        path = self.folder / word
        beside = path.is_file() and ("/" in word or shutil.which(word) is None)
        return str(path) if beside else word

    def identity(self):
        kept = super().identity()
        for key in START:
            kept.pop(key)
        return {**kept, "version": self.version()}

    def started_as(self):
        return {key: self.settings[key] for key in START}

    def version(self):
        """What the setting says, else what the program says, else a hash of the program."""
        if self.settings["version"]:
            return str(self.settings["version"])
        if self.program and self.probe:
            arguments, pattern = self.probe
            found = re.search(pattern, self.ask(arguments))
            if found:
                return found[1]
        return file_hash(self.program) if self.program else "unknown"

    def ask(self, arguments):
        """What the program prints, without its launcher; nothing where it cannot run like that."""
        try:
            done = subprocess.run(
                [self.program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=serial_environment(1),
                timeout=20,
                cwd="/tmp",
            )
            return done.stdout.decode(errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            return ""

    def check(self, symbols):
        missing = next((w for w in self.words[:1] if shutil.which(w) is None), None)
        if missing is None and self.program is None:
            missing = self.settings["command"]
        if missing:
            raise BadInput(f'program "{missing}" not found; {self.package}set "command"')

    def run(self, folder, arguments, output, environment=None):
        """Runs the command in a folder; returns the exit status. Raises Rejected if it was killed."""
        with open(folder / output, "wb") as out, open(folder / "stderr.txt", "wb") as err:
            done = subprocess.run(
                [*self.words, *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**serial_environment(self.settings["threads"]), **(environment or {})},
                preexec_fn=partial(die_with_parent, os.getpid()),
                check=False,
            )
        status = done.returncode
        by = -status if status < 0 else status - 128  # a launcher's or shell's way to say it
        if by in STOPPED:
            raise Rejected("killed", f"{self.words[0]} {describe_exit(-by)}")
        return status

    def failure(self, folder, status, verdict="crashed"):
        """Rejected with what the program wrote last on stderr."""
        text = (folder / "stderr.txt").read_text(errors="replace")
        said = f"{name_of(self.program)} {describe_exit(status)}; {last_line(text)}"
        return Rejected(verdict, said)

    def broken_off(self, folder, status):
        """Rejected for a program that ended without a word on why.

        A signal of its own, such as SIGSEGV, may be due to the structure; an exit status without an
        error message comes from MPI, the node, too little memory or the installation.
        """
        own_signal = status < 0 or status > 128
        return self.failure(folder, status, "crashed" if own_signal else "killed")


def name_of(word):
    return Path(word).name


def find_program(words):
    """Path of the last word that is a program and no launcher; None if there is none."""
    for word in reversed(words):
        if name_of(word).split(".")[0] not in LAUNCHERS and (found := shutil.which(word)):
            return found
    return None


def reject_separate_copies(text, pattern, launcher):
    """Raises Rejected if several programs wrote one output: their launcher is of another MPI."""
    copies = len(re.findall(pattern, text))
    if copies > 1:
        raise Rejected(
            "crashed",
            f"{copies} separate copies ran side by side: {launcher} belongs to another MPI than "
            f"the program; give the path of its own",
        )
