# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames in and out, and the commands as functions."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read as ase_read
from ase.io import write as ase_write

import almlip


def copper(seed, scale=1.0, labelled=True):
    atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    atoms.set_cell(scale * atoms.cell.array, scale_atoms=True)
    atoms.rattle(0.08, seed=seed)
    atoms.info["config_type"] = "even" if seed % 2 == 0 else "odd"
    if labelled:
        atoms.calc = EMT()
        atoms.get_stress()
    return atoms


@pytest.fixture(scope="module")
def frames():
    return [copper(seed, 0.97 + 0.002 * seed) for seed in range(30)]


@pytest.fixture(scope="module")
def potential(frames, tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "Cu.almlip.json"
    return almlip.train(frames, path, preset="fast", epochs=30, members=3, verbose=False)


def same(mine, theirs):
    assert np.array_equal(mine.numbers, theirs.numbers)
    assert np.array_equal(mine.positions, theirs.positions)
    assert np.array_equal(mine.cell.array, theirs.cell.array)
    assert np.array_equal(mine.pbc, theirs.pbc)
    assert mine.get_potential_energy() == theirs.get_potential_energy()
    assert np.array_equal(mine.get_forces(), theirs.get_forces())
    assert mine.get_stress() == pytest.approx(theirs.get_stress(), rel=1e-13, abs=1e-16)


def test_what_is_written_is_read_again_to_the_last_digit(frames, tmp_path):
    almlip.write(tmp_path / "frames.extxyz", frames[:3])
    again = almlip.read(tmp_path / "frames.extxyz")
    assert len(again) == 3
    for mine, theirs in zip(again, frames):
        same(mine, theirs)
        assert mine.info["config_type"] == theirs.info["config_type"]


def test_files_of_ase_are_read_as_ase_reads_them(frames, tmp_path):
    ase_write(tmp_path / "frames.extxyz", frames[:3])
    ase_write(tmp_path / "more.extxyz", frames[3])
    mine = almlip.read([tmp_path / "frames.extxyz", tmp_path / "more.extxyz"])
    theirs = ase_read(tmp_path / "frames.extxyz", ":") + ase_read(tmp_path / "more.extxyz", ":")
    assert len(mine) == len(theirs) == 4
    for one, other in zip(mine, theirs):
        same(one, other)


def test_numbers_and_arrays_of_the_comment_line_are_numbers(tmp_path):
    atoms = copper(1)
    atoms.info.update(temperature=300.5, step=7, axis=np.array([0.0, 1.0, 2.0]), name="a b")
    almlip.write(tmp_path / "frame.extxyz", atoms)
    info = almlip.read(tmp_path / "frame.extxyz")[0].info
    assert (info["temperature"], info["step"], info["name"]) == (300.5, 7, "a b")
    assert info["axis"] == pytest.approx([0.0, 1.0, 2.0])


def test_a_bad_file_is_told_with_file_and_frame(tmp_path):
    (tmp_path / "bad.extxyz").write_text("2\nProperties=species:S:1:pos:R:3\nCu 0 0 0\n")
    with pytest.raises(almlip.Error, match=r"bad\.extxyz, frame 1"):
        almlip.read(tmp_path / "bad.extxyz")


def test_a_fitted_potential_predicts_what_it_was_fitted_to(potential, frames):
    found = almlip.eval(potential, frames)
    mean = np.mean([np.abs(atoms.get_forces()).mean() for atoms in frames])
    assert found.errors["all"]["frames"] == len(frames)
    assert set(found.errors) == {"all", "even", "odd"}
    assert found.errors["all"]["force_mae"] < 0.1 * mean
    calculator = almlip.Calculator(potential)
    for atoms, reference in zip(found.frames, frames):
        assert np.array_equal(atoms.arrays["ref_forces"], reference.get_forces())
        assert atoms.info["ref_energy"] == reference.get_potential_energy()
        assert atoms.info["ref_stress"] == pytest.approx(reference.get_stress(), rel=1e-12)
        assert atoms.get_forces() == pytest.approx(calculator.get_forces(reference), abs=1e-10)
        assert atoms.arrays["sigma"] == pytest.approx(
            calculator.get_property("sigma", reference), rel=1e-9
        )


def test_settings_of_train_are_those_of_the_command(frames, tmp_path):
    with pytest.raises(almlip.Error, match="lmax"):
        almlip.train(frames, tmp_path / "x.json", settings={"lmax": -1}, verbose=False)
    with pytest.raises(almlip.Error, match='does not take "--epoch"; did you mean --epochs'):
        almlip.train(frames, tmp_path / "x.json", epoch=3, verbose=False)


def test_training_prints_its_progress(frames, tmp_path, capsys):
    almlip.train(frames, tmp_path / "x.json", preset="fast", epochs=2, members=2)
    assert "epoch" in capsys.readouterr().out


def test_selected_frames_differ_from_the_known_ones(potential, frames):
    candidates = [copper(seed, 1.04, labelled=False) for seed in range(100, 108)]
    chosen = almlip.select(potential, candidates, 3, strategy="hybrid", known=candidates[:4])
    places = {tuple(atoms.positions[0]) for atoms in candidates[4:]}
    assert len(chosen) == 3
    assert all(tuple(atoms.positions[0]) in places for atoms in chosen)
    assert all(atoms.info["selected_from"].startswith("candidates.extxyz") for atoms in chosen)
    again = almlip.select(potential, candidates, 3, strategy="hybrid", known=candidates[:4])
    assert [a.info for a in again] == [a.info for a in chosen]


def test_the_default_strategy_is_that_of_the_command(potential, frames):
    candidates = [copper(seed, 1.04, labelled=False) for seed in range(100, 108)]
    default = almlip.select(potential, candidates, 3, reference=None)
    named = almlip.select(potential, candidates, 3, strategy="alc_atoms")
    assert [a.info["selected_from"] for a in default] == [a.info["selected_from"] for a in named]
