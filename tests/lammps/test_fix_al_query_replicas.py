# SPDX-License-Identifier: GPL-2.0-or-later
"""fix al_query in the commands that tie partitions together, which have several ranks each, and in their restarts."""

import json
import re

import numpy as np
import pytest

from al_query_batches import PICK_ALL, predicted
from conftest import run_partitions
from random_potential import write_random_potential

ase_io = pytest.importorskip("ase.io")

EVENTS = "compute event all event/displace 0.5\n"
TEMPER = """variable t world 300 600
velocity all create $t 12345 loop geom
fix nvt all nvt temp $t $t 0.1
{fix}
temper 60 20 $t nvt 3847 58382"""
PRD = (
    EVENTS
    + "fix nve all nve\n{fix}\nprd 40 10 2 5 20 event 54985 vel geom gaussian temp 2000 min 0.1 0.1 20 50"
)
TAD = (
    EVENTS
    + """fix nve all nve
fix bath all langevin 3000 3000 0.1 48279
velocity all create 3000 12345 loop geom
{fix}
tad 20 10 2000 3000 0.01 0.01 event min 0.01 0.01 20 50 neb 0.0 0.01 20 20 5 neb_style quickmin"""
)


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    folder = tmp_path_factory.mktemp("potential")
    return write_random_potential(folder / "Si.json", ["Si"], least_distance=0.01)


def setup(potential, cell):
    return f"""units metal
atom_modify map array sort 0 0.0
read_data {cell}
pair_style almlip
pair_coeff * * {potential} Si
neigh_modify every 1 delay 0 check yes
"""


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(
    "command, ranks",
    [(TEMPER, 1), (TEMPER, 2), (PRD, 1), (PRD, 2), (TAD, 1)],
    ids=["temper", "temper of 2 ranks", "prd", "prd of 2 ranks", "tad"],
)
def test_every_partition_ends_and_each_has_frames_of_its_own(
    tmp_path, silicon_cell, potential, command, ranks, soft
):
    """With action soft no look is trusted: every partition would stop, but at other times."""
    watch = f"{PICK_ALL} spacing 5 batch 3 trace looks"
    if soft:
        watch = "threshold 0.0 0.01 measure force gate mindist 0 fmax 0 action soft trace looks"
    script = setup(potential, silicon_cell) + command.format(fix=f"fix q all al_query 5 {watch}")
    run_partitions(tmp_path, script, 2, ranks, timeout=100)

    for partition in (0, 1):
        log = (tmp_path / f"log.lammps.{partition}").read_text()
        assert "Total wall time" in log
        assert soft == ("the run should end, but goes on" in log)
        assert len(np.loadtxt(tmp_path / f"looks.{partition}")) > 1
    num_spools = len(list((tmp_path / "al_batch.spool").iterdir()))
    assert num_spools == 2 or command == TAD  # whose second partition quenches the same atoms
    for path in sorted(tmp_path.glob("al_batch.*.extxyz")):
        pairs = zip(ase_io.read(path, index=":"), predicted(path, potential), strict=True)
        manifest = json.loads(path.with_suffix(".json").read_text())
        for number, (ours, theirs) in enumerate(pairs):
            np.testing.assert_allclose(
                theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8
            )
            assert theirs.get_potential_energy() == pytest.approx(
                ours.info["predicted_energy"], abs=1e-6
            )
            assert manifest["frames"][number]["step"] == ours.info["step"]


def test_partitions_go_on_with_their_spools_and_batches(tmp_path, silicon_cell, potential):
    """One of them later than the other, so that it finds the other's file in use."""
    watch = f"fix q all al_query 5 {PICK_ALL} spacing 5 batch 3 file batch$w spool spool 100"
    variables = "variable w world 0 1\nvariable seed world 11 22\nvariable wait world 0.5 0.0\n"
    run = "velocity all create 2000 ${seed} loop geom\nfix nve all nve\n"
    restart = f"""pair_style almlip
pair_coeff * * {potential} Si
fix nve all nve
{watch}
run 40"""
    folders = [tmp_path / name for name in ("whole", "rest")]
    for folder in folders:
        folder.mkdir()
    start = f"{variables}{setup(potential, silicon_cell)}{run}{watch}\nrestart 40 saved.$w\nrun 80"
    run_partitions(folders[0], start, 2, 2)
    copy = "shell sleep ${wait}\n" + f"read_restart {folders[0]}/saved.$w.40\n"
    (folders[1] / "spool").mkdir()
    for path in (folders[0] / "spool").iterdir():
        (folders[1] / "spool" / path.name).write_bytes(path.read_bytes())
    run_partitions(folders[1], variables + copy + restart, 2, 2)

    for name in ("batch0.0001.json", "batch1.0001.json"):
        steps = [
            [f["step"] for f in json.loads((folder / name).read_text())["frames"]]
            for folder in folders
        ]
        assert steps[0] == steps[1]
    for name in ("0001.extxyz", "0002.extxyz"):
        spools = [
            re.findall(r" run=(\w+).* step=(\d+)", (folder / "spool" / name).read_text())
            for folder in folders
        ]
        assert spools[0] == spools[1]
        assert [int(step) for _, step in spools[0]] == list(range(0, 81, 5))
