# SPDX-License-Identifier: GPL-2.0-or-later
import json
import subprocess
import sys
from pathlib import Path

import pytest

from argon import ALMLIP, make_frames

sys.path.insert(0, str(Path(__file__).parents[1] / "lammps"))
from random_potential import write_random_potential


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Extended XYZ file of 40 frames of argon."""
    path = tmp_path_factory.mktemp("frames") / "train.extxyz"
    path.write_text("".join(make_frames(40)))
    return path


@pytest.fixture
def select(tmp_path):
    """select(arguments): runs the command, on 30 candidates if no others are named; returns the
    finished process."""
    from candidates import frames_text  # needs ASE

    potential = json.loads(write_random_potential(tmp_path / "Si.json", ["Si"]).read_text())
    # Its descriptors hardly differ, as if all these frames were the same to it; fitted ones have deviation 1.
    potential["committees"][0]["inverse_deviation"] = [5.0] * len(
        potential["committees"][0]["inverse_deviation"]
    )
    (tmp_path / "Si.json").write_text(json.dumps(potential))
    (tmp_path / "pool.extxyz").write_text(frames_text(30, seed=1))

    def run(*arguments, candidates=("pool.extxyz",), output="batch.extxyz"):
        command = [
            ALMLIP,
            "select",
            "Si.json",
            *candidates,
            *map(str, arguments),
            "--output",
            output,
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    run.folder = tmp_path
    return run
