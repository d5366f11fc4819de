#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the error of the setting in label.json against a denser one, on frames of the test set.

    . scripts/env.sh && python examples/silicon/measure_setting.py

The reference has a cutoff of 35 Ry and k-points 0.25 1/Angstrom apart; all else is the same.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
from ase.build import bulk

from almlip.frames import read_frames
from almlip.labels.batch import label_batch, load_settings, print_progress
from almlip.labels.labellers import make_labeller

HERE = Path(__file__).resolve().parent
FRAMES_PER_GROUP = 3
EV_PER_A3_IN_GPA = 160.21766


def denser(settings):
    """The same settings with a higher cutoff and a denser grid."""
    reference = copy.deepcopy(settings)
    reference["kpoints"]["spacing"] = 0.25
    reference["input_data"]["system"]["ecutwfc"] = 35
    return {**reference, "timeout": 1200}


def pick_frames():
    """{config_type: some 8-atom frames of the test set}."""
    groups = {}
    for atoms in read_frames(HERE / "test.extxyz"):
        if len(atoms) == 8:
            groups.setdefault(atoms.info["config_type"], []).append(atoms)
    return {
        name: group[:: len(group) // FRAMES_PER_GROUP][:FRAMES_PER_GROUP]
        for name, group in groups.items()
    }


def column(results, key, scale=1.0):
    return scale * np.concatenate([np.ravel(result[key]) for result in results])


def print_errors(name, results, references):
    forces = column(results, "forces", 1000) - column(references, "forces", 1000)
    stress = column(results, "stress", EV_PER_A3_IN_GPA) - column(
        references, "stress", EV_PER_A3_IN_GPA
    )
    energy = (column(results, "energy", 1000) - column(references, "energy", 1000)) / 8
    seconds = [np.mean([result["seconds"] for result in group]) for group in (results, references)]
    print(
        f"{name:8s} forces: rms {np.sqrt(np.mean(forces**2)):.0f}, max {np.abs(forces).max():.0f} "
        f"meV/Angstrom; energy: mean {energy.mean():.1f}, spread {energy.std(ddof=1):.1f} meV/atom; "
        f"stress: rms {np.sqrt(np.mean(stress**2)):.2f} GPa; {seconds[0]:.1f} s against "
        f"{seconds[1]:.1f} s"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=Path("labels"))
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    settings = {**load_settings(HERE / "label.json"), "workers": arguments.workers}
    labellers = [make_labeller(each) for each in (settings, denser(settings))]

    def compute(frames):
        return [
            label_batch(each, frames, arguments.cache, progress=print_progress)
            for each in labellers
        ]

    errors = {name: compute(frames) for name, frames in pick_frames().items()}
    cells = [bulk("Si", "diamond", 5.47), bulk("Si", "diamond", 5.47, cubic=True)]
    primitive, cubic = label_batch(labellers[0], cells, arguments.cache)
    for name, (results, references) in errors.items():
        print_errors(name, results, references)
    print(
        f"perfect crystal, 2 against 8 atoms in the cell: "
        f"{1000 * (primitive['energy'] / 2 - cubic['energy'] / 8):.1f} meV/atom"
    )


if __name__ == "__main__":
    main()
