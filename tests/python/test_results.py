# SPDX-License-Identifier: GPL-2.0-or-later
"""Which results of a calculator become labels: those of the atoms as they are, in ASE's shapes."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read as ase_read

import almlip


def copper(seed=1):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.08, seed=seed)
    return atoms


def live(seed=1):
    atoms = copper(seed)
    atoms.calc = EMT()
    atoms.get_stress()
    return atoms


def kept(seed=1, **changes):
    """With results in a calculator of its own, of which some are changed."""
    atoms = live(seed)
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    atoms.calc = SinglePointCalculator(atoms, **{**results, **changes})
    return atoms


def holding(**results):
    """With these results just as they are given."""
    atoms = kept()
    atoms.calc.results = results
    return atoms


def written(folder, frames):
    almlip.write(folder / "frames.extxyz", frames)
    return almlip.read(folder / "frames.extxyz")


CHANGES = {
    "moved": lambda atoms: atoms.positions.__iadd__(np.eye(4, 3) * 1e-3),
    "strained": lambda atoms: atoms.set_cell(1.001 * atoms.cell.array, scale_atoms=True),
    "rotated": lambda atoms: atoms.rotate(90, "z", rotate_cell=True),
    "other element": lambda atoms: atoms.symbols.__setitem__(0, "Ag"),
    "open": lambda atoms: atoms.set_pbc(False),
    "one atom less": lambda atoms: atoms.__delitem__(0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("labelled", [live, kept])
def test_results_of_other_atoms_are_no_labels(labelled, change, tmp_path):
    atoms = labelled()
    change(atoms)
    with pytest.raises(
        almlip.Error, match="frame 2: its calculator has results of other positions"
    ):
        almlip.write(tmp_path / "frames.extxyz", [labelled(), atoms])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "call",
    [
        lambda frames: almlip.train(frames, "never.json", verbose=False),
        lambda frames: almlip.train("never.extxyz", "never.json", validation=frames, verbose=False),
        lambda frames: almlip.eval("never.json", frames),
        lambda frames: almlip.select("never.json", frames, 3),
        lambda frames: almlip.select("never.json", "never.extxyz", 3, known=frames),
    ],
)
def test_no_function_takes_results_of_other_atoms(call):
    atoms = live()
    atoms.positions += np.eye(4, 3)
    with pytest.raises(almlip.Error, match="frame 1: its calculator has results of other pos"):
        call([atoms])


def test_a_calculator_that_two_frames_share_has_results_of_the_last(tmp_path):
    frames = [copper(1), copper(2)]
    calculator = EMT()
    for atoms in frames:
        atoms.calc = calculator
        atoms.get_forces()
    with pytest.raises(almlip.Error, match=r"frame 1.*keep what each frame has in a SinglePoint"):
        almlip.write(tmp_path / "frames.extxyz", frames)


def test_results_that_were_calculated_again_are_labels(tmp_path):
    atoms = live()
    atoms.positions += 0.1 * np.eye(4, 3)
    forces = atoms.get_forces()
    assert np.array_equal(written(tmp_path, atoms)[0].get_forces(), forces)


HARMLESS = {
    "wrapped": lambda atoms: (atoms.positions.__iadd__(-atoms.cell[0]), atoms.wrap()),
    "last digits": lambda atoms: atoms.positions.__iadd__(1e-9),
    "initial moments": lambda atoms: atoms.set_initial_magnetic_moments([1.0] * 4),
    "tags": lambda atoms: atoms.set_tags([1, 2, 3, 4]),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_results_stay_labels_where_energy_and_forces_do_not_change(change, tmp_path):
    atoms = kept()
    forces = atoms.get_forces()
    change(atoms)
    assert np.array_equal(written(tmp_path, atoms)[0].get_forces(), forces)


def test_a_calculator_without_results_gives_no_labels(tmp_path):
    atoms = copper()
    atoms.calc = EMT()
    assert written(tmp_path, atoms)[0].calc is None


def test_results_that_were_given_without_atoms_are_those_of_the_frame(tmp_path):
    atoms = copper()
    atoms.calc = SinglePointCalculator(Atoms(), energy=-1.0)
    assert written(tmp_path, atoms)[0].get_potential_energy() == -1.0


class Forgetful(Calculator):
    """Does not tell which atoms its results are of."""

    implemented_properties = ["energy"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        self.results = {"energy": float(np.sum(atoms.positions))}


def test_results_of_a_calculator_that_does_not_know_its_atoms_are_refused(tmp_path):
    atoms = copper()
    atoms.calc = Forgetful()
    atoms.get_potential_energy()
    with pytest.raises(almlip.Error, match="SinglePointCalculator of its own"):
        almlip.write(tmp_path / "frames.extxyz", atoms)


def test_predictions_of_almlip_are_labels_until_the_atoms_move(silicon_potential, tmp_path):
    atoms = bulk("Si", "diamond", 5.43)
    atoms.calc = almlip.Calculator(silicon_potential)
    energy = atoms.get_potential_energy()
    assert written(tmp_path, atoms)[0].get_potential_energy() == energy
    atoms.rattle(0.1)
    with pytest.raises(almlip.Error, match="results of other positions"):
        almlip.write(tmp_path / "frames.extxyz", atoms)


def test_frames_that_almlip_has_read_know_their_atoms(tmp_path):
    again = written(tmp_path, kept())
    again[0].positions += np.eye(4, 3)
    with pytest.raises(almlip.Error, match="results of other positions"):
        almlip.write(tmp_path / "again.extxyz", again)


def test_a_stress_is_taken_in_both_shapes_of_ase(tmp_path):
    stress = live().get_stress()
    full = live().get_stress(voigt=False)
    for given in (stress, full):
        found = written(tmp_path, kept(stress=given))[0].get_stress()
        assert found == pytest.approx(stress, rel=1e-13, abs=1e-16)


def test_an_energy_may_be_an_array_of_one_number(tmp_path):
    assert written(tmp_path, holding(energy=np.array([-1.5])))[0].get_potential_energy() == -1.5


BAD_RESULTS = {
    "9 numbers": (
        {"stress": np.zeros(9)},
        r"stress of shape \(9,\), but \(6,\) or \(3, 3\) is needed",
    ),
    "lost atom": (
        {"forces": np.zeros((3, 3))},
        r"forces of shape \(3, 3\), but \(4, 3\) is needed",
    ),
    "flat": ({"forces": np.zeros(12)}, r"forces of shape \(12,\), but \(4, 3\) is needed"),
    "energies": ({"energy": np.zeros(4)}, r"energy of shape \(4,\), but one number is needed"),
    "text": ({"energy": "low"}, "energy 'low', which is no number"),
    "nan": ({"energy": np.nan}, "energy that is not finite"),
}


@pytest.mark.parametrize("results, message", BAD_RESULTS.values(), ids=BAD_RESULTS.keys())
def test_results_of_another_shape_are_told_with_their_frame(results, message, tmp_path):
    with pytest.raises(almlip.Error, match=f"frame 2: its calculator holds {message}"):
        almlip.write(tmp_path / "frames.extxyz", [kept(), holding(**results)])


def test_a_label_beside_that_of_the_calculator_must_be_the_same(tmp_path):
    atoms = kept()
    atoms.info["energy"] = atoms.get_potential_energy()
    atoms.arrays["forces"] = atoms.get_forces()
    assert np.array_equal(written(tmp_path, atoms)[0].get_forces(), atoms.get_forces())
    atoms.arrays["forces"] = np.zeros((4, 3))
    with pytest.raises(almlip.Error, match='arrays."forces". differs from the forces of its calc'):
        almlip.write(tmp_path / "frames.extxyz", atoms)
    del atoms.arrays["forces"]
    atoms.info["energy"] = 5.0
    with pytest.raises(almlip.Error, match='info."energy". differs from the energy of its calc'):
        almlip.write(tmp_path / "frames.extxyz", atoms)


def test_free_energies_are_learned_where_they_differ(tmp_path):
    metal = kept(1, energy=-1.0, free_energy=-1.25)
    insulator = kept(2, energy=-2.0, free_energy=-2.0)
    found = written(tmp_path, [metal, insulator])
    assert [atoms.get_potential_energy() for atoms in found] == [-1.25, -2.0]
    assert ase_read(tmp_path / "frames.extxyz", 0).get_potential_energy() == -1.0


def test_free_energies_and_energies_of_no_kind_are_not_learned_together(tmp_path):
    frames = [kept(1, energy=-1.0, free_energy=-1.25), kept(2)]
    with pytest.raises(almlip.Error, match="the energies come from different keys"):
        almlip.train(frames, tmp_path / "never.json", verbose=False)


COLUMNS = {
    "flat forces": ("forces", np.zeros((4, 2)), 'arrays."forces". is R:2, but R:3 is needed'),
    "whole forces": ("forces", np.zeros((4, 3), dtype=int), "is I:3, but R:3 is needed"),
    "tensor": ("tensor", np.zeros((4, 3, 3)), r"arrays\['tensor'\] has shape \(4, 3, 3\)"),
    "blank": ("two words", np.zeros(4), r"a name\s+without blanks"),
    "words": ("site", np.array(["a", "b c", "d", "e"]), "a word with blanks"),
}


@pytest.mark.parametrize("name, values, message", COLUMNS.values(), ids=COLUMNS.keys())
def test_what_extended_xyz_cannot_hold_is_told(name, values, message, tmp_path):
    atoms = copper()
    atoms.arrays[name] = values
    with pytest.raises(almlip.Error, match=f"frame 1: .*{message}"):
        almlip.write(tmp_path / "frames.extxyz", atoms)


@pytest.mark.parametrize("info", [{"note": "a\nb"}, {7: "seven"}, {"Lattice": "fcc"}, {"": 1}])
def test_a_comment_that_would_break_the_file_is_told(info, tmp_path):
    atoms = copper()
    atoms.info.update(info)
    with pytest.raises(almlip.Error, match="frame 1: info"):
        almlip.write(tmp_path / "frames.extxyz", atoms)


def test_columns_of_all_kinds_are_read_again(tmp_path):
    atoms = copper()
    atoms.arrays["count"] = np.arange(4, dtype=np.uint8)
    atoms.arrays["fixed"] = np.array([True, False, True, True])
    atoms.arrays["pairs"] = np.arange(8.0).reshape(4, 2)
    atoms.arrays["site"] = np.array(["a", "b", "c", "d"])
    found = written(tmp_path, atoms)[0]
    for name in ("count", "fixed", "pairs", "site"):
        assert np.array_equal(found.arrays[name], atoms.arrays[name])
    assert found.arrays["count"].dtype.kind == "i"


@pytest.mark.parametrize(
    "path, message",
    [
        ("frames.extxyz.gz", "plain text; name it without .gz"),
        ("no-such-folder/frames.extxyz", "cannot be written: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_told(path, message, tmp_path):
    with pytest.raises(almlip.Error, match=message):
        almlip.write(tmp_path / path, copper())
