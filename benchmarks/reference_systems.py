# SPDX-License-Identifier: GPL-2.0-or-later
"""Systems with an analytic reference potential of LAMMPS, and the kinds of structures that dynamics of them start from.

Cells are rectangular and hold about 50 to 100 atoms. Every kind draws what is random in it from a generator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal


@dataclass
class Kind:
    """Structures and how they are heated: from `low` to `high` K; a melt stays at a temperature between them."""

    build: Callable  # of a numpy generator, returns ase.Atoms
    low: float
    high: float
    melt: bool = False
    slab: bool = False  # vacuum along z; the cell keeps its volume


@dataclass
class System:
    elements: list
    pair: str  # pair_style and pair_coeff of the reference
    kinds: dict  # {name: Kind}, what the potential is for
    unseen: dict  # {name: Kind}, never learned
    crystals: list  # names of kinds that a first training set holds
    cutoff: float = None  # of the fits, Angstrom, where the reference reaches less or more far


def conventional(name, structure, a, cells, **more):
    return bulk(name, structure, a=a, cubic=True, **more) * cells


def with_vacuum(atoms, height=11.0):
    """Periodic along z with so much vacuum, Angstrom."""
    atoms = atoms.copy()
    atoms.cell[2, 2] += height
    atoms.positions[:, 2] += 0.5 * height
    return atoms


def slab(build):
    return lambda rng: with_vacuum(build(rng))


def without_atom(build):
    def vacancy(rng):
        atoms = build(rng)
        del atoms[int(rng.integers(len(atoms)))]
        return atoms

    return vacancy


def random_alloy(atoms, share, other, one):
    """Of the atoms of an alloy a share between two limits becomes `other`, the rest `one`."""

    def alloy(rng):
        made = atoms.copy()
        number = round(len(made) * rng.uniform(*share))
        symbols = np.array([one] * len(made), dtype=object)
        symbols[rng.permutation(len(made))[:number]] = other
        made.symbols = list(symbols)
        return made

    return alloy


def fixed(atoms):
    return lambda rng: atoms.copy()


def with_interstitial(atoms, shift):
    """One more atom, `shift` (Angstrom) away from a random one."""

    def interstitial(rng):
        made = atoms.copy()
        extra = made[[int(rng.integers(len(made)))]]
        extra.positions += shift
        return made + extra

    return interstitial


def silicon():
    diamond = conventional("Si", "diamond", 5.431, (2, 2, 2))
    tin = Atoms("Si4", [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.25], [0.5, 0, 0.75]], pbc=True)
    tin.set_cell([4.90, 4.90, 2.70], scale_atoms=False)
    tin.set_scaled_positions(tin.positions)
    low, high = 300, 1500
    return System(
        ["Si"],
        "pair_style sw\npair_coeff * * Si.sw Si",
        {
            "crystal": Kind(fixed(diamond), low, high),
            "melt": Kind(fixed(diamond), 2000, 3000, melt=True),
            "vacancy": Kind(without_atom(fixed(diamond)), low, high),
            "interstitial": Kind(with_interstitial(diamond, [5.431 / 2] * 3), low, high),
            "slab": Kind(slab(fixed(diamond)), low, 1200, slab=True),
        },
        {"beta-tin": Kind(fixed(tin * (2, 2, 4)), low, 900)},
        ["crystal"],
        cutoff=4.3,  # the reference reaches 3.77
    )


def nickel_aluminium():
    b2 = bulk("NiAl", "cesiumchloride", a=2.88, cubic=True) * (3, 3, 3)
    fcc = conventional("Ni", "fcc", 3.6, (2, 2, 3))
    low, high = 300, 1500
    alloy = random_alloy(b2, (0.25, 0.75), "Al", "Ni")
    return System(
        ["Ni", "Al"],
        "pair_style eam/alloy\npair_coeff * * NiAlH_jea.eam.alloy Ni Al",
        {
            "B2": Kind(fixed(b2), low, high),
            "melt": Kind(alloy, 2000, 2500, melt=True),
            "bcc": Kind(alloy, low, high),
            "fcc": Kind(random_alloy(fcc, (0.12, 0.38), "Al", "Ni"), low, high),
            "slab": Kind(slab(fixed(b2)), low, 1200, slab=True),
        },
        {
            "vacancy": Kind(without_atom(fixed(b2)), low, high),
            "Al": Kind(fixed(conventional("Al", "fcc", 4.05, (2, 2, 3))), low, 800),
        },
        ["B2", "bcc"],
        cutoff=6.0,  # the reference reaches 5.65, the choice for these crystals is 4.7
    )


def copper_zirconium():
    b2 = bulk("CuZr", "cesiumchloride", a=3.27, cubic=True) * (3, 3, 3)
    fcc = conventional("Cu", "fcc", 3.7, (2, 2, 3))
    hcp = bulk("Zr", "hcp", a=3.23, c=5.15, orthorhombic=True) * (3, 2, 2)
    low, high = 300, 1000
    return System(
        ["Cu", "Zr"],
        "pair_style eam/fs\npair_coeff * * CuZr_mm.eam.fs Cu Zr",
        {
            "B2": Kind(fixed(b2), low, high),
            "melt": Kind(random_alloy(b2, (0.25, 0.75), "Zr", "Cu"), 1400, 2000, melt=True),
            "fcc": Kind(random_alloy(fcc, (0.0, 0.1), "Zr", "Cu"), low, high),
            "hcp": Kind(random_alloy(hcp, (0.9, 1.0), "Zr", "Cu"), low, high),
            "slab": Kind(slab(fixed(b2)), low, 900, slab=True),
        },
        {"vacancy": Kind(without_atom(fixed(b2)), low, high)},
        ["B2"],
    )


def silicon_carbide():
    zincblende = bulk("SiC", "zincblende", a=4.36, cubic=True) * (2, 2, 2)
    rocksalt = bulk("SiC", "rocksalt", a=4.2, cubic=True) * (2, 2, 2)
    low, high = 300, 2000
    return System(
        ["Si", "C"],
        "pair_style tersoff\npair_coeff * * SiC_Erhart-Albe.tersoff Si C",
        {
            "crystal": Kind(fixed(zincblende), low, high),
            "melt": Kind(fixed(zincblende), 3500, 4500, melt=True),
            "vacancy": Kind(without_atom(fixed(zincblende)), low, high),
            "antisites": Kind(random_alloy(zincblende, (0.4, 0.6), "C", "Si"), low, high),
            "slab": Kind(slab(fixed(zincblende)), low, 1500, slab=True),
        },
        {"rocksalt": Kind(fixed(rocksalt), low, 1000)},
        ["crystal"],
    )


def silica():
    cristobalite = crystal(
        ("Si", "O"),
        [(0, 0, 0), (0.125, 0.125, 0.125)],
        spacegroup=227,
        cellpar=[7.44] * 3 + [90] * 3,
    )
    cristobalite = Atoms(cristobalite) * (1, 1, 2)
    stishovite = crystal(
        ("Si", "O"),
        [(0, 0, 0), (0.306, 0.306, 0)],
        spacegroup=136,
        cellpar=[4.34, 4.34, 2.77, 90, 90, 90],
    )
    stishovite = Atoms(stishovite) * (2, 2, 3)
    low, high = 300, 1500
    return System(
        ["Si", "O"],
        "pair_style vashishta\npair_coeff * * SiO.1990.vashishta Si O",
        {
            "cristobalite": Kind(fixed(cristobalite), low, high),
            "melt": Kind(fixed(cristobalite), 3500, 4500, melt=True),
            "vacancy": Kind(without_atom(fixed(cristobalite)), low, high),
            "stishovite": Kind(fixed(stishovite), low, high),
            "slab": Kind(slab(fixed(cristobalite)), low, 1200, slab=True),
        },
        {"slab of stishovite": Kind(slab(fixed(stishovite)), low, 1000, slab=True)},
        ["cristobalite"],
    )


SYSTEMS = {
    "Si": silicon,
    "NiAl": nickel_aluminium,
    "CuZr": copper_zirconium,
    "SiC": silicon_carbide,
    "SiO2": silica,
}
