# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of fix al_query share: a hot run, a fix that takes every look, and the batches of a run."""

import json
import subprocess

import pytest

ase_io = pytest.importorskip("ase.io")

HOT = "velocity all create 2000 4928459 loop geom\nfix nve all nve\n"
PICK_ALL = "threshold 0.0 1000.0 gate mindist 0 fmax 0"


def manifest(run, number=1, prefix="al_batch"):
    return json.loads((run.folder / f"{prefix}.{number:04d}.json").read_text())


def batch(run, number=1, prefix="al_batch"):
    return ase_io.read(run.folder / f"{prefix}.{number:04d}.extxyz", index=":")


def spooled(folder, name="al_batch.spool"):
    """All candidates that are on disk."""
    return [
        frame
        for path in sorted((folder / name).glob("*.extxyz"))
        for frame in ase_io.read(path, index=":")
    ]


def predicted(path, potential):
    """The frames of a file with what `almlip eval` predicts."""
    output = path.with_name("eval.extxyz")
    command = ["almlip", "eval", potential, path, "--output", output]
    subprocess.run(command, check=True, capture_output=True)
    return ase_io.read(output, index=":")


def evaluated(run, potential, number=1):
    """Those of a batch."""
    return predicted(run.folder / f"al_batch.{number:04d}.extxyz", potential)
