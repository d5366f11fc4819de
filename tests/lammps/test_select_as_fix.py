# SPDX-License-Identifier: GPL-2.0-or-later
"""What `almlip select` finds in the dump of a run is what fix al_query has found in the run."""

import json
import subprocess

import numpy as np
import pytest

from al_query_batches import HOT, spooled

DUMP = """group some id <= 10
variable some atom gmask(some)
dump d all custom 10 run.dump id type x y z v_some
dump_modify d sort id format float %.16g
"""


@pytest.fixture
def window(lmp_run, query_script):
    """lo and hi that the group's largest sigma is between, above and below in about as many looks."""
    trace = "10 threshold 0.0 1000.0 measure force trace looks.txt"
    run = lmp_run(query_script("run 1000", fix=trace, setup=DUMP + HOT, group="some"))
    return np.quantile(np.loadtxt(run.folder / "looks.txt")[:, 2], [0.4, 0.7])


def found_by_select(folder, potential, source, group, *options):
    """(step, why it is a candidate) of all candidates of a file, sorted."""
    command = ["almlip", "select", potential, source, "--elements", "Si"]
    command += ["--group", group] if group else []
    command += ["--measure", "force", "--mindist", "0", "--fmax", "0", "--strategy", "random"]
    command += ["--count", "200", "--manifest", "--output", "chosen.extxyz", *map(str, options)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    frames = json.loads((folder / "chosen.json").read_text())["frames"]
    return sorted((frame["step"], frame["why"]) for frame in frames)


@pytest.mark.parametrize("before, spacing", [(0, 10), (2, 10), (3, 50)])
def test_candidates_of_a_dump(lmp_run, query_script, silicon_potential, window, before, spacing):
    lo, hi = window
    fix = f"10 threshold {lo} {hi} measure force before {before} spacing {spacing} gate mindist 0 fmax 0"
    run = lmp_run(query_script("run 1000", fix=fix, setup=DUMP + HOT, group="some"))
    in_the_run = sorted((f.info["step"], f.info["reason"]) for f in spooled(run.folder))

    assert {why for _, why in in_the_run} >= {"window", "above_hi"} | (
        {"before"} if before else set()
    )
    rule = ["--threshold", lo, hi, "--spacing", spacing, "--before", before]
    assert found_by_select(run.folder, silicon_potential, "run.dump", "v_some", *rule) == in_the_run


def test_a_spool_tells_the_group(lmp_run, query_script, silicon_potential, window):
    """Its frames have the same largest sigma as in the run, not that of all atoms."""
    fix = "10 threshold 0.0 1000.0 measure force spacing 10 gate mindist 0 fmax 0"
    run = lmp_run(query_script("run 200", fix=fix, setup=DUMP + HOT, group="some"))
    frames = spooled(run.folder)

    assert len(frames) == 21
    for frame in frames:
        assert list(frame.arrays["group"]) == [1.0] * 10 + [0.0] * (len(frame) - 10)
        assert frame.info["max_sigma"] == frame.arrays["sigma"][:10].max()
    lo = np.sort([frame.info["max_sigma"] for frame in frames])[10:12].mean()
    steps = [f.info["step"] for f in frames if f.info["max_sigma"] >= lo]
    for group in ("group", ""):
        rule = ["--threshold", lo, 1000]
        found = found_by_select(run.folder, silicon_potential, "al_batch.spool", group, *rule)
        assert [step for step, _ in found] == steps
    whole = lmp_run(query_script("run 0", fix=fix, setup=HOT))
    assert "group" not in spooled(whole.folder)[0].arrays
