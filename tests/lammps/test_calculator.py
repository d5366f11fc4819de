# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip.Calculator` and `pair_style almlip` are the same potential."""

import numpy as np
import pytest
from ase.build import molecule

import almlip
import lammps_frames as lf
from random_potential import write_random_potential


def isolated():
    """A cluster in a large box; open for the calculator, far from its images in LAMMPS."""
    atoms = lf.rattled(molecule("Si2H6"), 0.05, seed=5)
    atoms.symbols[atoms.symbols == "H"] = "Ge"
    atoms.positions *= 1.7  # no two closer than 1.9 Angstrom
    atoms.center(vacuum=8.0)
    return atoms


def layer():
    atoms = lf.slab()
    atoms.pbc = (True, True, False)
    return atoms


@pytest.mark.parametrize(
    "make, name, elements",
    [
        (lf.crystal, "Si", ["Si"]),
        (lf.liquid, "Si", ["Si"]),
        (lf.triclinic, "Si", ["Si"]),
        (layer, "Si", ["Si"]),
        (lf.silicon_germanium, "SiGe", ["Si", "Ge"]),
        (isolated, "SiGe", ["Si", "Ge"]),
    ],
    ids=["crystal", "liquid", "triclinic", "slab", "two elements", "molecule"],
)
def test_energy_forces_stress_and_sigma_are_those_of_the_pair_style(
    make, name, elements, potentials, lmp_run, tmp_path
):
    atoms = make()
    data = lf.write_data(tmp_path / "frame.data", atoms, elements)
    script = lf.setup(data, potentials[name], elements) + lf.PRINT.format(columns="") + lf.RUN
    done = lmp_run(script)
    expected = lf.read_result(done.folder, done.thermo[-1])

    atoms.calc = almlip.Calculator(potentials[name])
    virial = -atoms.get_stress()[[0, 1, 2, 5, 4, 3]] * atoms.get_volume()
    sigma = atoms.calc.get_property("sigma", atoms)
    mine = lf.Result(atoms.get_potential_energy(), virial, atoms.get_forces(), sigma, {})

    assert mine.close_to(expected, 1e-10)
    assert atoms.calc.get_property("sigma_max", atoms) == sigma.max()
    assert np.sum(atoms.get_potential_energies()) == pytest.approx(expected.energy, rel=1e-12)


def test_descriptors_do_not_change_with_rotation_and_follow_their_atoms(tmp_path):
    atoms = lf.crystal()
    calculator = almlip.Calculator(write_random_potential(tmp_path / "Si.json", ["Si"]))
    first = calculator.get_property("descriptors", atoms)
    other = atoms[::-1]
    other.rotate(40, (1, 2, 3), rotate_cell=True)

    assert first.shape[0] == len(atoms)
    assert first.std(axis=0).max() > 0.01  # the crystal is displaced
    second = calculator.get_property("descriptors", other)
    assert second == pytest.approx(first[::-1], abs=1e-8)  # rounding of sums over neighbours


def test_novelty_is_that_of_the_pair_style(lmp_run, tmp_path):
    potential = write_random_potential(tmp_path / "Si.json", ["Si"], novelty_threshold=7.0)
    atoms = lf.crystal()
    data = lf.write_data(tmp_path / "frame.data", atoms, ["Si"])
    script = lf.setup(data, potential, ["Si"]) + "compute unc all pair almlip\n"
    done = lmp_run(script + lf.PRINT.format(columns="c_unc[3]") + lf.RUN)

    atoms.calc = almlip.Calculator(potential)
    novelty = atoms.calc.get_property("novelty", atoms)
    assert novelty.shape == (len(atoms),)
    assert novelty.max() == pytest.approx(done.thermo[-1]["c_unc[3]"], rel=1e-10)
