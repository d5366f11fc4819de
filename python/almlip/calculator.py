# SPDX-License-Identifier: GPL-2.0-or-later
"""ASE calculator for ALMLIP potentials."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Literal

import ase
from ase.calculators import calculator as ase_calculator

from . import _core
from .arguments import length_of, path_of
from .last_atoms import LastAtoms

_OF_MEMBERS = ("sigma", "sigma_max", "member_forces")


class Calculator(LastAtoms, ase_calculator.Calculator):
    """Energies, forces and stress of a committee, and how far they may be off. Needs no LAMMPS.

    potential    file that `almlip train` wrote
    precision    "double", or "mixed": float inside, sums in double
    skin         Angstrom; neighbour lists are kept until an atom has moved by half of it

    Properties beside ASE's own:

    sigma            predicted error of each force, eV/Angstrom, shape [num_atoms]
    sigma_max        the largest of them
    novelty          distance of each environment from the training set, above 1 is novel
    energy_sigma     predicted error of the energy, eV/atom; infinite if two elements of the frame were
                     never together in a training frame, or if the training energies tell nothing
                     of its composition
    descriptors      what the potential sees of each environment, shape [num_atoms, num_descriptors],
                     with mean 0 and variance 1 for each element of the training set
    member_energies  total energy by each member, eV, shape [num_members]
    member_forces    shape [num_atoms, num_members, 3], eV/Angstrom

    What takes time is computed when asked for: `atoms.calc.get_property("sigma")`. Raises
    almlip.Error with the reason if a frame cannot be predicted.
    """

    implemented_properties: ClassVar[list[str]] = [
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
        "sigma",
        "sigma_max",
        "energy_sigma",
        "novelty",
        "descriptors",
        "member_energies",
        "member_forces",
    ]

    def __init__(
        self,
        potential: str | os.PathLike[str],
        precision: Literal["double", "mixed"] = "double",
        skin: float = 0.5,
    ) -> None:
        super().__init__()
        if precision not in ("double", "mixed"):
            raise _core.Error(f'precision is "{precision}", but it must be "double" or "mixed"')
        path, skin = path_of("potential", potential), length_of("skin", skin)
        self._arguments = (os.path.abspath(path), precision, skin)
        self._core = _core.Calculator(self._arguments[0], precision == "mixed", skin)

    def __reduce__(self):
        return type(self), self._arguments

    def set(self, **settings: Any) -> dict[str, Any]:
        """ASE's way to change parameters; there are none. Raises almlip.Error if one is given."""
        if settings:
            raise _core.Error(
                f"{', '.join(settings)} cannot be set afterwards; make another Calculator"
            )
        return {}

    @property
    def elements(self) -> list[str]:
        """Symbols of the elements that the potential has."""
        return self._core.elements

    @property
    def cutoff(self) -> float:
        """Angstrom."""
        return self._core.cutoff

    @property
    def num_searches(self) -> int:
        """Times that neighbours were searched so far."""
        return self._core.num_searches

    def calculate(
        self,
        atoms: ase.Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = ase_calculator.all_changes,
    ) -> None:
        """Fills `results`; called by ASE."""
        if atoms is not None:
            self.atoms = atoms
        if self.last_arrays is None:
            raise _core.Error("there are no atoms to predict: get_property(name, atoms)")
        wanted = properties or ["energy"]
        if "novelty" in wanted and not self._core.has_novelty:
            raise ase_calculator.PropertyNotImplementedError(
                f"{self._arguments[0]} holds no novelty; fit it again"
            )
        if "energy_sigma" in wanted and not self._core.has_energy_sigma:
            raise ase_calculator.PropertyNotImplementedError(
                f"{self._arguments[0]} holds no calibration of energies; fit it again, with frames held out"
            )
        results = self._core.predict(
            *self.last_arrays,
            "Atoms",
            members=any(name in _OF_MEMBERS for name in wanted),
            novelty="novelty" in wanted,
            descriptors="descriptors" in wanted,
            energy_sigma="energy_sigma" in wanted,
        )
        self.results = results
        if "stress" in wanted and "stress" not in self.results:
            raise ase_calculator.PropertyNotImplementedError(
                "there is no stress: the cell has no volume"
            )
