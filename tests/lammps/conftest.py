# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests share that drive a real LAMMPS: `lmp` and `mpirun` from PATH, the plugin named by ALMLIP_PLUGIN."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import lammps_frames as lf
from random_potential import write_random_potential

LATTICE_CONSTANT = 5.431  # Angstrom, silicon at rest under the Stillinger-Weber potential
SILICON_MASS = 28.0855  # amu
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
COUNTS_LINES = "/coverage/" in os.environ.get("ALMLIP_PLUGIN", "")
TIMEOUT = 900 if SANITIZED or COUNTS_LINES else 300  # s
# F. H. Stillinger and T. A. Weber, Phys. Rev. B 31, 5262 (1985); eV and Angstrom
STILLINGER_WEBER = (
    "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"
)


@dataclass
class LammpsRun:
    folder: Path
    status: int
    log: str
    screen: str

    @property
    def error(self):
        """Text of the first error without LAMMPS's place in the source; empty if there was none."""
        found = re.search(
            r"^ERROR(?: on proc \d+)?: (.*?)(?: \(\S+:\d+\))?$",
            self.log + self.screen,
            re.MULTILINE,
        )
        return found.group(1) if found else ""

    @property
    def thermo(self):
        """Rows of all thermo tables of the log, as dictionaries of numbers."""
        rows, names = [], None
        for line in self.log.splitlines():
            words = line.split()
            if words and words[0] == "Step":
                names = words
            elif names and len(words) == len(names) and re.fullmatch(r"\d+", words[0]):
                rows.append(dict(zip(names, map(float, words))))
            elif not line.startswith("WARNING") and not line.startswith("fix al_query"):
                names = None
        return rows


def run_lammps(folder, script, ranks=1, plugin=True, timeout=TIMEOUT, program=("lmp",)):
    if plugin:
        script = f"plugin load {os.environ['ALMLIP_PLUGIN']}\n{script}"
    (folder / "in.lmp").write_text(script)
    command = [*program, "-in", "in.lmp", "-log", "log.lammps"]
    if ranks > 1:
        command = ["mpirun", "-n", str(ranks)] + command
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    log = folder / "log.lammps"
    return LammpsRun(
        folder, done.returncode, log.read_text() if log.exists() else "", done.stdout + done.stderr
    )


def run_partitions(folder, script, count, ranks=1, timeout=TIMEOUT):
    """Runs a script in `count` partitions of so many ranks each, in one folder; log.lammps.0 and so on are theirs."""
    (folder / "in.lmp").write_text(f"plugin load {os.environ['ALMLIP_PLUGIN']}\n{script}")
    command = ["mpirun", "-n", str(count * ranks), "lmp"]
    command += ["-partition", f"{count}x{ranks}", "-in", "in.lmp"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def lmp_run(tmp_path):
    """lmp_run(script, ranks=1, check=True, plugin=True, ...): runs a script with the plugin loaded, in a folder of its own."""
    count = 0

    def run(script, ranks=1, check=True, plugin=True, **settings):
        nonlocal count
        count += 1
        folder = tmp_path / f"run{count}"
        folder.mkdir()
        result = run_lammps(folder, script, ranks, plugin, **settings)
        assert not check or result.status == 0, result.screen
        return result

    return run


def diamond(repeat):
    """Positions of a diamond cubic cell, Angstrom."""
    corners = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0]])
    basis = np.concatenate([corners, corners + 1]) / 4
    shifts = np.array(np.meshgrid(*[range(repeat)] * 3, indexing="ij")).reshape(3, -1).T
    return ((shifts[:, None, :] + basis).reshape(-1, 3)) * LATTICE_CONSTANT


def data_file(positions, length, mass=SILICON_MASS):
    """LAMMPS data file of silicon in a cube."""
    rows = [f"{i + 1} 1 {x:.12f} {y:.12f} {z:.12f}" for i, (x, y, z) in enumerate(positions)]
    bounds = "\n".join(f"0.0 {length:.12f} {axis}lo {axis}hi" for axis in "xyz")
    return (
        f"silicon\n\n{len(rows)} atoms\n1 atom types\n{bounds}\n\nMasses\n\n1 {mass}\n\nAtoms # atomic\n\n"
        + "\n".join(rows)
        + "\n"
    )


@pytest.fixture(scope="session")
def silicon_cell(tmp_path_factory):
    """Data file of 64 silicon atoms, slightly displaced; atom IDs do not depend on the number of ranks."""
    path = tmp_path_factory.mktemp("cell") / "silicon.data"
    positions = diamond(2) + np.random.default_rng(1).normal(0.0, 0.02, (64, 3))
    path.write_text(data_file(positions, 2 * LATTICE_CONSTANT))
    return path


def label_with_stillinger_weber(folder, frames):
    """Energies (eV) and forces (eV/Angstrom) of (positions, cube length) pairs, computed by LAMMPS."""
    (folder / "Si.sw").write_text(STILLINGER_WEBER)
    script = []
    for k, (positions, length) in enumerate(frames):
        (folder / f"{k}.data").write_text(data_file(positions, length))
        script.append(f"""clear
units metal
read_data {k}.data
pair_style sw
pair_coeff * * Si.sw Si
dump d all custom 1 {k}.dump fx fy fz
dump_modify d sort id format float %.16g
run 0
print "$(pe:%.16g)" append energies""")
    result = run_lammps(folder, "\n".join(script), plugin=False)
    assert result.status == 0, result.screen
    energies = [float(line) for line in (folder / "energies").read_text().split()]
    forces = [np.loadtxt(folder / f"{k}.dump", skiprows=9) for k in range(len(frames))]
    return energies, forces


def extxyz(positions, length, energy, forces):
    cell = f"{length} 0 0 0 {length} 0 0 0 {length}"
    rows = [f"Si {' '.join(f'{v:.12g}' for v in (*x, *f))}" for x, f in zip(positions, forces)]
    header = f'Lattice="{cell}" Properties=species:S:1:pos:R:3:forces:R:3 energy={energy:.12g} pbc="T T T"'
    return f"{len(rows)}\n{header}\n" + "\n".join(rows) + "\n"


@pytest.fixture(scope="session")
def silicon_frames(tmp_path_factory):
    """Extended XYZ file of silicon labelled with the Stillinger-Weber potential: the crystal at rest, strained and displaced."""
    folder = tmp_path_factory.mktemp("frames")
    random = np.random.default_rng(2)
    frames = []
    for k in range(48):
        length = 2 * LATTICE_CONSTANT * (1 + (0.02 * random.uniform(-1, 1) if k else 0))
        displacement = random.normal(0.0, 0.12 * (k % 8) / 7, (64, 3))
        frames.append(
            (diamond(2) * (length / (2 * LATTICE_CONSTANT)) + (displacement if k else 0), length)
        )
    energies, forces = label_with_stillinger_weber(folder, frames)
    path = folder / "frames.extxyz"
    path.write_text(
        "".join(extxyz(x, length, e, f) for (x, length), e, f in zip(frames, energies, forces))
    )
    return path


@pytest.fixture(scope="session")
def silicon_potential(tmp_path_factory, silicon_frames):
    """Potential file of a small committee for silicon."""
    path = tmp_path_factory.mktemp("potential") / "Si.almlip.json"
    done = subprocess.run(
        [
            "almlip",
            "train",
            "--train",
            silicon_frames,
            "--preset",
            "fast",
            "--epochs",
            "20",
            "--output",
            path,
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def query_script(silicon_cell, silicon_potential):
    """query_script(commands, ...): an input script with silicon, the potential and thermo output of the fix q."""

    def make(
        commands,
        fix="10 threshold 0.0 1000.0",
        setup="",
        thermo=10,
        pair_style="almlip",
        coefficients=None,
        group="all",
    ):
        coefficients = coefficients or f"pair_coeff * * {silicon_potential} Si"
        return f"""units metal
atom_modify map yes
boundary p p p
read_data {silicon_cell}
pair_style {pair_style}
{coefficients}
timestep 0.001
{setup}
fix q {group} al_query {fix}
thermo {thermo}
thermo_style custom step pe f_q[1] f_q[2] f_q[3] f_q[4] f_q[5] f_q[6] f_q[7]
{commands}
"""

    return make


@pytest.fixture(scope="session")
def potentials(tmp_path_factory):
    """Potential files with random weights, by name."""
    folder = tmp_path_factory.mktemp("potentials")
    return {
        "Si": write_random_potential(folder / "Si.json", ["Si"], seed=1),
        "Si refitted": write_random_potential(folder / "Si2.json", ["Si"], seed=2),
        "Si of 3, longer": write_random_potential(
            folder / "Si3.json", ["Si"], seed=3, members=3, cutoff=5.5
        ),
        "Si of 7": write_random_potential(folder / "Si7.json", ["Si"], seed=7, members=7),
        "Si of 1": write_random_potential(folder / "Si1.json", ["Si"], seed=4, members=1),
        "SiGe": write_random_potential(
            folder / "SiGe.json", ["Si", "Ge"], seed=5, factors=[1.5, 2.5]
        ),
    }


@pytest.fixture
def evaluate(lmp_run, tmp_path):
    """evaluate(atoms, potential, elements, ...): one LAMMPS run of no steps."""

    def run(
        atoms, potential, elements, ranks=1, types=None, unit=1.0, after="", columns="", **settings
    ):
        type_elements = settings.pop("type_elements", elements)
        data = lf.write_data(tmp_path / "frame.data", atoms, type_elements, types, unit)
        script = (
            lf.setup(data, potential, elements, **settings)
            + after
            + lf.PRINT.format(columns=columns)
            + lf.RUN
        )
        done = lmp_run(script, ranks)
        return lf.read_result(done.folder, done.thermo[-1])

    return run
