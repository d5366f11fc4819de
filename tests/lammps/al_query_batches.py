# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of fix al_query share: a hot run, a fix that takes every look, and the batches of a run."""

import json

import pytest

ase_io = pytest.importorskip("ase.io")

HOT = "velocity all create 2000 4928459 loop geom\nfix nve all nve\n"
PICK_ALL = "threshold 0.0 1000.0 gate mindist 0 fmax 0"


def manifest(run, number=1, prefix="al_batch"):
    return json.loads((run.folder / f"{prefix}.{number:04d}.json").read_text())


def batch(run, number=1, prefix="al_batch"):
    return ase_io.read(run.folder / f"{prefix}.{number:04d}.extxyz", index=":")
