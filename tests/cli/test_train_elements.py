# SPDX-License-Identifier: GPL-2.0-or-later
"""Fits of several elements, and `almlip train --start` with one that the potential has not."""

import json
import re
import subprocess

import numpy as np
import pytest

from argon import ALMLIP, QUICK, fit, frame_text, label, make_frames, train

pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")
NEON_ENERGY = 2.0  # eV per atom, which no surroundings explain


def frames(count, seed, share):
    """Cells of four atoms, of which a share is neon; it attracts like argon and costs energy."""
    random = np.random.default_rng(seed)
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    text = ""
    for _ in range(count):
        cell = 3.6 * np.eye(3) + random.normal(0, 0.08, (3, 3))
        positions = corners @ cell + random.normal(0, 0.15, (4, 3))
        energy, forces, virial = label(cell, positions)
        symbols = ["Ne" if random.random() < share else "Ar" for _ in range(4)]
        energy += NEON_ENERGY * symbols.count("Ne")
        lines = frame_text(cell, positions, energy, forces, virial).splitlines()
        rows = [line.replace("Ar", symbol, 1) for line, symbol in zip(lines[2:], symbols)]
        text += "\n".join([*lines[:2], *rows]) + "\n"
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("elements")
    (path / "argon.extxyz").write_text(frames(40, 0, 0.0))
    (path / "mixed.extxyz").write_text(frames(20, 1, 0.5))
    (path / "test.extxyz").write_text(frames(20, 2, 0.0))
    fit(path / "argon.extxyz", path / "Ar.almlip.json", "--epochs", 60)
    return path


def errors_of(potential, path):
    out = potential.with_suffix(".errors")
    command = [ALMLIP, "eval", potential, path, "--json", out]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads(out.read_text())["groups"]["all"]


def force_mae(potential, path):
    return errors_of(potential, path)["force_mae"]


def test_what_is_known_is_kept_and_the_rest_is_added(folder):
    start, more = folder / "Ar.almlip.json", folder / "ArNe.almlip.json"
    done = train("--train", folder / "argon.extxyz", folder / "mixed.extxyz", "--start", start,
                 "--output", more, "--epochs", 60, "--batch", 4)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Ne is new to " in done.stderr
    assert json.loads(more.read_text())["elements"] == ["Ar", "Ne"]
    # two thirds of the frames are the old ones: some of what is known gives way to the new
    known = force_mae(start, folder / "test.extxyz")
    assert force_mae(more, folder / "test.extxyz") < 1.6 * known
    mixed = force_mae(more, folder / "mixed.extxyz")
    assert mixed < 2 * force_mae(more, folder / "test.extxyz")


def test_new_elements_are_learned_faster_than_a_refit_learns(folder):
    def defaults(*arguments):
        done = train(*arguments, "--print-defaults")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    start = ["--start", folder / "Ar.almlip.json"]
    both = ["--train", folder / "argon.extxyz", folder / "mixed.extxyz"]
    refit = defaults("--train", folder / "argon.extxyz", *start)
    added, full = defaults(*both, *start), defaults(*both, *start, "--refit", "full")
    assert added["learning_rate"] > 2 * refit["learning_rate"]
    assert added["epochs"] == full["epochs"] and full["learning_rate"] == 0.01


def test_elements_that_are_named_are_a_limit(folder):
    done = train("--train", folder / "argon.extxyz", folder / "mixed.extxyz", "--start",
                 folder / "Ar.almlip.json", "--output", folder / "x.json", "--elements", "Ar",
                 *QUICK[-4:])  # fmt: skip
    assert done.returncode == 1
    assert 'there are frames with Ar and Ne, but "elements" are Ar' in done.stderr.replace(
        "Ar, Ne", "Ar and Ne"
    )


def alloys(numbers, seed, gap):
    """Cells of four atoms with these numbers of neon, each of which has another energy by a gap."""
    text = ""
    for n, number in enumerate(numbers):
        frame = make_frames(1, seed=seed + n)[0]
        for _ in range(number):
            frame = frame.replace("\nAr", "\nNe", 1)
        energy = re.search(r"energy=(\S+)", frame)[1]
        text += frame.replace(f"energy={energy}", f"energy={float(energy) + gap * number!r}")
    return text


def isolated_atom(symbol, energy):
    return (
        f'1\nLattice="20 0 0 0 20 0 0 0 20" Properties=species:S:1:pos:R:3:forces:R:3 '
        f'energy={energy} pbc="T T T"\n{symbol} 0 0 0 0 0 0\n'
    )


@pytest.mark.parametrize("atoms_known", [False, True])
def test_frames_of_one_composition_leave_the_energies_of_others_open(tmp_path, atoms_known):
    gap = -500.0  # eV, between the energies of neon and argon
    paths = [tmp_path / f"{name}.extxyz" for name in ("train", "same", "others")]
    atoms = isolated_atom("Ar", 0.0) + isolated_atom("Ne", gap) if atoms_known else ""
    paths[0].write_text(alloys([2] * 30, 0, gap) + atoms)
    paths[1].write_text(alloys([2] * 5, 50, gap))
    paths[2].write_text(alloys([0, 1, 3, 4], 60, gap))
    potential = tmp_path / "a.json"

    fit(paths[0], potential, "--epochs", 60)

    same, others = (errors_of(potential, path) for path in paths[1:])
    assert same["energy_sigma"] < 1.0
    assert others["energy_sigma"] is None  # infinite
    # the gap times the share of the atoms that are others than in training
    expected = 0.0 if atoms_known else abs(gap) * (0.5 + 0.25 + 0.25 + 0.5) / 4
    assert others["energy_mae"] == pytest.approx(expected, abs=1.0)
