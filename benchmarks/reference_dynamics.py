# SPDX-License-Identifier: GPL-2.0-or-later
"""Molecular dynamics in a LAMMPS process of its own, and labels from the reference potential of a system."""

import io
import pathlib
import subprocess
from dataclasses import dataclass

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_masses, atomic_numbers
from ase.geometry import get_distances
from ase.io import read
from ase.io.lammpsdata import write_lammps_data
from ase.stress import full_3x3_to_voigt_6_stress

from lammps_session import Evaluator

GPA_PER_EV_A3 = 160.2176634
INPUT = """units metal
atom_style atomic
{plugin}
read_data start.data
{masses}
{pair}
neighbor 1.0 bin
timestep 0.001
thermo 1000
velocity all create {velocity} {seed} mom yes
{ensemble}
{query}
dump frames all custom {every} frames.dump id type x y z
dump_modify frames sort id format float %.12g
run {steps}
"""


@dataclass
class Run:
    """One run of a kind of structure.

    pair     pair_style and pair_coeff; None is the reference potential
    top      factor on the highest temperature; with `hold` it is kept from the start
    every    steps between two frames
    query    further commands, such as a fix al_query
    """

    kind: str
    steps: int
    every: int
    pair: str = None
    top: float = 1.0
    hold: bool = False
    query: str = ""


def temperatures(kind, run, rng):
    """Start, end and velocities, in K."""
    if kind.melt:
        at = kind.high * run.top if run.hold else rng.uniform(kind.low, kind.high)
        return at, at, 2.5 * at  # crystals must melt
    end = kind.high * run.top
    start = end if run.hold else kind.low
    return start, end, 2 * start


def ensemble(kind, start, end):
    if kind.slab:
        return f"fix md all nvt temp {start} {end} 0.1\nfix drift all momentum 100 linear 1 1 1"
    return f"fix md all npt temp {start} {end} 0.1 iso 0 0 1"


def kinds_of(system):
    return system.kinds | system.unseen


def dynamics(folder, system, run, rng):
    """Runs LAMMPS in a new folder; returns its frames and whether it came to its end."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    kind = kinds_of(system)[run.kind]
    start, end, velocity = temperatures(kind, run, rng)
    atoms = kind.build(rng)
    write_lammps_data(folder / "start.data", atoms, specorder=system.elements)
    masses = "\n".join(
        f"mass {n} {atomic_masses[atomic_numbers[symbol]]}"
        for n, symbol in enumerate(system.elements, start=1)
    )
    text = INPUT.format(
        plugin="variable plugin getenv ALMLIP_PLUGIN\nplugin load ${plugin}",
        masses=masses,
        pair=run.pair or system.pair,
        velocity=velocity,
        seed=int(rng.integers(1, 10**6)),
        ensemble=ensemble(kind, start, end),
        query=run.query,
        every=run.every,
        steps=run.steps,
    )
    (folder / "in.run").write_text(text)
    with open(folder / "output", "w") as output:
        done = subprocess.run(
            ["lmp", "-in", "in.run", "-log", "none", "-nocite"],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    frames = dumped(folder / "frames.dump", system, run.kind)
    if not frames:  # not an explosion, but an input that LAMMPS does not take
        raise RuntimeError(
            f"{folder}: LAMMPS did not run:\n{(folder / 'output').read_text()[-800:]}"
        )
    return frames, done.returncode == 0


def dumped(path, system, kind):
    """Frames of a dump, without those that hold numbers that are none."""
    text = whole_frames(path.read_text()) if path.exists() else ""
    if not text:
        return []
    frames = read(
        io.StringIO(text), index=":", format="lammps-dump-text", specorder=system.elements
    )
    for frame in frames:
        frame.info = {"config_type": kind}
        frame.calc = None
        frame.pbc = True
    return [frame for frame in frames if np.isfinite(frame.positions).all()]


def whole_frames(text):
    """A dump without a last frame that is cut off, as a run that breaks off may leave it."""
    mark = "ITEM: TIMESTEP\n"
    *whole, last = text.split(mark)
    lines = last.split(
        "\n"
    )  # step, heading, number of atoms, heading, 3 of the box, heading, atoms
    if len(lines) > 2 and len(lines) == 8 + int(lines[2]) + 1:
        whole.append(last)
    return "".join(mark + frame for frame in whole if frame)


def pair_style(potential, system):
    """Commands that use a file of `almlip train`."""
    return f"pair_style almlip\npair_coeff * * {pathlib.Path(potential).resolve()} {' '.join(system.elements)}"


def least_distance(atoms):
    """Angstrom, also through the boundary."""
    _, distances = get_distances(atoms.positions, cell=atoms.cell, pbc=True)
    np.fill_diagonal(distances, np.inf)
    return distances.min()


class Reference:
    """Labels of the analytic potential; `num_labels` counts them."""

    def __init__(self, system):
        self.evaluator = Evaluator(system.elements, system.pair)
        self.num_labels = 0

    def label(self, atoms):
        """The same atoms with energy, forces and stress, as ASE has them."""
        result = self.evaluator.evaluate(atoms)
        self.num_labels += 1
        labelled = atoms.copy()
        labelled.calc = SinglePointCalculator(
            labelled,
            energy=result.energy,
            forces=result.forces,
            stress=full_3x3_to_voigt_6_stress(-result.pressure / GPA_PER_EV_A3),
        )
        return labelled
