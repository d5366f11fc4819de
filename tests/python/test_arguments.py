# SPDX-License-Identifier: GPL-2.0-or-later
"""What a caller gives wrongly raises almlip.Error in one line; what can be meant only in one way works."""

import re

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

import almlip

FLAGS = {"preset": "fast", "epochs": 2, "members": 2, "verbose": False}


def copper(seed):
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.08, seed=seed)
    atoms.calc = EMT()
    atoms.get_stress()
    return atoms


@pytest.fixture(scope="module")
def frames():
    return [copper(seed) for seed in range(12)]


@pytest.fixture(scope="module")
def potential(frames, tmp_path_factory):
    return almlip.train(frames, tmp_path_factory.mktemp("fit") / "Cu.almlip.json", **FLAGS)


WRITE = {
    "numbers": (np.zeros((3, 3)), r"frames\[0\] is numpy.ndarray, but it must be ase.Atoms"),
    "names": (["a.extxyz"], r"frames\[0\] is str, but it must be ase.Atoms"),
    "a name": ("a.extxyz", r"frames\[0\] is str"),
    "nothing": (None, "frames is NoneType, but a list is needed"),
    "a dictionary": ({"a": 1}, "frames is dict, but a list is needed"),
}


@pytest.mark.parametrize("frames, message", WRITE.values(), ids=WRITE.keys())
def test_only_atoms_are_written(frames, message, tmp_path):
    with pytest.raises(almlip.Error, match=f"^{message}"):
        almlip.write(tmp_path / "x.extxyz", frames)
    assert not list(tmp_path.iterdir())


CALLS = {
    "read": (lambda x: almlip.read(x.bad), r"^paths is object, but a list is needed$"),
    "read list": (lambda x: almlip.read([3]), r"^paths\[0\] is int, but it must be the path"),
    "read key": (lambda x: almlip.read("x", energy_key=[1]), r"^energy_key\[0\] is int"),
    "write path": (lambda x: almlip.write(None, x.frames), "^path is NoneType"),
    "train path": (lambda x: almlip.train(x.frames, None), "^output is NoneType"),
    "train none": (lambda x: almlip.train([], "x.json"), "^there is no frame in frames; give"),
    "train mixture": (
        lambda x: almlip.train([*x.frames, "a.extxyz"], "x.json"),
        r"^frames\[12\] is str, but it must be ase.Atoms",
    ),
    "no validation": (
        lambda x: almlip.train(x.frames, "x.json", validation=[]),
        "^there is no frame in validation",
    ),
    "settings": (
        lambda x: almlip.train(x.frames, "x.json", settings="fit.json"),
        "^settings is str, but it must be a dictionary",
    ),
    "settings value": (
        lambda x: almlip.train(x.frames, "x.json", settings={"cutoff": x.bad}),
        "^settings cannot be written as JSON",
    ),
    "settings nan": (
        lambda x: almlip.train(x.frames, "x.json", settings={"cutoff": np.nan}),
        "^settings cannot be written as JSON",
    ),
    "setting": (
        lambda x: almlip.train(x.frames, "x.json", settings={"cutof": 5}, verbose=False),
        '^settings: there is no setting "cutof"; did you mean "cutoff"',
    ),
    "ranks": (lambda x: almlip.train(x.frames, "x.json", ranks=1.5), "^ranks is 1.5, but it must"),
    "no ranks": (lambda x: almlip.train(x.frames, "x.json", ranks=0), "^ranks is 0, but it must"),
    "flag": (lambda x: almlip.train(x.frames, "x.json", epoch=3), 'does not take "--epoch"; did'),
    "flag value": (
        lambda x: almlip.train(x.frames, "x.json", epochs=x.bad),
        "^epochs is object, but a flag needs text, a number or a list of them",
    ),
    "own flag": (
        lambda x: almlip.select(x.potential, x.frames, 3, output="x"),
        '^"output" is no flag here',
    ),
    "eval potential": (
        lambda x: almlip.eval(almlip.Calculator(x.potential), x.frames),
        "^potential is almlip.calculator.Calculator, but it must be the path of a file",
    ),
    "eval none": (lambda x: almlip.eval(x.potential, []), "^there is no frame in frames"),
    "eval data": (lambda x: almlip.eval(x.potential, 3), "^frames is int, but a list is needed"),
    "count": (
        lambda x: almlip.select(x.potential, x.frames, 2.5),
        "^count is 2.5, but it must be a whole number of 1 or more",
    ),
    "no count": (lambda x: almlip.select(x.potential, x.frames, 0), "^count is 0, but it must"),
    "count text": (lambda x: almlip.select(x.potential, x.frames, "3"), "^count is '3', but it"),
    "seed": (
        lambda x: almlip.select(x.potential, x.frames, 3, seed=-1),
        "^seed is -1, but it must",
    ),
    "strategy": (lambda x: almlip.select(x.potential, x.frames, 3, strategy="luck"), "luck"),
    "select flag": (
        lambda x: almlip.select(x.potential, x.frames, 3, alfa=0.5),
        'does not take "--alfa"; did you mean --alpha',
    ),
    "potential": (lambda x: almlip.Calculator(None), "^potential is NoneType, but it must be the"),
    "skin": (
        lambda x: almlip.Calculator(x.potential, skin=-0.1),
        "^skin is -0.1, but it must be a",
    ),
    "skin nan": (lambda x: almlip.Calculator(x.potential, skin=np.nan), "^skin is nan, but"),
    "skin text": (lambda x: almlip.Calculator(x.potential, skin="wide"), "^skin is 'wide', but"),
    "set": (lambda x: almlip.Calculator(x.potential).set(skin=1.0), "^skin cannot be set after"),
    "no atoms": (
        lambda x: almlip.Calculator(x.potential).get_property("sigma"),
        "^there are no atoms to predict",
    ),
}


@pytest.mark.parametrize("call, message", CALLS.values(), ids=CALLS.keys())
def test_a_wrong_argument_is_one_clear_error(
    call, message, frames, potential, tmp_path, monkeypatch
):
    class Given:
        bad = object()

    Given.frames, Given.potential = frames, potential
    monkeypatch.chdir(tmp_path)
    with pytest.raises(almlip.Error) as caught:
        call(Given)
    assert re.search(message, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_errors_of_commands_name_the_argument_and_not_the_file_between(frames, potential):
    gold = bulk("Au", cubic=True)
    with pytest.raises(almlip.Error, match="^frames, frame 13: the potential has no element Au"):
        almlip.eval(potential, [*frames, gold])


def test_numbers_of_numpy_are_settings_and_flags(frames, tmp_path):
    made = almlip.train(
        frames,
        tmp_path / "x.json",
        settings={"members": np.int64(2), "cutoff": np.float32(4.5), "elements": np.array(["Cu"])},
        epochs=np.int64(2),
        preset=np.str_("fast"),
        novelty=np.bool_(True),
        verbose=False,
    )
    calculator = almlip.Calculator(made)
    assert (calculator._core.num_members, calculator.cutoff) == (2, 4.5)


def test_generators_are_frames(frames, potential, tmp_path):
    almlip.write(tmp_path / "x.extxyz", (atoms for atoms in frames))
    assert len(almlip.read(path for path in [tmp_path / "x.extxyz"])) == len(frames)
    assert len(almlip.eval(potential, (atoms for atoms in frames)).frames) == len(frames)
    made = almlip.train((atoms for atoms in frames), tmp_path / "x.json", **FLAGS)
    candidates = (copper(seed) for seed in range(50, 55))
    assert len(almlip.select(made, candidates, np.int64(2))) == 2


def test_a_choice_of_nothing_is_an_empty_list(frames, potential):
    assert almlip.select(potential, frames, 3) == []


def test_nothing_known_is_nothing_known(potential):
    candidates = [copper(seed) for seed in range(50, 55)]
    assert len(almlip.select(potential, candidates, 2, known=[])) == 2


def test_reference_frames_may_be_in_memory(potential, tmp_path):
    candidates = [copper(seed) for seed in range(50, 58)]
    reference = [copper(seed) for seed in range(60, 63)]
    almlip.write(tmp_path / "use.extxyz", reference)
    one, other = (
        almlip.select(potential, candidates, 3, reference=given)
        for given in (reference, tmp_path / "use.extxyz")
    )
    assert [a.info["selected_from"] for a in one] == [a.info["selected_from"] for a in other]


def test_false_is_a_value(frames, tmp_path):
    made = almlip.train(frames, tmp_path / "x.json", novelty=False, **FLAGS)
    assert not almlip.Calculator(made)._core.has_novelty
