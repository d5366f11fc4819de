# SPDX-License-Identifier: GPL-2.0-or-later
"""What is labelled in a round: in round 0 the starting structures, later one choice over all spools."""

import json
from collections import Counter
from pathlib import Path

from ..frames import read_frames, write_frames
from .programs import find_program, run_program
from .steps import hash_of

BATCH = "batch.extxyz"
FLAGS = ("threshold", "reference", "mindist", "fmax")


def inputs(plan):
    if not plan.number:
        return {"structures": hash_of(*plan.settings["start"]["structures"])}
    chosen = {key: plan.settings["select"][key] for key in ("count", "strategy", *FLAGS)}
    return {
        "settings": {**chosen, "reference": hash_of(*chosen["reference"])},
        "seed": plan.settings["seed"],
        "potential": hash_of(plan.potential),
        "runs": [plan.result(step)["id"] for step in plan.explores()],
        "again": hash_of(*plan.label_again),
    }


def work(plan, folder):
    """Leaves batch.extxyz, which may hold no frame."""
    found = choose(plan, folder) if plan.number else take_all(plan, folder)
    again = [atoms for file in plan.label_again for atoms in read_frames(file)]
    if again:
        for atoms in again:
            atoms.info = {"config_type": atoms.info.get("config_type", "again")}
        write_frames(folder / BATCH, read_batch(folder / BATCH) + again)
    return {**found, "again": len(again)}


def take_all(plan, folder):
    files = plan.settings["start"]["structures"]
    frames = [atoms for file in files for atoms in read_frames(file)]
    for atoms in frames:
        atoms.calc = None
        atoms.info.setdefault("config_type", "start")
    write_frames(folder / BATCH, frames)
    return {"chosen": len(frames), "candidates": len(frames), "scenarios": {"start": len(frames)}}


def choose(plan, folder):
    spools = {
        str(plan.step_folder(step) / spool): plan.runs[step.partition(".")[2]]["scenario"]
        for step in plan.explores()
        for spool in plan.result(step)["result"]["spools"]
        if any((plan.step_folder(step) / spool).glob("*.extxyz"))
    }
    if not spools:
        write_frames(folder / BATCH, [])
        return {"chosen": 0, "candidates": 0, "scenarios": {}, "refused": {}}
    settings = plan.settings["select"]
    command = [find_program("almlip"), "select", plan.potential, *spools]
    command += ["--count", settings["count"], "--strategy", settings["strategy"], "--manifest"]
    command += ["--seed", plan.settings["seed"] + plan.number, "--output", BATCH]
    command += flags(settings)
    known = [*plan.training, *plan.refused]
    run_program([*command, *(["--known", *known] if known else [])], folder, "select.log")
    return summarise(folder, spools)


def flags(settings):
    """Words for `almlip select`. A limit of null is none: each run has refused by its input's own."""
    given = {**settings, "mindist": settings["mindist"] or 0, "fmax": settings["fmax"] or 0}
    for flag in FLAGS:
        value = given[flag]
        if value not in (None, []):
            yield f"--{flag}"
            yield from value if isinstance(value, list) else [value]


def summarise(folder, spools):
    """Counts of candidates, choices by scenario and refusals by reason; names the scenarios."""
    batch = folder / BATCH
    frames = read_batch(batch)
    for atoms in frames:
        source = str(atoms.info.get("selected_from", ""))
        scenario = next((name for spool, name in spools.items() if source.startswith(spool)), "?")
        atoms.info["config_type"] = scenario
        atoms.info.pop("selected_from", None)
        atoms.info["run"] = str(Path(source).parent.parent.name)
    write_frames(batch, frames)
    manifest = json.loads(batch.with_suffix(".json").read_text())
    return {
        "chosen": len(frames),
        "candidates": manifest["candidates"],
        "scenarios": dict(Counter(atoms.info["config_type"] for atoms in frames)),
        "refused": {each["reason"]: each["count"] for each in manifest["rejections"]},
    }


def read_batch(path):
    """Frames of a batch, which may be empty."""
    return read_frames(path) if path.stat().st_size else []
