# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver believes of Slurm: only products count. With stand-ins; test_slurm.py has a real one."""

import os
import time

import pytest
from stand_ins import Trial, do_steps

from almlip.campaign.driver import Driver
from almlip.campaign.programs import StepFailed
from almlip.campaign.slurm import LOST, PATIENCE, Slurm, Watch


@pytest.fixture
def trial(tmp_path, make_program, monkeypatch):
    trial = Trial(tmp_path, make_program)
    trial.settings["stop"]["rounds"] = 0
    trial.write()
    for program in ("sbatch", "squeue", "scancel", "scontrol"):
        make_program(program, 'cat "${SLURM_ANSWER:-/dev/null}"', "/bin/sh")
    for key, value in trial.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(Driver, "leave_results", lambda driver: None)
    return trial


def answers(monkeypatch, *results, says=""):
    """Lets calls of Snakemake end with these, one after the other; 0 does the steps."""
    left = list(results)

    def run(driver, plan, log):
        log.write_text(says if left[0] else "")
        if left[0] == 0:
            do_steps(driver, plan)
        return left.pop(0)

    monkeypatch.setattr(Driver, "run_snakemake", run)
    return left


def run(trial):
    Driver(trial.folder, uses_slurm=True).run()


def test_jobs_that_were_lost_are_sent_again(trial, monkeypatch):
    left = answers(monkeypatch, LOST, LOST, 0)
    run(trial)
    assert left == []
    assert trial.calls().count("almlip train False") == 1


def test_failed_jobs_are_not(trial, monkeypatch):
    left = answers(monkeypatch, 1, 0)
    with pytest.raises(StepFailed, match="Snakemake ended with 1"):
        run(trial)
    assert left == [0]


NOT_SENT = "SLURM sbatch failed. The error message was 'sbatch: error: %s'."


def test_jobs_that_a_controller_did_not_take_are_sent_again(trial, monkeypatch):
    reason = "Batch job submission failed: Unable to contact slurm controller (connect failure)"
    left = answers(monkeypatch, 1, 0, says=NOT_SENT % reason)
    run(trial)
    assert left == []


def test_jobs_that_it_will_never_take_are_an_error(trial, monkeypatch):
    answers(monkeypatch, 1, 0, says=NOT_SENT % "invalid partition specified: fast")
    with pytest.raises(StepFailed, match="did not take a job: sbatch: error: invalid partition"):
        run(trial)


def test_job_that_is_said_to_be_over_without_a_product_is_a_failure(trial, monkeypatch):
    def believe(driver, plan, log):
        for name in plan.steps():
            (plan.folder / "done" / name).touch()
        log.write_text("")
        return 0

    monkeypatch.setattr(Driver, "run_snakemake", believe)
    with pytest.raises(StepFailed, match="fit has left nothing, though its job is over"):
        run(trial)


def test_only_jobs_of_this_folder_that_are_not_over_count(trial, monkeypatch):
    rows = [f"7|RUNNING|{trial.output}", f"8_1|COMPLETED|{trial.output}", "9|PENDING|/elsewhere"]
    (trial.folder / "answer").write_text("\n".join(rows))
    monkeypatch.setenv("SLURM_ANSWER", str(trial.folder / "answer"))
    assert Slurm(trial.output).jobs() == {"7": "RUNNING"}


@pytest.mark.parametrize("jobs, lost", [({}, True), ({"7": "RUNNING"}, False)])
def test_silence_is_a_loss_only_if_no_job_is_there(tmp_path, monkeypatch, jobs, lost):
    log = tmp_path / "snakemake.log"
    log.touch()
    os.utime(log, (0, 0))  # silent since 1970

    class Queue:
        def jobs(self):
            return jobs

    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch, found = Watch(Queue(), log), []
    for clock[0] in range(0, PATIENCE, 10):
        found.append(watch.is_lost())
    assert any(found) is lost
    assert not any(found[: int(watch.patience / 10)])
