# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip.Calculator` in ASE: physics of the shipped silicon potential.

References: consistency of energy and derivatives, and Quantum ESPRESSO with the settings of the
labels (benchmarks/silicon_reference.json), from which the potential differs by a few per cent.
"""

import copy
import json
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.eos import EquationOfState
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.phonons import Phonons

import almlip

REFERENCE = json.loads(
    (Path(__file__).resolve().parents[2] / "benchmarks/silicon_reference.json").read_text()
)["values"]


@pytest.fixture
def calculator(silicon_potential):
    return almlip.Calculator(silicon_potential)


@pytest.fixture
def silicon(calculator, silicon_lattice):
    """Eight atoms at rest."""
    atoms = bulk("Si", "diamond", silicon_lattice, cubic=True)
    atoms.calc = calculator
    return atoms


def elastic_constants(atoms, strain=2e-3):
    """C11, C12, C44 in GPa from the stress under finite strain; atoms relax under shear."""
    from ase.optimize import BFGS

    def stress(deformation):
        strained = atoms.copy()
        strained.calc = atoms.calc
        strained.set_cell(atoms.cell.array @ (np.eye(3) + deformation), scale_atoms=True)
        BFGS(strained, logfile=None).run(fmax=1e-5)
        return strained.get_stress() / units.GPa

    pull, shear = np.zeros((3, 3)), np.zeros((3, 3))
    pull[0, 0] = strain
    shear[1, 2] = shear[2, 1] = strain / 2
    along = (stress(pull) - stress(-pull)) / (2 * strain)
    across = (stress(shear) - stress(-shear)) / (2 * strain)
    return along[0], along[1], across[3]


def test_equation_of_state_and_elastic_constants_agree_with_each_other_and_with_dft(silicon):
    volumes, energies = [], []
    for scale in np.linspace(0.99, 1.01, 7):
        strained = silicon.copy()
        strained.calc = silicon.calc
        strained.set_cell(scale * silicon.cell.array, scale_atoms=True)
        volumes.append(strained.get_volume())
        energies.append(strained.get_potential_energy())
    _, _, bulk_modulus = EquationOfState(volumes, energies).fit()
    c11, c12, c44 = elastic_constants(silicon)

    # the fit has a third-order term only: 1 % at strains of 1 %
    assert bulk_modulus / units.GPa == pytest.approx((c11 + 2 * c12) / 3, rel=0.02)
    assert c11 == pytest.approx(REFERENCE["C11"], rel=0.10)
    assert c12 == pytest.approx(REFERENCE["C12"], rel=0.10)
    assert c44 == pytest.approx(REFERENCE["C44"], rel=0.10)


def test_phonons_have_acoustic_modes_at_zero_and_the_optical_one_of_dft(silicon, tmp_path):
    primitive = bulk("Si", "diamond", silicon.cell[0, 0])
    phonons = Phonons(primitive, silicon.calc, (3, 3, 3), delta=0.01, name=str(tmp_path / "phonon"))
    phonons.run()
    phonons.read(acoustic=True)
    terahertz = phonons.band_structure([[0, 0, 0]])[0] / units._hplanck * units._e / 1e12

    assert terahertz[:3] == pytest.approx(0.0, abs=0.3)  # square root of the noise of a difference
    assert terahertz[3:] == pytest.approx(REFERENCE["O(Gamma)"], rel=0.05)


def test_dynamics_conserve_energy_with_few_neighbor_searches(silicon):
    atoms = silicon * (2, 2, 2)
    atoms.calc = silicon.calc
    thermalize_momenta(atoms, temperature_K=900, rng=np.random.default_rng(1))
    searches = atoms.calc.num_searches
    energies = []
    dynamics = VelocityVerlet(atoms, timestep=1 * units.fs)
    dynamics.attach(lambda: energies.append(atoms.get_total_energy() / len(atoms)))
    dynamics.run(400)

    first, last = np.mean(energies[:100]), np.mean(energies[-100:])
    assert np.ptp(energies) < 1e-3  # eV/atom; the shadow energy of Verlet, (omega dt)^2 of kT
    assert abs(last - first) < 2e-5  # no drift within 0.3 ps
    assert atoms.calc.num_searches - searches < 30


def test_forces_and_stress_are_slopes_of_the_energy(silicon):
    silicon.rattle(0.1, seed=1)
    # O(step^2) with third derivatives of some 100 eV/Angstrom^3
    assert silicon.get_forces() == pytest.approx(
        calculate_numerical_forces(silicon, eps=1e-4), abs=1e-6
    )
    assert silicon.get_stress() == pytest.approx(
        calculate_numerical_stress(silicon, eps=1e-5), abs=1e-7
    )


def test_results_are_computed_when_asked_for(silicon):
    silicon.rattle(0.1, seed=1)
    silicon.get_forces()
    assert "sigma" not in silicon.calc.results
    sigma = silicon.calc.get_property("sigma", silicon)
    assert sigma.shape == (8,)
    assert silicon.calc.get_property("member_forces", silicon).shape == (8, 5, 3)
    assert np.mean(silicon.calc.results["member_energies"]) == pytest.approx(
        silicon.get_potential_energy(), abs=1e-9
    )
    assert silicon.calc.results["member_forces"].mean(axis=1) == pytest.approx(
        silicon.get_forces(), abs=1e-12
    )
    assert silicon.calc.results["free_energy"] == silicon.get_potential_energy()


def test_sigma_is_the_spread_of_the_members_on_the_scale_of_the_calibration(silicon_potential):
    atoms = bulk("Si", "diamond", 5.47, cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = almlip.Calculator(silicon_potential)
    members = atoms.calc.get_property("member_forces", atoms)
    spread = np.sqrt(np.sum(np.var(members, axis=1, ddof=1), axis=1))
    calibration = json.loads(silicon_potential.read_text())["calibration"]
    expected = calibration["factor"][0] * spread ** calibration["exponent"][0]
    assert atoms.calc.get_property("sigma", atoms) == pytest.approx(expected, rel=1e-10)


def test_mixed_precision_is_double_to_the_rounding_of_float(silicon, silicon_potential):
    silicon.rattle(0.1, seed=1)
    mixed = almlip.Calculator(silicon_potential, precision="mixed")
    assert mixed.get_forces(silicon) == pytest.approx(silicon.get_forces(), abs=1e-4)


def test_a_cluster_has_no_stress(calculator):
    pair = Atoms("Si2", [(0, 0, 0), (0, 0, 2.4)], calculator=calculator)
    assert pair.get_forces()[0] == pytest.approx(-pair.get_forces()[1])
    with pytest.raises(PropertyNotImplementedError, match="the cell has no volume"):
        pair.get_stress()


def test_copies_and_pickles_predict_the_same(silicon):
    silicon.rattle(0.1, seed=1)
    for twin in (copy.deepcopy(silicon.calc), pickle.loads(pickle.dumps(silicon.calc))):
        assert np.array_equal(twin.get_forces(silicon), silicon.get_forces())


def test_threads_share_a_calculator(silicon, calculator):
    frames = [silicon.copy() for _ in range(8)]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.1, seed=seed)
    expected = [calculator.get_forces(atoms).copy() for atoms in frames]
    found = [None] * len(frames)

    def predict(k):
        atoms = frames[k]
        arrays = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, "Atoms")
        for _ in range(20):
            found[k] = calculator._core.predict(*arrays, members=False, novelty=False)["forces"]

    threads = [threading.Thread(target=predict, args=(k,)) for k in range(len(frames))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(a == pytest.approx(b, abs=1e-12) for a, b in zip(found, expected))


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda atoms: atoms.symbols.__setitem__(0, "Cu"), "the potential has no element Cu"),
        (lambda atoms: atoms.positions.__setitem__(0, np.nan), "coordinates must be finite"),
        (lambda atoms: atoms.positions.__setitem__(0, atoms.positions[1]), "0 Angstrom apart"),
        (lambda atoms: atoms.set_cell(np.zeros((3, 3))), "the periodic cell has no volume"),
    ],
)
def test_a_frame_that_cannot_be_predicted_is_told(silicon, break_it, message):
    silicon.get_forces()
    break_it(silicon)
    with pytest.raises(almlip.Error, match=message):
        silicon.get_potential_energy()


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(almlip.Error, match="nowhere.json: cannot be read"):
        almlip.Calculator(tmp_path / "nowhere.json")
    (tmp_path / "text.json").write_text("nonsense")
    with pytest.raises(almlip.Error, match="text.json"):
        almlip.Calculator(tmp_path / "text.json")
