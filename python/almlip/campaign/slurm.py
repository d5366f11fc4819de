# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver must know of Slurm: how to ask it, and which jobs of an earlier driver are left."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import time
from pathlib import Path

from ..frames import BadInput

OVER = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
        "PREEMPTED", "REVOKED", "TIMEOUT")  # fmt: skip
PATIENCE = 600  # seconds in which a controller that does not answer may come back
STATUS_ATTEMPTS = PATIENCE // 10  # a client gives a controller that does not answer 9 s
PASSING = ("Unable to contact", "timed out", "temporarily unable")  # reasons of sbatch that pass
LOST = "lost"  # instead of an exit status: Snakemake waited for jobs that Slurm does not know


class Slurm:
    """The Slurm of this machine, and the jobs of one folder of results."""

    def __init__(self, output):
        """Raises BadInput if there is no Slurm."""
        self.output = Path(output)
        for program in ("sbatch", "squeue", "scancel", "scontrol"):
            if shutil.which(program) is None:
                raise BadInput(
                    f"{program} is not on PATH: this is no machine that submits to Slurm"
                )

    def flags(self, settings):
        """Flags of Snakemake that depend on this Slurm and on the settings of the campaign."""
        found = ["--slurm-status-attempts", STATUS_ATTEMPTS]
        if re.search(
            r"AccountingStorageType\s*=\s*accounting_storage/none",
            self.ask("scontrol", "show", "config"),
        ):
            found += ["--slurm-status-command", "squeue"]
        sections = [
            settings.get("slurm", {}),
            *(settings[k].get("slurm", {}) for k in ("explore", "label", "fit")),
        ]
        if not any("account" in section for section in sections):
            found += ["--slurm-no-account"]
        return found

    def was_out_of_reach(self, log, begin, status):
        """Whether a call of Snakemake failed for jobs that it could not send, or lost sight of.

        log, begin  what it said, from this byte on
        """
        with open(log, "rb") as file:
            file.seek(begin)
            reason = why_not_sent(file.read().decode(errors="replace"))
        return status == LOST or any(words in reason for words in PASSING)

    def ask(self, *command):
        """Output of a command of Slurm; waits for a controller that is being restarted. Raises BadInput."""
        end = time.monotonic() + PATIENCE
        while True:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if done.returncode == 0:
                return done.stdout
            if time.monotonic() > end:
                reason = " ".join(done.stderr.split())
                raise BadInput(f"Slurm does not answer: {shlex.join(command)}: {reason}")
            time.sleep(5)

    def jobs(self):
        """{job: state} of the jobs of this folder that are not over."""
        lines = self.ask("squeue", "--noheader", "--array", "--format=%i|%T|%Z").splitlines()
        rows = [line.split("|", 2) for line in lines if line.count("|") >= 2]
        return {
            job: state
            for job, state, where in rows
            if Path(where) == self.output and state not in OVER
        }

    def settle(self, say):
        """Jobs of a driver that was killed: those that wait are cancelled, those that run may end."""
        told = set()
        while jobs := self.jobs():
            waiting = [job for job, state in jobs.items() if state == "PENDING"]
            if waiting:
                subprocess.run(["scancel", *waiting], capture_output=True)
            running = sorted(set(jobs) - set(waiting))
            if running and not told.issuperset(running):
                say(f"waiting for jobs of an earlier driver: {', '.join(running)}")
                told.update(running)
            time.sleep(5)

    def environment(self, environment):
        """The same, with an srun that knows SLURM_CONF: the executor takes it away from job steps."""
        conf = environment.get("SLURM_CONF")
        srun = shutil.which("srun")
        if not conf or not srun:
            return environment
        folder = self.output / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "srun"
        if srun != str(script):
            script.write_text(
                f'#!/bin/sh\nSLURM_CONF={shlex.quote(conf)} exec {shlex.quote(srun)} "$@"\n'
            )
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return {**environment, "PATH": f"{folder}{os.pathsep}{environment['PATH']}"}


def why_not_sent(text):
    """The reason of sbatch why it did not take the last job, by what Snakemake said; or an empty text."""
    reasons = re.findall(r"sbatch failed.*?error message was '(.*?)'", text, re.DOTALL)
    return " ".join(reasons[-1].split()) if reasons else ""


class Watch:
    """Notices when Snakemake waits for jobs that are not there any more."""

    def __init__(self, slurm, log, patience=300.0, interval=30.0):
        self.slurm = slurm
        self.log = log
        self.patience = patience
        self.interval = interval
        self.quiet_since = None
        self.next_look = time.monotonic() + interval

    def is_lost(self):
        """True if for the patience no job was in the queue and Snakemake said nothing."""
        if time.monotonic() < self.next_look:
            return False
        self.next_look = time.monotonic() + self.interval
        spoke = time.time() - self.log.stat().st_mtime < self.interval
        if spoke or self.slurm.jobs():
            self.quiet_since = None
            return False
        self.quiet_since = self.quiet_since or time.monotonic()
        return time.monotonic() - self.quiet_since > self.patience
