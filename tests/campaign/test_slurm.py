# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns on a real Slurm of one node, with stand-ins for `almlip` and `lmp`."""

import sys
import time
from pathlib import Path

import pytest
from slurm_node import SlurmNode, why_not
from stand_ins import Trial

from almlip.campaign.profiles import find_profile
from almlip.campaign.slurm import Slurm

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

# A code that hangs when it is called for the second time, and notes each structure that it finishes.
LABELLER = """
import os, sys, time
from ase.calculators.emt import EMT
from ase.io import read, write

calls = os.environ["FAKE_CALLS"]
begun = open(calls + ".begun", "a+")
begun.write("structure\\n")
begun.flush()
begun.seek(0)
if len(begun.readlines()) == 2:
    time.sleep(600)
atoms = read(sys.argv[1])
atoms.calc = EMT()
atoms.get_forces()
write(sys.argv[2], atoms)
open(calls + ".labelled", "a").write("structure\\n")
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = SlurmNode(tmp_path_factory.mktemp("slurm"))
    node.start()
    yield node
    node.stop()


@pytest.fixture
def trial(tmp_path, make_program, node):
    """A campaign whose round 0 is still to be done, with the profile that is shipped, but in a hurry."""
    trial = Trial(tmp_path, make_program)
    trial.settings["stop"]["rounds"] = 0
    text = Path(find_profile("slurm"), "config.yaml").read_text()
    profile = tmp_path / "profile/config.yaml"
    profile.parent.mkdir()
    profile.write_text(text.replace("status-checks: 20", "status-checks: 2"))
    trial.flags = ["--profile", str(profile.parent)]
    trial.slurm = node.environment
    return trial


def start(trial, **environment):
    return trial.start("run", *trial.flags, **trial.slurm, **environment)


def end(process):
    process.kill()
    process.communicate()


def notes(trial, name):
    """How many structures the stand-in for a code has begun, or labelled."""
    path = trial.calls_file.with_name(f"calls.{name}")
    return path.read_text().count("structure") if path.exists() else 0


def wait_until(condition, process=None, seconds=600):
    last = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < last
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.2)


def test_round_survives_failures_of_node_controller_and_driver(trial, node, monkeypatch, capsys):
    assert trial.run_here(monkeypatch, capsys)[0] == 0  # round 0, without Slurm
    trial.settings["stop"]["rounds"] = 1
    trial.settings["explore"]["scenarios"] = {"a": {}, "b": {}}
    trial.variables["mode"] = "hang once"
    trial.settings["select"]["count"] = 6
    trial.settings["label"]["jobs"] = 2
    first = start(trial, FAKE_HANG_AT="11", FAKE_HANG="15")
    wait_until(lambda: trial.calls().count("lmp from 100 start none") == 2, first)
    node.fail()  # with both runs
    wait_until(lambda: "almlip select False" in trial.calls(), first)
    node.end_daemon("slurmctld")  # before the labels are sent
    time.sleep(5)
    node.start_controller()

    def is_fitting():
        node.put_right()
        return trial.calls().count("almlip train False") == 2

    wait_until(is_fitting, first)
    end(first)  # while its job fits
    second = start(trial)
    stdout, stderr = second.communicate(timeout=600)

    assert (second.returncode, stderr) == (0, "")
    assert "waiting for jobs of an earlier driver: " in stdout
    assert trial.calls().count("lmp from 100 start none") == 4  # Slurm sent them again
    assert trial.calls().count("almlip train False") == 2  # the job of the killed driver counts
    assert [row["labelled"] for row in trial.rounds()] == [5, 6]
    assert len(trial.results_of_labels()) == 6
    arrays = {job.split("_")[0] for job, _ in node.jobs() if "_" in job}
    assert len(arrays) == 2  # one of the runs, one of the labels
    assert len(node.jobs()) == 2 + 1 + 2 + 1 + 1  # and no task was sent once more


def test_job_without_memory_is_sent_again_with_twice_as_much(trial, node, monkeypatch, capsys):
    assert trial.run_here(monkeypatch, capsys)[0] == 0
    trial.settings["stop"]["rounds"] = 1
    trial.settings["explore"]["memory"] = 1
    trial.variables["mode"] = "memory"  # 0.9 GB, and what Snakemake needs
    process = start(trial)
    wait_until((trial.output / "rounds/01/explore/run-1/step.json").exists, process)
    end(process)
    assert trial.calls().count("lmp from 100 start none") == 2


def test_job_out_of_time_goes_on_where_it_was(trial, node):
    labeller = trial.folder / "code.py"
    labeller.write_text(LABELLER)
    trial.settings["start"] = {"structures": ["train.extxyz"]}
    command = f"{sys.executable} code.py {{input}} {{output}}"
    trial.settings["label"] = {"labeller": {"calculator": "command", "command": command}}
    trial.settings["label"] |= {"minutes": 60}
    process = start(trial)
    wait_until(lambda: notes(trial, "begun") == 2, process)
    (job,) = (job for job, state in node.jobs() if state == "RUNNING")
    node.call("scontrol", "update", f"JobId={job}", "TimeLimit=1")  # minutes
    wait_until((trial.output / "rounds/00/label/0/step.json").exists, process)
    end(process)
    assert "TIMEOUT" in {state for _, state in node.jobs()}
    assert notes(trial, "begun") == 5 + 1  # only the one that hung was begun twice
    assert notes(trial, "labelled") == 5


def test_controller_that_does_not_answer_is_waited_for(trial, node, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(node.conf))
    slurm = Slurm(trial.output)
    node.end_daemon("slurmctld")
    monkeypatch.setattr("almlip.campaign.slurm.time.sleep", lambda seconds: node.start_controller())
    assert slurm.jobs() == {}
