# SPDX-License-Identifier: GPL-2.0-or-later
"""What an ASE calculator remembers of the atoms of its results."""

from __future__ import annotations

import ase
import numpy as np
from ase.calculators.calculator import all_changes

_NAMES = ("numbers", "positions", "cell", "pbc")


def _arrays_of(atoms: ase.Atoms) -> tuple[np.ndarray, ...]:
    """What a prediction depends on, in the order of _NAMES."""
    return atoms.arrays["numbers"], atoms.arrays["positions"], atoms.cell.array, atoms.pbc


class LastAtoms:
    """For a calculator: `atoms` keeps the arrays alone. Copies of ASE's `Atoms` take longer than
    the prediction of a small frame."""

    last_arrays: tuple[np.ndarray, ...] | None = None
    _bytes: tuple[bytes, ...] = ()

    @property
    def atoms(self) -> ase.Atoms | None:
        """The atoms that the results belong to, without what these do not depend on."""
        return (
            None if self.last_arrays is None else ase.Atoms(**dict(zip(_NAMES, self.last_arrays)))
        )

    @atoms.setter
    def atoms(self, atoms: ase.Atoms | None) -> None:
        if atoms is None:
            self.last_arrays, self._bytes = None, ()
        else:
            arrays = _arrays_of(atoms)
            self.last_arrays = tuple([array.copy() for array in arrays])
            self._bytes = tuple([array.tobytes() for array in arrays])

    def check_state(self, atoms: ase.Atoms, tol: float = 1e-15) -> list[str]:
        """What has changed since then, to the last bit; called by ASE."""
        now = tuple([array.tobytes() for array in _arrays_of(atoms)])
        if now == self._bytes:
            return []
        if not self._bytes:
            return list(all_changes)
        return [name for name, old, new in zip(_NAMES, self._bytes, now) if old != new]
