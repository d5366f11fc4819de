# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest
from ase.build import bulk

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def silicon_potential():
    """The silicon potential that is shipped."""
    return REPOSITORY / "potentials" / "Si.almlip.json"


@pytest.fixture(scope="session")
def silicon_lattice(silicon_potential):
    """Its lattice constant, Angstrom: least energy of a parabola through five volumes."""
    import numpy as np

    import almlip

    calculator = almlip.Calculator(silicon_potential)
    lengths = np.linspace(5.42, 5.50, 5)
    energies = []
    for length in lengths:
        atoms = bulk("Si", "diamond", length)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
    a, b, _ = np.polyfit(lengths, energies, 2)
    return -b / (2 * a)
