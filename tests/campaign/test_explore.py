# SPDX-License-Identifier: GPL-2.0-or-later
"""A run: what its input must leave, the files that come along, where the next one begins."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from almlip.campaign.explore import next_start, sources, summarise, write_start
from almlip.campaign.plan import Plan, plan_runs
from almlip.campaign.programs import Killed, StepFailed, run_program
from almlip.campaign.select import flags
from almlip.frames import write_frames

TRACE = """\
# step looks max_sigma(eV/A) mean_sigma(eV/A) max_novelty lo hi nearness flagged untrusted candidates buffered
0 1 0.2 0.1 0.5 0.1 2 0.9 1 0 1 1
10 2 0.4 0.1 0.5 0.1 2 0.9 2 0 1 1
20 3 2.5 0.1 0.5 0.1 2 0.9 3 1 2 1
30 4 2.6
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "trace.txt").write_text(TRACE)
    (tmp_path / "q.spool").mkdir()
    (tmp_path / "end.data").write_text("")
    return tmp_path


def test_trace_is_summarised_without_a_line_that_was_not_finished(run):
    found = summarise(run, "in.md", "")
    assert (found["looks"], found["steps"], found["max_sigma"]) == (3, 20, 2.5)
    assert found["sigma"][0] == 0.4  # the median of three
    assert (found["candidates"], found["rejected"], found["spools"]) == (2, 1, ["q.spool"])
    assert (found["above_hi"], found["nothing_trusted"]) == (True, False)


@pytest.mark.parametrize(
    "missing, message",
    [
        ("trace.txt", "in.md: the run left no trace.txt; give fix al_query the keyword: trace "),
        ("q.spool", "in.md: the run left no spool; do not turn it off in fix al_query"),
        ("end.data", "in.md: the run left no end.data; end it with: write_data end.data nocoeff"),
    ],
)
def test_what_is_missing_is_said(run, missing, message):
    path = run / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(StepFailed) as error:
        summarise(run, "in.md", "")
    assert message in str(error.value)


def test_trace_without_a_column_is_refused(run):
    (run / "trace.txt").write_text(TRACE.replace("untrusted", "distrusted"))
    with pytest.raises(StepFailed, match="is not that of fix al_query"):
        summarise(run, "in.md", "")


def test_run_that_failed_before_it_looked_is_a_failure(run):
    (run / "trace.txt").write_text(TRACE.splitlines()[0] + "\n")
    with pytest.raises(StepFailed, match="ERROR: Unknown pair style"):
        summarise(run, "in.md", "lmp failed: ERROR: Unknown pair style")


@pytest.mark.parametrize("end", ["kill -9 $$", "exit 137", "exit 9"])  # the last: mpirun of MPICH
def test_program_that_was_killed_is_told_from_one_that_failed(tmp_path, end):
    with pytest.raises(Killed, match=r"sh was killed \(SIGKILL\)"):
        run_program(["sh", "-c", end], tmp_path, "log")


@pytest.mark.parametrize(
    "change, expected",
    [
        ({}, {"file": "/r/end.data", "index": None}),
        ({"failure": "lost atoms"}, "begin"),
        ({"above_hi": True}, "begin"),
        ({"nothing_trusted": True, "above_hi": True}, None),
    ],
)
def test_next_run_begins_where_the_potential_was_trusted(change, expected):
    found = {"failure": "", "above_hi": False, "nothing_trusted": False, **change}
    assert next_start(found, "begin", Path("/r")) == expected


def test_files_that_the_input_mentions_come_along(tmp_path):
    text = (
        "include common.lmp  # not.this\ninclude settings\ninclude 'sub/more'\nread_data ${box}\n"
    )
    (tmp_path / "in.md").write_text(text + "write_data end.data\n")
    (tmp_path / "common.lmp").write_text("pair_coeff * * table.txt Cu ../other.txt\n")
    (tmp_path / "sub").mkdir()
    names = ["table.txt", "box.data", "settings", "sub/more", "further.txt"]
    for name in (*names, "not.this", "other.txt", "end.data"):  # the last is of a trial by hand
        (tmp_path / name).write_text("")
    run = {"input": str(tmp_path / "in.md"), "files": [str(tmp_path / "further.txt")]}
    found = sources({**run, "variables": {"box": "box.data"}})
    mentioned = ["sub/more", "box.data", "settings", "common.lmp", "table.txt"]
    assert list(found) == ["further.txt", "in.md", *mentioned]  # always in this order


def test_choice_refuses_nothing_that_the_input_let_through():
    settings = {"threshold": None, "reference": [], "mindist": None, "fmax": None}
    assert list(flags(settings)) == ["--mindist", 0, "--fmax", 0]  # 0: no limit
    settings |= {"threshold": [0.1, 2], "mindist": 1.5}
    assert list(flags(settings)) == ["--threshold", 0.1, 2, "--mindist", 1.5, "--fmax", 0]


def test_start_has_the_structure_and_its_boundary(tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms[0].symbol = "Au"
    atoms.pbc = [True, True, False]
    write_frames(tmp_path / "s.extxyz", [bulk("Cu"), atoms])
    plan = Plan(1, str(tmp_path), {"elements": ["Ag", "Au", "Cu"]}, {}, 1, [])
    structure = {"file": str(tmp_path / "s.extxyz"), "index": 1}
    boundary = write_start(structure, plan, tmp_path / "start.data")
    text = (tmp_path / "start.data").read_text()
    types = [line.split()[1] for line in text.split("Atoms")[1].splitlines()[2:] if line.split()]
    assert boundary == "p p f"
    assert "3 atom types" in text
    assert types == ["2", "3", "3", "3"]
    assert float(text.split("Masses")[1].split()[3]) == pytest.approx(196.967, abs=1e-3)


def test_lists_of_variables_have_a_value_for_each_round_and_replicas_take_frames_in_turn(tmp_path):
    write_frames(tmp_path / "s.extxyz", [bulk("Cu"), bulk("Cu"), bulk("Cu")])
    scenario = {"structures": [str(tmp_path / "s.extxyz")], "replicas": 2, "files": []}
    scenario |= {"variables": {"T": [300, 600]}, "resume": True}
    explore = {"input": "in.md", "files": [], "variables": {"T": 1, "p": 0}}
    settings = {"seed": 1, "explore": {**explore, "scenarios": {"hot": scenario}}}
    rounds = [plan_runs(settings, number) for number in (1, 2, 3)]
    assert [each["hot-1"]["variables"]["T"] for each in rounds] == [300, 600, 600]
    indices = [run["structure"]["index"] for each in rounds for run in each.values()]
    assert indices == [0, 1, 2, 0, 1, 2]
    seeds = [run["seed"] for each in rounds for run in each.values()]
    assert len(np.unique(seeds)) == 6
