# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps that leave their product at once or not at all: a campaign resumes after any stop."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

from ..frames import write_atomically
from ..processes import die_with_parent, file_hash, last_line


class StepFailed(Exception):
    """A program failed; the message is one line for the user."""


def run_step(folder, inputs, work):
    """Makes `folder` by work(partial_folder), unless it is there already for the same inputs.

    inputs   JSON data that decides the product (parameters, hashes of files)
    work     fills the partial folder; may return JSON data, kept with the step
    Returns (result of work, seconds it took, whether it ran now). The folder gets its name by one
    rename after everything is written.
    """
    folder = Path(folder)
    record = folder / "step.json"
    if record.is_file():
        step = json.loads(record.read_text())
        if step["inputs"] == inputs:
            return step["result"], step["seconds"], False
    partial = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    start = time.monotonic()
    result = work(partial)
    step = {"inputs": inputs, "result": result, "seconds": time.monotonic() - start}
    write_atomically(partial / record.name, json.dumps(step, indent=1))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    return result, step["seconds"], True


def run_program(command, folder, log):
    """Runs a command in `folder` with its output in folder/log. Raises StepFailed."""
    log = Path(folder) / log
    with open(log, "w", encoding="utf-8") as output:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    if done.returncode != 0:
        reason = error_line(log.read_text(errors="replace"))
        raise StepFailed(
            f"{Path(command[0]).name} failed (status {done.returncode}): {reason}; see {log}"
        )


def error_line(text):
    """The last line that begins with ERROR, as LAMMPS writes it, else the last line."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    return last_line(errors[-1] if errors else text)


def hash_of(*paths):
    """One hash for the contents of several files, in the given order."""
    return hashlib.sha256("".join(file_hash(path) for path in paths).encode()).hexdigest()
