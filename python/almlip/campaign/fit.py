# SPDX-License-Identifier: GPL-2.0-or-later
"""The refit of a round, and its errors on the test frames."""

import json
import os
import shutil

from ..frames import write_atomically
from .programs import StepFailed, find_program, launched, run_program
from .settings import inline
from .steps import hash_of

POTENTIAL = "potential.almlip.json"


def training(plan):
    """Files of all labelled frames, those of this round too."""
    new = plan.step_folder("judge") / "labelled.extxyz"
    return [*plan.training, *([str(new)] if new.stat().st_size else [])]


def inputs(plan):
    settings = plan.settings["fit"]
    return {
        "training": hash_of(*training(plan)),
        "test": hash_of(*plan.settings["test"]),
        "settings": inline(settings["settings"]),
        "refit": [settings[key] for key in ("refit", "warm_share", "warm_error")],
        "seed": plan.settings["seed"],
        "previous": plan.previous.get("hash"),
    }


def work(plan, folder):
    """Leaves the potential, its errors and, with test frames, test.json and predicted.extxyz."""
    judged = plan.result("judge")["result"]
    total = plan.previous.get("frames", 0) + judged["labelled"]
    kind, full_frames = "none", plan.previous.get("full_frames", 0)
    if plan.potential and not judged["labelled"]:
        os.link(plan.potential, folder / POTENTIAL)
    else:
        kind = kind_of_fit(plan, judged)
        train(plan, folder, kind)
    info = read_info(folder)
    frames = info["provenance"]["training_frames"] + info["provenance"]["held_out_frames"]
    return {
        "kind": kind,
        "frames": frames if kind != "none" else total,
        "full_frames": frames if kind == "full" else full_frames,
        "hash": info["hash"],
        "held_out": info["provenance"]["errors"]["held_out"]["all"],
        "test": test(plan, folder),
    }


def kind_of_fit(plan, judged):
    """warm or full, by the rule of the settings."""
    settings = plan.settings["fit"]
    if not plan.potential or settings["refit"] == "full":
        return "full"
    if settings["refit"] == "warm":
        return "warm"
    frames = plan.previous["frames"] + judged["labelled"]
    is_small = frames - plan.previous["full_frames"] <= settings["warm_share"] * frames
    honest = judged["errors"]["all"]["force_mae"]
    was_good = honest <= settings["warm_error"] * plan.previous["held_out"]["force_mae"]
    return "warm" if is_small and was_good else "full"


# A label of a frame that an atom has evaporated from does not end the campaign.
DEFAULTS = {"isolated_atoms": "skip"}


def train(plan, folder, kind):
    """Runs almlip train; after a stop it goes on from its checkpoint."""
    resources = plan.resources("fit")
    settings = {**DEFAULTS, **inline(plan.settings["fit"]["settings"])}
    write_atomically(folder / "fit.json", json.dumps(settings))
    checkpoint = plan.folder / "checkpoint"
    command = [find_program("almlip"), "train", "fit.json", "--train", *training(plan)]
    command += ["--elements", *plan.settings["elements"], "--seed", plan.settings["seed"]]
    command += ["--output", POTENTIAL, "--checkpoint", checkpoint]
    command += ["--start", plan.potential] if kind == "warm" else []
    run_program(launched(resources, command), folder, "train.log", resources["threads"])
    shutil.rmtree(checkpoint, ignore_errors=True)


def read_info(folder):
    run_program([find_program("almlip"), "info", POTENTIAL, "--json"], folder, "info.json")
    try:
        return json.loads((folder / "info.json").read_text())
    except ValueError as error:
        raise StepFailed(
            f"{folder / 'info.json'}: not what almlip info prints ({error})"
        ) from error


def test(plan, folder):
    """Errors on the test frames by group, or None."""
    frames = plan.settings["test"]
    if not frames:
        return None
    command = [find_program("almlip"), "eval", POTENTIAL, *frames]
    command += ["--json", "test.json", "--output", "predicted.extxyz"]
    run_program(command, folder, "eval.log")
    return json.loads((folder / "test.json").read_text())["groups"]
