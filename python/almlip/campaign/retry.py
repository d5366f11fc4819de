# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip campaign retry`: does a step again, or labels again what could not be labelled."""

import json
import os
import time

from ..frames import BadInput, write_atomically
from .claim import Claim, Claimed
from .driver import read_rows
from .plan import Plan, round_folder
from .status import KINDS

AGAIN = "label-again.json"  # files of refused structures that go into the next batch once more


def retry_step(output, number, kind, name=None):
    """Moves the product of a step, and of all that follows it, to OUTPUT/discarded; says what.

    name   of one run or part of the step, such as "melt-1"; all of them if None
    Raises BadInput.
    """
    if kind not in KINDS:
        raise BadInput(f'there is no step "{kind}"; there are {", ".join(KINDS)}')
    folder = round_folder(output, number)
    if not (folder / "plan.json").is_file():
        begun = last_round(output) + 1
        rounds = f"it has rounds 0 to {begun - 1}" if begun else "no round has begun"
        raise BadInput(f"{output}: there is no round {number}; {rounds}")
    plan = Plan.read(folder / "plan.json")
    steps = [step for step in plan.steps() if step.split(".")[0] == kind]
    if name is not None:
        if f"{kind}.{name}" not in steps:
            known = ", ".join(step.partition(".")[2] for step in steps)
            raise BadInput(f"round {number} has no {kind} {name}; it has {known}")
        steps = [f"{kind}.{name}"]
    later = [s for s in plan.steps() if KINDS.index(s.split(".")[0]) > KINDS.index(kind)]
    with only_here(output):
        bin_folder = output / "discarded" / time.strftime("%Y%m%d-%H%M%S")
        bin_folder.mkdir(parents=True, exist_ok=True)
        gone = [plan.step_folder(step) for step in [*steps, *later]]
        gone += [folder / "round.json", folder / "checkpoint"]
        gone += [round_folder(output, each) for each in range(number + 1, last_round(output) + 1)]
        moved = [path for path in gone if path.exists()]
        for path in moved:
            os.rename(path, bin_folder / "-".join(path.relative_to(output / "rounds").parts))
    return moved


def last_round(output):
    """The open round, if it has begun, else the last one that is done."""
    done = len(read_rows(output))
    return done if round_folder(output, done).is_dir() else done - 1


def retry_labels(output):
    """Lets the next round label again what has no label; returns how many structures."""
    with only_here(output):
        rows, before = read_rows(output), read_again(output)
        refused = [row for row in rows if row["refused"] and row["round"] >= before]
        files = [
            str(round_folder(output, row["round"]) / "judge" / "quarantine.extxyz")
            for row in refused
        ]
        if files:
            write_atomically(output / AGAIN, json.dumps({"round": len(rows), "files": files}))
    return sum(row["refused"] for row in refused)


def read_again(output):
    """The round in which refused structures were labelled once more; those before it are settled."""
    path = output / AGAIN
    return json.loads(path.read_text())["round"] if path.is_file() else 0


def only_here(output):
    """The claim of the driver. Raises BadInput if one is at work."""
    try:
        return Claim(output / "driver.claim").acquire()
    except Claimed as claimed:
        raise BadInput(f"{output}: a driver is at work here, {claimed}; stop it first") from claimed
