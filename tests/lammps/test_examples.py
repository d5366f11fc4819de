# SPDX-License-Identifier: GPL-2.0-or-later
"""The inputs of examples/query, in few steps."""

import os
import subprocess
from pathlib import Path

import pytest

ase_io = pytest.importorskip("ase.io")
EXAMPLES = Path(__file__).parents[2] / "examples/query"


def go(folder, name, potential, *options, before=()):
    command = [*before, "lmp", *options, "-in", EXAMPLES / f"in.{name}"]
    command += ["-var", "potential", potential, "-var", "repeat", "2", "-var", "steps", "100"]
    command += ["-var", "from", "2500"]  # of the heating: hot from the first step
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "num_atoms"), [("heating", 64), ("compression", 64), ("surface", 95)]
)
def test_a_run_leaves_candidates_and_a_batch(tmp_path, silicon_potential, name, num_atoms):
    told = go(tmp_path, name, silicon_potential)

    assert "fix al_query query: " in told
    assert list((tmp_path / f"{name}.spool").glob("*.extxyz"))
    frames = ase_io.read(tmp_path / f"{name}.0001.extxyz", index=":")
    assert {len(frame) for frame in frames} == {num_atoms}


def test_replicas_and_one_choice_over_all(tmp_path, silicon_potential):
    go(tmp_path, "replicas", silicon_potential, "-partition", "4x1", before=["mpirun", "-n", "4"])

    spools = sorted(path.name for path in tmp_path.glob("replica-*.spool"))
    assert spools == [f"replica-{n}.spool" for n in (1, 2, 3, 4)]
    command = [os.environ.get("ALMLIP_EXECUTABLE", "almlip"), "select", silicon_potential, *spools]
    command += ["--count", "6", "--output", "batch.extxyz"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    chosen = ase_io.read(tmp_path / "batch.extxyz", index=":")
    assert len(chosen) == 6
    assert len({frame.info["selected_from"].split("/")[0] for frame in chosen}) > 1
