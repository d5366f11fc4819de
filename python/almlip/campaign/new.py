# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip campaign new`: a folder to begin with."""

import string
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, surface
from ase.calculators.emt import parameters as emt_parameters
from ase.data import atomic_masses, atomic_numbers, covalent_radii, reference_states

from ..frames import BadInput, write_atomically, write_frames
from .settings import check_symbols

TEMPLATES = Path(__file__).with_name("template")
LATTICES = ("fcc", "bcc", "hcp", "diamond", "sc")


def new_campaign(folder, elements):
    """Writes campaign.yaml, test.yaml, the LAMMPS input, a labeller and structures.

    Raises BadInput if the folder is not empty or an element does not exist.
    """
    folder = Path(folder)
    check_symbols(elements)
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is there already and not empty; choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    words = words_of(elements)
    labeller = "labeller-emt.yaml" if has_emt(elements) else "labeller-espresso.yaml"
    for template, target in (
        ("campaign.yaml", "campaign.yaml"),
        ("test.yaml", "test.yaml"),
        ("in.explore", "in.explore"),
        (labeller, "labeller.yaml"),
    ):
        text = string.Template((TEMPLATES / template).read_text()).substitute(words)
        write_atomically(folder / target, text)
    for name, frames in structures(elements, np.random.default_rng(1)).items():
        write_frames(folder / f"{name}.extxyz", frames)
    return folder


def words_of(elements):
    """What the templates are filled with."""
    mass = min(atomic_masses[atomic_numbers[symbol]] for symbol in elements)
    return {
        "elements_text": " ".join(elements),
        "elements_list": ", ".join(elements),
        "labeller_file": "labeller.yaml",
        "test_labeller": test_labeller(elements),
        "timestep": "0.0005" if mass < 10 else "0.001" if mass < 50 else "0.002",
        "pseudopotentials": "\n".join(f"  {symbol}: {symbol}.upf" for symbol in elements),
    }


def has_emt(elements):
    return all(symbol in emt_parameters for symbol in elements)


def test_labeller(elements):
    """Something quick that has forces, for any element."""
    if has_emt(elements):
        return "{calculator: ase, name: emt, min_distance: 0.5, max_force: 200}"
    sigma = 2 * np.mean([radius_of(symbol) for symbol in elements]) / 2 ** (1 / 6)
    parameters = f"{{sigma: {sigma:.3f}, epsilon: 0.1, rc: {2.5 * sigma:.2f}, smooth: true}}"
    return f"{{calculator: ase, name: lj, parameters: {parameters}, min_distance: 0.5, max_force: 200}}"


def radius_of(symbol):
    return covalent_radii[atomic_numbers[symbol]]


def crystal_of(symbol):
    """The element's crystal with right angles where ASE knows it, else fcc of touching atoms."""
    state = reference_states[atomic_numbers[symbol]] or {}
    lattice = state.get("symmetry")
    if lattice not in LATTICES:
        return bulk(symbol, "fcc", 2 * np.sqrt(2) * radius_of(symbol), cubic=True)
    if lattice == "hcp":
        return bulk(symbol, "hcp", state["a"], covera=state["c/a"], orthorhombic=True)
    return bulk(symbol, lattice, state["a"], cubic=True)


def crystals(elements, rng, repeat):
    """The crystals of all elements; of several elements also mixtures on each of their lattices."""
    found = []
    for symbol in elements:
        pure = crystal_of(symbol) * repeat
        found.append(pure)
        for share in (0.25, 0.5, 0.75) if len(elements) > 1 else ():
            found.append(mixed(pure, symbol, elements, share, rng))
    return found


def mixed(pure, symbol, elements, share, rng):
    """The lattice of a symbol with this share of other elements, at the mean of their volumes."""
    atoms = pure.copy()
    others = [other for other in elements if other != symbol]
    chosen = rng.permutation(len(atoms))[: max(1, round(share * len(atoms)))]
    for number, index in enumerate(chosen):
        atoms[int(index)].symbol = others[number % len(others)]
    volume = np.mean([volume_of(each) for each in atoms.symbols])
    atoms.set_cell(atoms.cell * (volume / volume_of(symbol)) ** (1 / 3), scale_atoms=True)
    return atoms


def volume_of(symbol):
    crystal = crystal_of(symbol)
    return crystal.get_volume() / len(crystal)


def structures(elements, rng):
    """{name: frames}: starting structures, and where the scenarios begin."""
    large = [sized(atoms, 8.0) for atoms in crystals(elements, rng, (1, 1, 1))]
    return {
        "start": [
            perturbed(atoms, strain, rattle, rng)
            for atoms in crystals(elements, rng, (1, 1, 1))
            for strain, rattle in starting_grid(len(elements))
        ],
        "crystal": [named(atoms, "crystal") for atoms in large],
        "vacancy": [named(without_one(atoms, rng), "vacancy") for atoms in large],
        "surface": [named(slab(symbol), "surface") for symbol in elements],
    }


def starting_grid(num_elements):
    """(volume strain, displacement in Angstrom) of the starting structures of one crystal."""
    strains = np.linspace(-0.1, 0.1, 5 if num_elements > 1 else 13)
    displacements = np.linspace(0.03, 0.15, len(strains))
    return list(zip(strains, np.roll(displacements, 2)))


def perturbed(atoms, strain, displacement, rng):
    atoms = sized(atoms, 3.0)
    shear = rng.normal(scale=0.02, size=(3, 3))
    deformation = np.eye(3) * (1 + strain) ** (1 / 3) + (shear + shear.T) / 2
    atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    atoms.positions += rng.normal(scale=displacement, size=atoms.positions.shape)
    return named(atoms, "start")


def sized(atoms, least):
    """Repeated until every edge is at least so long, Angstrom."""
    return atoms * tuple(int(n) for n in np.ceil(least / atoms.cell.lengths() - 1e-9))


def without_one(atoms, rng):
    atoms = atoms.copy()
    del atoms[int(rng.integers(len(atoms)))]
    return atoms


def slab(symbol):
    """Four layers of the (100) surface with 12 Angstrom of vacuum."""
    atoms = surface(crystal_of(symbol), (1, 0, 0), 4 // 2, vacuum=6.0)
    atoms.pbc = True
    lengths = atoms.cell.lengths()
    return atoms * (*(int(n) for n in np.ceil(6.0 / lengths[:2])), 1)


def named(atoms, kind):
    plain = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
    plain.info["config_type"] = kind
    return plain
