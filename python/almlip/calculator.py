"""ASE calculator for ALMLIP potentials."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Literal

import ase
import numpy as np
from ase.calculators import calculator as ase_calculator

from . import _core

TO_VOIGT = [0, 1, 2, 5, 4, 3]  # of xx yy zz xy xz yz


class Calculator(ase_calculator.Calculator):
    """Energies, forces and stress of a committee, and how far they may be off. Needs no LAMMPS.

    potential    file that `almlip train` wrote
    precision    "double", or "mixed": float inside, sums in double
    skin         Angstrom; neighbour lists are kept until an atom has moved by half of it

    Properties beside ASE's own:

    sigma            predicted error of each force, eV/Angstrom, shape [num_atoms]
    sigma_max        the largest of them
    novelty          distance of each environment from the training set, above 1 is novel
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
        "novelty",
        "member_energies",
        "member_forces",
    ]
    ignored_changes: ClassVar[set[str]] = {"initial_charges", "initial_magmoms"}

    def __init__(
        self,
        potential: str | os.PathLike[str],
        precision: Literal["double", "mixed"] = "double",
        skin: float = 0.5,
    ) -> None:
        super().__init__()
        if precision not in ("double", "mixed"):
            raise _core.Error(f'precision is "{precision}", but it must be "double" or "mixed"')
        self._arguments = (os.path.abspath(potential), precision, skin)
        self._core = _core.Calculator(self._arguments[0], precision == "mixed", skin)

    def __reduce__(self):
        return type(self), self._arguments

    @property
    def elements(self) -> list[str]:
        """Symbols of the elements that the potential has."""
        return self._core.elements

    @property
    def cutoff(self) -> float:
        """Angstrom."""
        return self._core.cutoff

    def calculate(
        self,
        atoms: ase.Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = ase_calculator.all_changes,
    ) -> None:
        """Fills `results`; called by ASE."""
        super().calculate(atoms, properties, system_changes)
        wanted = set(properties or ["energy"])
        if "novelty" in wanted and not self._core.has_novelty:
            raise ase_calculator.PropertyNotImplementedError(
                f"{self._arguments[0]} holds no novelty; fit it again"
            )
        self.results = self._results(
            self._core.predict(
                self.atoms.numbers,
                self.atoms.positions,
                self.atoms.cell.array,
                self.atoms.pbc,
                "Atoms",
                members=bool(wanted & {"sigma", "sigma_max", "member_forces"}),
                novelty="novelty" in wanted,
            )
        )
        if "stress" in wanted and "stress" not in self.results:
            raise ase_calculator.PropertyNotImplementedError(
                "there is no stress: the cell has no volume"
            )

    def _results(self, prediction: dict[str, Any]) -> dict[str, Any]:
        virial = prediction.pop("virial")
        results = {**prediction, "free_energy": prediction["energy"]}
        if self.atoms.cell.rank == 3:
            results["stress"] = -virial[TO_VOIGT] / self.atoms.get_volume()
        if "sigma" in results:
            results["sigma_max"] = float(np.max(results["sigma"], initial=0.0))
        return results
