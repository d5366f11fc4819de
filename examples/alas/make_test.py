#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes test.extxyz: the ends of runs of molecular dynamics with a potential, labelled by pw.x.

    . scripts/env.sh && python examples/alas/make_test.py AlAs.almlip.json

Each frame comes from a run of its own in ASE, with its own volume and velocities, which no campaign sees.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import units
from ase.io import read
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from make_structures import HERE, named

from almlip import Calculator
from almlip.frames import write_frames
from almlip.labels.batch import label_batch, print_progress, split_frames
from almlip.labels.settings_file import read_labeller

PLAN = {  # kind: file of its structures, K, runs of each
    "crystal": ("crystal", (300, 600, 1000, 1400), 1),
    "vacancy": ("vacancy", (300, 900, 1200), 1),  # one of each element
    "antisite": ("antisite", (300, 900, 1200), 2),
    "melt": ("crystal", (2000, 3000), 2),
}
MELTING = 5000  # K
STEPS = 2000  # fs


def heat(atoms, temperature, rng):
    """Canonical dynamics at a constant volume."""
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=rng)
    friction = 0.01 / units.fs
    Langevin(atoms, units.fs, temperature_K=temperature, friction=friction, rng=rng).run(STEPS)


def snapshot(structure, kind, temperature, calculator, rng):
    """The end of a run at a random volume, within -6 to +9 %."""
    atoms = structure.copy()
    atoms.set_cell(atoms.cell * (1 + rng.uniform(-0.02, 0.03)), scale_atoms=True)
    atoms.calc = calculator
    if kind == "melt":
        heat(atoms, MELTING, rng)
    heat(atoms, temperature, rng)
    atoms.wrap()
    return named(atoms, kind)


def snapshots(calculator, rng):
    for kind, (file, temperatures, runs) in PLAN.items():
        for structure in read(HERE / f"{file}.extxyz", index=":"):
            for temperature in temperatures:
                for _ in range(runs):
                    yield snapshot(structure, kind, temperature, calculator, rng)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", type=Path)
    parser.add_argument("--output", type=Path, default=HERE / "test.extxyz")
    parser.add_argument("--cache", type=Path, default=Path("labels"), help="finished structures")
    arguments = parser.parse_args()
    frames = list(snapshots(Calculator(arguments.potential), np.random.default_rng(2)))
    labeller = read_labeller(HERE / "labeller.yaml")
    results = label_batch(labeller, frames, arguments.cache, progress=print_progress)
    labelled, refused = split_frames(frames, results)
    write_frames(arguments.output, labelled)
    print(f"{arguments.output}: {len(labelled)} frames, {len(refused)} refused")


if __name__ == "__main__":
    main()
