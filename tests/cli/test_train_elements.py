# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip train --start` with frames of an element that the potential has not."""

import json
import subprocess

import numpy as np
import pytest

from argon import ALMLIP, QUICK, fit, frame_text, label, train

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


def force_mae(potential, path):
    out = potential.with_suffix(".errors")
    command = [ALMLIP, "eval", potential, path, "--json", out]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads(out.read_text())["groups"]["all"]["force_mae"]


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


def test_elements_that_are_named_are_a_limit(folder):
    done = train("--train", folder / "argon.extxyz", folder / "mixed.extxyz", "--start",
                 folder / "Ar.almlip.json", "--output", folder / "x.json", "--elements", "Ar",
                 *QUICK[-4:])  # fmt: skip
    assert done.returncode == 1
    assert 'there are frames with Ar and Ne, but "elements" are Ar' in done.stderr.replace(
        "Ar, Ne", "Ar and Ne"
    )
