# SPDX-License-Identifier: GPL-2.0-or-later
"""A step of a campaign: a folder that appears complete or not at all, made by one process at a time.

    python -m almlip.campaign.steps PLAN STEP

PLAN is the plan.json of a round. STEP is explore.RUN, select, label.PART, judge or fit.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from importlib import import_module

from ..frames import BadInput, write_atomically
from ..processes import die_with_parent, file_hash
from .claim import Claim
from .programs import StepFailed

# Each module has inputs(plan, *arguments) -> JSON data and work(plan, folder, *arguments) -> JSON data.
MODULES = {
    "explore": "almlip.campaign.explore",
    "select": "almlip.campaign.select",
    "label": "almlip.campaign.label",
    "judge": "almlip.campaign.judge",
    "fit": "almlip.campaign.fit",
}
RECORD = "step.json"


class Step:
    """One step of the round that a plan describes."""

    def __init__(self, plan, name):
        kind, _, argument = name.partition(".")
        self.plan = plan
        self.name = name
        self.kind = kind
        self.module = import_module(MODULES[kind])
        self.arguments = [argument] if argument else []
        self.folder = plan.step_folder(name)
        self.marker = plan.folder / "done" / name
        self.failure = plan.folder / "failed" / f"{name}.json"

    def record(self):
        """What is known of the finished step, or None."""
        try:
            return json.loads((self.folder / RECORD).read_text())
        except FileNotFoundError:
            return None

    def is_done(self):
        """Whether its product is there and belongs to the same inputs."""
        record = self.record()
        return record is not None and record["inputs"] == self.inputs()

    def inputs(self):
        """JSON data that decides the product."""
        return self.module.inputs(self.plan, *self.arguments)

    def run(self):
        """Makes the folder, unless it is there already for the same inputs. Raises StepFailed."""
        claim = Claim(self.folder.with_name(f".{self.folder.name}.claim"))
        with claim.acquire(wait=True):
            if not self.is_done():
                self.make(claim)
            self.failure.unlink(missing_ok=True)
            self.marker.parent.mkdir(exist_ok=True)
            for name in self.markers():
                (self.marker.parent / name).write_text("")

    def markers(self):
        """Names of the files that tell Snakemake that the step is done.

        In an array of Slurm, each task is asked for the file of the first one (issue 447 of
        snakemake-executor-plugin-slurm). So a task makes those of all; that its own job succeeded is
        what counts, and the driver looks at the products themselves before it calls Snakemake.
        """
        if "SLURM_ARRAY_TASK_ID" not in os.environ:
            return [self.name]
        return [name for name in self.plan.steps() if name.split(".")[0] == self.kind]

    def make(self, claim):
        for left in self.folder.parent.glob(f".{self.folder.name}.*.work"):
            shutil.rmtree(left, ignore_errors=True)
        work = self.folder.with_name(f".{self.folder.name}.{claim.token}.work")
        work.mkdir(parents=True)
        inputs, start = self.inputs(), time.time()
        try:
            result = self.module.work(self.plan, work, *self.arguments)
        except (StepFailed, BadInput) as error:
            raise StepFailed(self.keep_failure(work, str(error), start)) from error
        record = {
            "step": self.name,
            "id": claim.token,
            "inputs": inputs,
            "result": result,
            "started": start,
            "seconds": time.time() - start,
            "cores": self.plan.resources(self.kind)["cores"]
            * self.plan.resources(self.kind)["threads"],
            "host": os.uname().nodename,
            "job": os.environ.get("SLURM_JOB_ID"),
        }
        write_atomically(work / RECORD, json.dumps(record, indent=1))
        if not claim.held():
            raise StepFailed("another process has taken this step over; its product counts")
        discard(self.folder)
        os.rename(work, self.folder)

    def keep_failure(self, work, message, start):
        """Keeps the folder of a failed attempt, for its logs; returns the message for the user."""
        kept = self.failure.with_suffix("")
        kept.parent.mkdir(exist_ok=True)
        discard(kept)
        os.rename(work, kept)
        message = message.replace(str(work), str(kept))
        failure = {"step": self.name, "message": message, "started": start, "ended": time.time()}
        write_atomically(self.failure, json.dumps(failure, indent=1))
        return message


def discard(folder):
    """Removes a folder such that it is never seen half empty."""
    if folder.exists():
        gone = folder.with_name(f".{folder.name}.{os.getpid()}.gone.work")
        os.rename(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def hash_of(*paths):
    """One hash for the contents of several files, in the given order."""
    return hashlib.sha256("".join(file_hash(path) for path in paths).encode()).hexdigest()


def main(arguments):
    from .plan import Plan

    parent = os.getppid()
    if not os.environ.get("SLURM_JOB_ID"):
        die_with_parent(parent)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    path, name = arguments
    try:
        Step(Plan.read(path), name).run()
    except StepFailed as error:
        print(f"almlip: {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
