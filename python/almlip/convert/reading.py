# SPDX-License-Identifier: GPL-2.0-or-later
"""What every reader of `almlip convert` returns."""

import bz2
import gzip
import io
import lzma
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from ..results import SAME_ENERGY

# Kinds of energies: the one that the forces belong to, where another one differs; the same number as
# any other; one that the file does not tell the kind of.
FREE, EITHER, UNTOLD = "free", "either", "untold"
UNFINISHED = "the output ends within it"  # of steps that are left out
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
_KEPT_PER_ATOM = ("magmoms", "charges")
_TAKEN = ("energy", "free_energy", "forces", "stress", *_KEPT_PER_ATOM)


def kind_of(energy, free_energy):
    """The kind of the energy that is taken of these two; None is absent."""
    if free_energy is None:
        return UNTOLD
    return EITHER if energy is not None and abs(energy - free_energy) <= SAME_ENERGY else FREE


@dataclass
class Reading:
    """Frames of one file.

    frames       ASE Atoms; results are energy (eV; the one that the forces belong to), forces
                 (eV/Angstrom), stress (eV/Angstrom^3, ASE's sign and order). `source_index` in
                 `info` counts all frames of the file from 0
    kinds        of the energy of each frame, one of the three below
    left_out     number of frames by the reason why they are not among them
    dropped      number of frames by what of them was not kept
    notes        number of frames by what the user should know
    zero_smearing  largest difference between the energy extrapolated to zero smearing and the one
                 that was taken, eV/atom
    """

    frames: list = field(default_factory=list)
    kinds: list = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)
    dropped: Counter = field(default_factory=Counter)
    notes: Counter = field(default_factory=Counter)
    zero_smearing: float = 0.0

    def take(self, atoms, index, energy=None, free_energy=None, kind=None, **results):
        """Adds a frame with these results; None is absent. A free energy is taken before an energy.

        kind  of the energy, if the file tells more than these two
        """
        kind = kind or kind_of(energy, free_energy)
        results["energy"] = energy if free_energy is None else free_energy
        results = {name: value for name, value in results.items() if value is not None}
        if "energy" not in results:
            self.left_out["no energy"] += 1
            return
        if not all(np.all(np.isfinite(value)) for value in results.values()):
            self.left_out["numbers that are not finite"] += 1
            return
        if atoms.constraints:
            self.dropped["constraints"] += 1
            atoms.set_constraint()
        if atoms.cell.rank < 3:
            results.pop("stress", None)
        if energy is not None and free_energy is not None:
            difference = abs(energy - free_energy) / len(atoms)
            self.zero_smearing = max(self.zero_smearing, difference)
        if kind != UNTOLD:
            atoms.info["energy_kind"] = kind  # for a conversion of what this one writes
        atoms.info["source_index"] = index
        atoms.calc = SinglePointCalculator(atoms, **results)
        self.frames.append(atoms)
        self.kinds.append(kind)

    def take_ase(self, atoms, index, kind=None):
        """Adds a frame as ASE read it, with the forces before any constraint acts on them."""
        results = dict(atoms.calc.results) if atoms.calc else {}
        for name in _KEPT_PER_ATOM:
            if np.shape(results.get(name))[:1] == (len(atoms),):
                atoms.set_array(name, np.array(results[name], dtype=float))
        for name, value in results.items():
            if name not in _TAKEN and value is not None:
                self.dropped[name] += 1
        self.take(
            atoms,
            index,
            energy=results.get("energy"),
            free_energy=results.get("free_energy"),
            kind=kind,
            forces=results.get("forces"),
            stress=_voigt(results.get("stress")),
        )


def open_text(path):
    """Opens a text file, plain or compressed (told by its first bytes)."""
    return io.TextIOWrapper(open_binary(path), encoding="utf-8", errors="replace")


def open_binary(path):
    """Opens a file, plain or compressed, for bytes."""
    with open(path, "rb") as file:
        opener = _OPENERS.get(file.read(2), open)
    return opener(path, "rb")


def name_of(path):
    """Name of a file without the ending of its compression."""
    path = Path(path)
    return path.stem if path.suffix in (".gz", ".bz2", ".xz") else path.name


def stress_of_virial(virial, cell):
    """ASE's stress [6] from -dE/dstrain, eV, shape [3][3]."""
    return _voigt(-np.asarray(virial, dtype=float).reshape(3, 3) / abs(np.linalg.det(cell)))


def _voigt(stress):
    """xx yy zz yz xz xy of a tensor in any of ASE's shapes; None stays None."""
    if stress is None or np.shape(stress) == (6,):
        return stress
    tensor = np.asarray(stress, dtype=float).reshape(3, 3)
    return ((tensor + tensor.T) / 2).flat[[0, 4, 8, 5, 2, 1]]
