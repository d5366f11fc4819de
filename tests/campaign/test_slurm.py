# SPDX-License-Identifier: GPL-2.0-or-later
"""Campaigns on a real Slurm of one node, with stand-ins for `almlip` and `lmp`."""

import time

import pytest
from slurm_node import SlurmNode, why_not
from stand_ins import Trial

from almlip.campaign.slurm import Slurm

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    node = SlurmNode(tmp_path_factory.mktemp("slurm"))
    node.start()
    yield node
    node.stop()


@pytest.fixture
def trial(tmp_path, make_program, node):
    trial = Trial(tmp_path, make_program)
    trial.settings["stop"]["rounds"] = 1
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text(
        "executor: slurm\njobs: 20\nretries: 1\nlatency-wait: 20\n"
        "slurm-array-jobs: explore,label\nslurm-init-seconds-before-status-checks: 2\n"
        "default-resources: [mem_mb=400]\n"
    )
    trial.flags = ["--profile", str(profile)]
    trial.slurm = node.environment
    return trial


def start(trial, **environment):
    return trial.start("run", *trial.flags, **trial.slurm, **environment)


def wait_until(condition, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_round_runs_as_jobs_though_controller_and_driver_are_killed(trial, node):
    trial.settings["explore"]["scenarios"] = {"a": {}, "b": {"replicas": 2}}
    trial.settings["select"]["count"] = 6
    trial.settings["label"]["jobs"] = 2
    first = start(trial, FAKE_HANG_AT="11", FAKE_HANG="20")
    wait_until(lambda: "almlip select False" in trial.calls())
    node.stop_controller()  # while the labels are to be sent
    time.sleep(5)
    node.start_controller()
    wait_until(lambda: trial.calls().count("almlip train False") == 2)
    first.kill()  # while its job fits
    first.communicate()
    second = start(trial)
    stdout, stderr = second.communicate(timeout=1200)

    assert (second.returncode, stderr) == (0, "")
    assert "waiting for jobs of an earlier driver: " in stdout
    rounds = trial.rounds()
    assert [row["labelled"] for row in rounds] == [5, 6]
    assert trial.calls().count("almlip train False") == 2  # the job of the killed driver counts
    assert len(trial.results_of_labels()) == 6
    arrays = {job.split("_")[0] for job, _, _ in node.jobs() if "_" in job}
    assert len(arrays) == 2  # one of the runs, one of the labels


def test_job_that_takes_too_much_memory_is_sent_again_and_said(trial, node):
    trial.variables["mode"] = "memory"
    trial.settings["explore"]["memory"] = 0.3
    process = start(trial)
    _, stderr = process.communicate(timeout=1200)
    assert process.returncode == 1
    assert "OUT_OF_MEMORY" in stderr
    assert trial.calls().count("lmp from 100 start none") == 2  # once more, with twice the memory


def test_controller_that_does_not_answer_is_waited_for(trial, node, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(node.conf))
    slurm = Slurm(trial.output)
    node.stop_controller()
    monkeypatch.setattr("almlip.campaign.slurm.time.sleep", lambda seconds: node.start_controller())
    assert slurm.jobs() == {}
