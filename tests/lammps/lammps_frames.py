# SPDX-License-Identifier: GPL-2.0-or-later
"""ASE frames into LAMMPS and results back; Angstrom, eV."""

import subprocess
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_masses, atomic_numbers
from ase.io import read, write

PRESSURE_TIMES_VOLUME = (
    1.6021765e6  # bar Angstrom^3 per eV, as LAMMPS has it (nktv2p of units metal)
)


def rattled(atoms, deviation, seed):
    moved = atoms.copy()
    moved.positions += np.random.default_rng(seed).normal(0.0, deviation, atoms.positions.shape)
    return moved


def crystal(repeat=2):
    """Diamond silicon, displaced."""
    return rattled(bulk("Si", "diamond", a=5.43, cubic=True).repeat(repeat), 0.05, seed=1)


def liquid(num_atoms=64, edge=11.0, closest=1.9):
    """Atoms at random places, none closer than `closest`."""
    random = np.random.default_rng(2)
    atoms = Atoms(cell=[edge] * 3, pbc=True)
    while len(atoms) < num_atoms:
        trial = atoms + Atoms("Si", [random.uniform(0, edge, 3)])
        if (
            len(trial) == 1
            or trial.get_distances(-1, range(len(trial) - 1), mic=True).min() > closest
        ):
            atoms = trial
    return atoms


def triclinic():
    """Four atoms in a skew cell that is smaller than the cutoff."""
    cell = [[4.1, 0, 0], [1.7, 3.9, 0], [-1.2, 0.8, 4.4]]
    places = [[0.02, 0.03, 0.01], [0.48, 0.26, 0.27], [0.27, 0.53, 0.74], [0.73, 0.77, 0.52]]
    return Atoms("Si4", cell=cell, scaled_positions=places, pbc=True)


def silicon_germanium():
    atoms = rattled(bulk("Si", "diamond", a=5.5, cubic=True).repeat(2), 0.08, seed=3)
    atoms.symbols[np.random.default_rng(4).permutation(len(atoms))[:25]] = "Ge"
    return atoms


def slab():
    """A thick layer in the lower third of a cell, vacuum above."""
    atoms = crystal()
    atoms.set_cell([*atoms.cell.lengths()[:2], 3 * atoms.cell.lengths()[2]])
    atoms.positions[:, 2] += 0.5
    return atoms


def write_data(path, atoms, type_elements, types=None, length_unit=1.0):
    """LAMMPS data file. The cell must be lower triangular. `length_unit`: 1 Angstrom in the file's unit."""
    if types is None:
        types = [type_elements.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    (lx, _, _), (xy, ly, _), (xz, yz, lz) = atoms.cell[:] * length_unit
    masses = "\n".join(
        f"{k + 1} {atomic_masses[atomic_numbers[e]]}" for k, e in enumerate(type_elements)
    )
    rows = "\n".join(
        f"{i + 1} {t} {x:.17g} {y:.17g} {z:.17g}"
        for i, (t, (x, y, z)) in enumerate(zip(types, atoms.positions * length_unit))
    )
    path.write_text(f"""frame

{len(atoms)} atoms
{len(type_elements)} atom types
0 {lx:.17g} xlo xhi
0 {ly:.17g} ylo yhi
0 {lz:.17g} zlo zhi
{xy:.17g} {xz:.17g} {yz:.17g} xy xz yz

Masses

{masses}

Atoms # atomic

{rows}
""")
    return path


@dataclass
class Result:
    energy: float
    virial: np.ndarray  # xx yy zz xy xz yz
    forces: np.ndarray
    sigma: np.ndarray
    thermo: dict

    def close_to(self, other, relative):
        """Everything agrees within `relative` times its largest value."""
        for name in ("energy", "virial", "forces", "sigma"):
            mine, theirs = np.asarray(getattr(self, name)), np.asarray(getattr(other, name))
            scale = np.abs(theirs).max()
            assert np.abs(mine - theirs).max() <= relative * scale, (
                f"{name}: {np.abs(mine - theirs).max() / scale}"
            )
        return True


PRINT = """thermo_style custom step pe vol c_vir[1] c_vir[2] c_vir[3] c_vir[4] c_vir[5] c_vir[6] {columns}
thermo_modify format float %.17g
"""
WRITE = "write_dump all custom run.dump id fx fy fz f_sig modify sort id format float %.17g\n"
RUN = "run 0\n" + WRITE


def read_result(folder, row):
    """Of the last run: forces and sigma from the dump, the rest from a row of thermo output."""
    table = np.loadtxt(folder / "run.dump", skiprows=9, ndmin=2)
    virial = (
        np.array([row[f"c_vir[{k}]"] for k in range(1, 7)]) * row["Volume"] / PRESSURE_TIMES_VOLUME
    )
    return Result(row["PotEng"], virial, table[:, 1:4], table[:, 4], row)


def setup(data, potential, elements, style="pair_style almlip", units="metal", before=""):
    """Script of an evaluation up to what it prints: sigma of every step, virial."""
    return f"""units {units}
box tilt large
atom_modify map yes
{before}
read_data {data}
{style}
pair_coeff * * {potential} {" ".join(elements)}
compute vir all pressure NULL virial
fix sig all pair 1 almlip sigma 1
"""


def setup_with_atoms_alone(folder, potential):
    """Two atoms are far from all others in a box that has room for them."""
    atoms = silicon_germanium()
    atoms.cell[2, 2] += 40.0
    atoms += Atoms("SiGe", [atoms.positions[0] + [0, 0, z] for z in (25.0, 40.0)])
    return setup(write_data(folder / "alone.data", atoms, ["Si", "Ge"]), potential, ["Si", "Ge"])


def predict(potential, atoms, folder):
    """The frame as written (8 decimals) and what `almlip eval` predicts for it."""
    write(folder / "frame.extxyz", atoms, format="extxyz")
    subprocess.run(
        [
            "almlip",
            "eval",
            potential,
            folder / "frame.extxyz",
            "--output",
            folder / "prediction.extxyz",
        ],
        check=True,
    )
    return read(folder / "frame.extxyz"), read(folder / "prediction.extxyz")


def result_of(prediction):
    """What eval predicts, as LAMMPS has it."""
    voigt = prediction.get_stress()[[0, 1, 2, 5, 4, 3]]
    return Result(
        prediction.get_potential_energy(),
        -voigt * prediction.get_volume(),
        prediction.get_forces(),
        prediction.arrays["sigma"],
        {},
    )
