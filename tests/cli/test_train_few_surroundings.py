# SPDX-License-Identifier: GPL-2.0-or-later
"""Fits to frames in which atoms of an element have one kind of surroundings, or a few."""

import json
import subprocess

import numpy as np
import pytest

from argon import ALMLIP, fit, frame_text, label, make_frames

pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")
CORNERS = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def errors_of(potential, frames):
    out = potential.with_suffix(".errors")
    subprocess.run([ALMLIP, "eval", potential, frames, "--json", out], check=True)
    return json.loads(out.read_text())["groups"]["all"]


def mean_force(frames):
    """Mean of the components' magnitudes, eV/Angstrom: the error of a potential without forces."""
    rows = [line.split() for line in frames.read_text().splitlines()]
    forces = [[float(word) for word in row[4:]] for row in rows if row[0] in ("Ar", "Ne")]
    return np.abs(forces).mean()


def with_one_neon(frame):
    return frame.replace("\nAr", "\nNe", 1)


@pytest.mark.parametrize("num_neon", [1, 2])
def test_element_with_an_atom_or_two_has_forces_of_usual_size_elsewhere(tmp_path, num_neon):
    # neon attracts as argon does, so that forces are known without a single frame of it
    frames, test = tmp_path / "train.extxyz", tmp_path / "test.extxyz"
    rare = [with_one_neon(frame) for frame in make_frames(num_neon, seed=1)]
    frames.write_text("".join(make_frames(40) + rare))
    test.write_text("".join(with_one_neon(frame) for frame in make_frames(20, seed=2)))

    fit(frames, tmp_path / "a.json", "--epochs", 40, "--precision", "single")

    assert errors_of(tmp_path / "a.json", test)["force_mae"] < 3 * mean_force(test)


def perfect_crystals(lengths):
    cells = [length * np.eye(3) for length in lengths]
    return "".join(frame_text(cell, CORNERS @ cell, *label(cell, CORNERS @ cell)) for cell in cells)


def test_perfect_crystals_are_learned_by_their_energies(tmp_path):
    # forces vanish but for rounding, 1e-17 eV/Angstrom; energies differ by some 0.3 eV/atom
    frames, test, rattled = (tmp_path / f"{name}.extxyz" for name in ("train", "test", "rattled"))
    frames.write_text(perfect_crystals(np.linspace(3.3, 3.9, 16)))
    test.write_text(perfect_crystals([3.35, 3.55, 3.75]))
    rattled.write_text("".join(make_frames(20, seed=2, rattle=0.1)))

    fit(frames, tmp_path / "a.json", "--epochs", 200, "--precision", "single")

    assert errors_of(tmp_path / "a.json", test)["energy_mae"] < 0.01
    error = errors_of(tmp_path / "a.json", rattled)["force_mae"]
    assert error < 300 * mean_force(rattled)  # nothing is known of them, but no 1e14 eV/Angstrom
