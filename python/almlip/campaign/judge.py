# SPDX-License-Identifier: GPL-2.0-or-later
"""The labels of a round together, and how well the potential did on them before it learns them."""

import json
from collections import Counter

import numpy as np

from ..frames import read_frames, write_frames
from .programs import StepFailed, find_program, run_program

SCALES = (0.5, 1.0, 1.5, 2.0, 3.0)  # multiples of sigma at which the calibration is told


def inputs(plan):
    return {
        "labels": [plan.result(step)["id"] for step in plan.labels()],
        "potential": plan.previous.get("hash"),
    }


def work(plan, folder):
    """Leaves labelled.extxyz and quarantine.extxyz in the order of the batch, and errors.json.

    Raises StepFailed if there were structures, but not one has a label.
    """
    parts = [plan.result(step)["result"] for step in plan.labels()]
    labelled = gather(plan, "labelled.extxyz")
    refused = gather(plan, "labelled.quarantine.extxyz")
    verdicts = Counter()
    for part in parts:
        verdicts.update(part["verdicts"])
    if refused and not labelled:
        reasons = Counter(str(atoms.info["reason"]) for atoms in refused)
        reason, count = reasons.most_common(1)[0]
        raise StepFailed(f"none of {len(refused)} structures has a label; {count} times: {reason}")
    write_frames(folder / "labelled.extxyz", labelled)
    write_frames(folder / "quarantine.extxyz", refused)
    structures = sorted((s for part in parts for s in part["structures"]), key=lambda s: s["index"])
    found = {
        "labelled": len(labelled),
        "refused": len(refused),
        "verdicts": dict(verdicts),
        "structures": structures,
        "seconds": sum(each["seconds"] for each in structures if not each.get("cached")),
        "errors": None,
        "calibration": None,
    }
    if labelled and plan.potential:
        found |= compare(plan, folder)
    return found


def gather(plan, name):
    """Frames of all parts, in the order of the batch."""
    paths = [plan.step_folder(step) / name for step in plan.labels()]
    frames = [
        atoms
        for path in paths
        if path.is_file() and path.stat().st_size
        for atoms in read_frames(path)
    ]
    frames.sort(key=lambda atoms: atoms.info["number"])
    for atoms in frames:
        del atoms.info["number"]
        for key in ("sigma", "novelty", "predicted_forces"):  # of the potential that chose it
            atoms.arrays.pop(key, None)
    return frames


def compare(plan, folder):
    """Errors of the potential on the labels that it has not learned."""
    command = [find_program("almlip"), "eval", plan.potential, "labelled.extxyz"]
    command += ["--json", "errors.json", "--output", "predicted.extxyz"]
    run_program(command, folder, "eval.log")
    groups = json.loads((folder / "errors.json").read_text())["groups"]
    errors, sigmas = force_errors(read_frames(folder / "predicted.extxyz"))
    scaled = errors / np.maximum(sigmas, 1e-12)
    return {
        "errors": groups,
        "calibration": {
            "scales": SCALES,
            "within": [float(np.mean(scaled < scale)) for scale in SCALES],
            "median_ratio": float(np.median(scaled)),
            "atoms": len(errors),
        },
    }


def force_errors(frames):
    """Length of the force error and sigma of every atom, eV/Angstrom."""
    errors = [
        np.linalg.norm(atoms.get_forces() - atoms.arrays["ref_forces"], axis=1) for atoms in frames
    ]
    return np.concatenate(errors), np.concatenate([atoms.arrays["sigma"] for atoms in frames])
