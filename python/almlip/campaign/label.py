# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels of a part of a round's structures, by `almlip label`."""

import json
import shlex
import sys
from pathlib import Path

from ..frames import write_atomically, write_frames
from .programs import StepFailed, launcher_of, run_program
from .select import BATCH, read_batch
from .settings import inline
from .steps import hash_of


def inputs(plan, part):
    batch = plan.step_folder("select") / BATCH
    return {
        "batch": hash_of(batch),
        "part": [part, plan.parts],
        "labeller": inline(plan.settings["label"]["labeller"]),
        "again": hash_of(*plan.label_again),
    }


def work(plan, folder, part):
    """Leaves labelled.extxyz and labelled.quarantine.extxyz, each with the index of its frames."""
    resources = plan.resources("label")
    frames = read_batch(plan.step_folder("select") / BATCH)
    mine = list(range(int(part), len(frames), plan.parts))
    if not mine:
        return {"frames": 0, "verdicts": {}, "structures": []}
    for index in mine:
        frames[index].info["number"] = index
    write_frames(folder / BATCH, [frames[index] for index in mine])
    report = folder / "labelled.report.json"
    try:
        run_program(command(plan, folder), folder, "label.log", resources["threads"])
    except StepFailed:
        if not report.is_file():
            raise  # else not one has a label here, which the other parts may have
    report = json.loads(report.read_text())
    return {
        "frames": len(mine),
        "verdicts": report["verdicts"],
        "structures": [{**each, "index": mine[each["index"]]} for each in report["structures"]],
    }


def command(plan, folder):
    """The call of `almlip label`; settings that are not a file become one in `folder`."""
    settings = plan.settings["label"]
    labeller = settings["labeller"]
    if isinstance(labeller, dict):
        labeller = folder / "labeller.json"
        inside = {"folder": plan.settings["folder"], **settings["labeller"]}
        write_atomically(labeller, json.dumps(inside, indent=1))
    cache = Path(plan.output, "labels")
    if settings["cache"]:
        cache = Path(plan.settings["folder"], settings["cache"])
    words = [sys.executable, "-m", "almlip.labels", BATCH, "--output", "labelled.extxyz"]
    words += ["--labeller", labeller, "--cache", cache]
    launcher = launcher_of(plan.resources("label"))
    words += ["--launcher", shlex.join(launcher)] if launcher else []
    words += ["--workers", settings["workers"]] if settings["workers"] else []
    return [*words, *(["--retry-failed"] if plan.label_again else [])]
