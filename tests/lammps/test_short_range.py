# SPDX-License-Identifier: GPL-2.0-or-later
"""Atoms that are much closer than any of the training set."""

import numpy as np
import pytest

import lammps_frames as lf
from conftest import LATTICE_CONSTANT, data_file, diamond
from random_potential import write_random_potential

SETUP = """units metal
atom_modify map array
read_data {data}
pair_style almlip
pair_coeff * * {potential} Si
velocity all create 300 1
{extra}
fix md all nve
fix step all dt/reset 1 1e-7 0.001 0.005 units box
thermo_style custom step temp etotal
thermo_modify norm no
thermo 100
run 1000
"""
# 1 keV for an atom of 28.0855 amu, along no axis of symmetry; 1 amu (Angstrom/ps)^2 = 1.03643e-4 eV
SPEED = np.sqrt(2 * 1000 / 28.0855 / 1.03643e-4)
KNOCK_ON = SPEED * np.array([0.735, 0.662, 0.147])


def energies(lmp_run, folder, potential, positions, extra=""):
    data = folder / "start.data"
    data.write_text(data_file(positions, 2 * LATTICE_CONSTANT))
    done = lmp_run(SETUP.format(data=data, potential=potential, extra=extra))
    return np.array([row["TotEng"] for row in done.thermo])


def test_two_atoms_on_top_of_each_other_conserve_the_energy(lmp_run, tmp_path, silicon_potential):
    positions = diamond(2)
    positions[1] = positions[0] + [0.6, 0.0, 0.53]  # 0.8 Angstrom apart
    energy = energies(lmp_run, tmp_path, silicon_potential, positions)

    # 100 eV are set free; the integrator keeps 1e-3 of it when no atom moves by more than 0.005 Angstrom
    assert abs(energy - energy[0]).max() < 0.3


def test_a_knock_on_atom_conserves_the_energy(lmp_run, tmp_path, silicon_potential):
    extra = "group one id 1\nvelocity one set {:.3f} {:.3f} {:.3f}".format(*KNOCK_ON)
    energy = energies(lmp_run, tmp_path, silicon_potential, diamond(2), extra)

    assert abs(energy - energy[0]).max() < 1.0  # 1e-3 of the 1 keV


@pytest.fixture(scope="session")
def walled(tmp_path_factory):
    """A potential whose repulsion of the nuclei, up to 2.3 Angstrom, reaches the displaced neighbours of the crystal."""
    return write_random_potential(tmp_path_factory.mktemp("walled") / "Si.json", ["Si"], zbl=2.3)


@pytest.mark.parametrize("ranks", [1, 2])
def test_short_range_repulsion_agrees_with_eval(walled, evaluate, tmp_path, ranks):
    atoms = lf.crystal()
    atoms.rattle(0.15, seed=4)
    written, prediction = lf.predict(walled, atoms, tmp_path)
    result = evaluate(
        written,
        walled,
        ["Si"],
        ranks,
        after="fix wall all pair 1 almlip zbl 1\ncompute wall all reduce sum f_wall\n",
        columns="c_wall",
    )
    expected = lf.result_of(prediction)

    assert result.close_to(expected, 1e-10)
    assert result.thermo["c_wall"] > 0.1


# 1 eV = 23.06055 kcal/mol; see test of the units above
def test_short_range_energies_are_in_units_of_the_run(walled, evaluate):
    atoms = lf.crystal()
    atoms.rattle(0.15, seed=4)
    wall = {
        "after": "fix wall all pair 1 almlip zbl 1\ncompute wall all reduce sum f_wall\n",
        "columns": "c_wall",
    }
    metal = evaluate(atoms, walled, ["Si"], **wall).thermo["c_wall"]
    real = evaluate(atoms, walled, ["Si"], units="real", **wall).thermo["c_wall"]

    assert real / metal == pytest.approx(23.06055, rel=2e-5)
