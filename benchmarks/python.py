#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A loop over many small frames in Python against `almlip eval` on the same file.

    . scripts/env.sh && python benchmarks/python.py potentials/Si.almlip.json

Frames are displaced silicon of eight atoms. `eval` computes energy, forces, stress and sigma of each and compares them with
references; so does the loop "sigma", with ASE's own calls. Both read the same file and the potential, and their times alternate:
the medians are told, in frames per second.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

import almlip


def make_frames(count):
    frames = []
    for seed in range(count):
        atoms = bulk("Si", "diamond", 5.47, cubic=True)
        atoms.rattle(0.1, seed=seed)
        forces = np.zeros((len(atoms), 3))
        atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=forces, stress=np.zeros(6))
        frames.append(atoms)
    return frames


def run_eval(potential, path):
    command = ["almlip", "eval", potential, path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def run_loop(potential, path, sigma):
    calculator = almlip.Calculator(potential)
    for atoms in almlip.read(path):
        reference = atoms.calc.results
        atoms.calc = calculator
        if sigma:
            calculator.get_property("sigma", atoms)
        np.abs(atoms.get_forces() - reference["forces"]).mean()
        abs(atoms.get_potential_energy() - reference["energy"])
        atoms.get_stress()


def run_dynamics(potential, steps):
    """Seconds of `steps` evaluations along a trajectory, in which neighbour lists are kept."""
    atoms = make_frames(1)[0]
    atoms.calc = almlip.Calculator(potential)
    random = np.random.default_rng(1)
    start = time.perf_counter()
    for _ in range(steps):
        atoms.positions += random.normal(0.0, 0.002, atoms.positions.shape)
        atoms.get_forces()
    return time.perf_counter() - start


def seconds(work, *arguments):
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", type=Path)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    times = {"eval": [], "loop with sigma": [], "loop": [], "dynamics": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frames.extxyz")
        almlip.write(path, make_frames(arguments.frames))
        for _ in range(arguments.repeats):
            times["eval"].append(seconds(run_eval, arguments.potential, path))
            times["loop with sigma"].append(seconds(run_loop, arguments.potential, path, True))
            times["loop"].append(seconds(run_loop, arguments.potential, path, False))
            times["dynamics"].append(run_dynamics(arguments.potential, arguments.frames))
    speed = {name: arguments.frames / statistics.median(each) for name, each in times.items()}
    speed["share of eval"] = speed["loop with sigma"] / speed["eval"]
    print(json.dumps({name: round(value, 3) for name, value in speed.items()}, indent=1))


if __name__ == "__main__":
    main()
