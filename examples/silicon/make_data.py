#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes train.extxyz and test.extxyz of this folder: structures, then labels from first principles.

    . scripts/env.sh && python examples/silicon/make_data.py

Training frames are small perturbations of the crystal. Test frames are drawn independently, from
molecular dynamics with the Stillinger-Weber potential in LAMMPS, from 300 K up to the melt; every
frame comes from a run of its own, with its own volume and velocities. The same seeds give the same
structures; results of finished structures are kept in the cache.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import read

from almlip.frames import BadInput, write_frames
from almlip.labels.batch import label_batch, load_settings, print_progress, split_frames
from almlip.labels.labellers import make_labeller

HERE = Path(__file__).resolve().parent
LATTICE_CONSTANT = 5.47  # Angstrom, PBE

MELT_INPUT = """
units metal
lattice diamond {lattice}
region box block 0 {repeat} 0 1 0 1
create_box 1 box
create_atoms 1 box
mass 1 28.0855
pair_style sw
pair_coeff * * Si.sw Si
timestep 0.001
velocity all create {start} {seed}
fix heat all nvt temp {start} {start} 0.05
run {melt_steps}
unfix heat
fix hold all nvt temp {temperature} {temperature} 0.1
run 6000
write_dump all custom end.dump id element x y z modify element Si sort id format float %.10g
"""


def perturbed(cell, kind, strain, rattle, rng):
    """Frame with all cell vectors deformed by 1 + strain ([3][3]) and normal noise (Angstrom)."""
    atoms = cell.copy()
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    atoms.positions += rng.normal(scale=rattle, size=atoms.positions.shape)
    return finish(atoms, kind)


def training_structures(rng):
    """39 frames: 25 of 8 atoms, 6 of 2 atoms, 8 of 4 atoms, which hold the waves at L."""
    cubic = bulk("Si", "diamond", LATTICE_CONSTANT, cubic=True)
    primitive = bulk("Si", "diamond", LATTICE_CONSTANT)
    frames = [
        perturbed(cubic, "rattled", np.zeros((3, 3)), rattle, rng)
        for rattle in np.linspace(0.01, 0.15, 10)
    ]
    frames += [
        perturbed(cubic, "strained", volume_strain(change), 0.03, rng)
        for change in np.linspace(-0.12, 0.12, 9)
    ]
    frames += [perturbed(cubic, "sheared", shear(0.06, rng), 0.03, rng) for _ in range(6)]
    frames += [
        perturbed(primitive, "primitive", volume_strain(change) + shear(0.03, rng), 0.02, rng)
        for change in np.linspace(-0.12, 0.12, 6)
    ]
    frames += [
        perturbed(primitive * (2, 1, 1), "doubled", volume_strain(change), 0.06, rng)
        for change in np.linspace(-0.08, 0.08, 8)
    ]
    return frames


def volume_strain(change):
    """Isotropic strain [3][3] for a relative change of volume."""
    return ((1 + change) ** (1 / 3) - 1) * np.eye(3)


def shear(size, rng):
    """Random symmetric strain [3][3] without trace, entries up to `size`."""
    strain = rng.uniform(-size, size, size=(3, 3))
    strain = (strain + strain.T) / 2
    return strain - np.trace(strain) / 3 * np.eye(3)


def test_structures(rng):
    """54 frames from molecular dynamics: 48 of 8 atoms, 6 of 16 atoms."""
    plan = [("crystal", temperature, 1, 5) for temperature in (300, 600, 1000, 1400)]
    plan += [("hot", temperature, 1, 5) for temperature in (1800, 2200)]
    plan += [("melt", temperature, 1, 6) for temperature in (1800, 2500, 3500)]
    plan += [("crystal", 1000, 2, 3), ("melt", 2500, 2, 3)]
    return [
        finish(dynamics_snapshot(kind == "melt", temperature, repeat, rng), kind)
        for kind, temperature, repeat, count in plan
        for _ in range(count)
    ]


def dynamics_snapshot(melted, temperature, repeat, rng):
    """Last configuration of a Stillinger-Weber run at a random volume, within -6 % to +9 %."""
    scale = 1 + rng.uniform(-0.02, 0.03)
    text = MELT_INPUT.format(
        lattice=LATTICE_CONSTANT * scale,
        repeat=repeat,
        seed=rng.integers(1, 10**6),
        temperature=temperature,
        start=6000 if melted else 2 * temperature,
        melt_steps=5000 if melted else 0,
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "in.dynamics").write_text(text)
        subprocess.run(["lmp", "-in", "in.dynamics", "-screen", "none"], cwd=folder, check=True)
        return read(Path(folder, "end.dump"), format="lammps-dump-text")


def finish(atoms, kind):
    """Plain periodic frame with 6 decimals and its config_type."""
    frame = Atoms(
        atoms.symbols, np.round(atoms.positions, 6), cell=np.round(atoms.cell.array, 6), pbc=True
    )
    frame.info["config_type"] = kind
    return frame


def label_and_write(labeller, structures, cache, path):
    results = label_batch(labeller, structures, cache, progress=print_progress)
    labelled, quarantined = split_frames(structures, results)
    write_frames(path, labelled)
    print(f"{path.name}: {len(labelled)} frames, {len(quarantined)} set aside")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE, help="folder of the two files")
    parser.add_argument("--cache", type=Path, default=Path("labels"), help="finished structures")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    try:
        if shutil.which("lmp") is None:
            raise BadInput('program "lmp" not found; set up the shell with ". scripts/env.sh"')
        labeller = make_labeller(
            {**load_settings(HERE / "label.json"), "workers": arguments.workers}
        )
        train, test = np.random.default_rng(1).spawn(2)
        label_and_write(
            labeller, training_structures(train), arguments.cache, arguments.output / "train.extxyz"
        )
        label_and_write(
            labeller, test_structures(test), arguments.cache, arguments.output / "test.extxyz"
        )
    except BadInput as error:
        print(f"almlip-label: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
