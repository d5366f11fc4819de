#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the structures that this campaign begins with: start, crystal, vacancy, antisite (extended XYZ).

. scripts/env.sh && python examples/alas/make_structures.py
"""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

from almlip.frames import write_frames

HERE = Path(__file__).resolve().parent
LATTICE_CONSTANT = 5.64  # Angstrom, LDA with these pseudopotentials; experiment: 5.66


def named(atoms, kind):
    """Plain periodic frame with 6 decimals and its config_type."""
    positions, cell = np.round(atoms.positions, 6), np.round(atoms.cell.array, 6)
    frame = Atoms(atoms.symbols, positions, cell=cell, pbc=True)
    frame.info["config_type"] = kind
    return frame


def perturbed(crystal, change, displacement, rng):
    """Another volume (relative change), a shear up to 3 %, and normal displacements (Angstrom)."""
    atoms = crystal.copy()
    shear = rng.uniform(-0.03, 0.03, size=(3, 3))
    strain = (1 + change) ** (1 / 3) * np.eye(3) + (shear + shear.T) / 2
    atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    atoms.positions += rng.normal(scale=displacement, size=atoms.positions.shape)
    return atoms


def vacancy(crystal, symbol):
    """Without its first atom of that element."""
    atoms = crystal.copy()
    del atoms[atoms.symbols.indices()[symbol][0]]
    return atoms


def exchanged(crystal):
    """With the elements of two neighbours exchanged."""
    atoms = crystal.copy()
    atoms.symbols[[0, 1]] = atoms.symbols[[1, 0]]
    return atoms


def main():
    rng = np.random.default_rng(1)
    crystal = bulk("AlAs", "zincblende", LATTICE_CONSTANT, cubic=True)
    vacancies = [vacancy(crystal, symbol) for symbol in ("Al", "As")]
    antisites = [exchanged(crystal)]
    start = [
        perturbed(crystal, change, displacement, rng)
        for change in (-0.1, -0.03, 0.03, 0.1)
        for displacement in (0.03, 0.08, 0.15)
    ]
    start += [
        perturbed(defect, change, 0.1, rng)
        for defect in (*vacancies, *antisites, *antisites)
        for change in (-0.03, 0.05)
    ]
    for name, frames in (
        ("start", start),
        ("crystal", [crystal]),
        ("vacancy", vacancies),
        ("antisite", antisites),
    ):
        write_frames(HERE / f"{name}.extxyz", [named(atoms, name) for atoms in frames])


if __name__ == "__main__":
    main()
