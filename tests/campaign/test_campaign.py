# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's logic: rounds, resume, failures, bookkeeping, with stand-ins for `almlip` and `lmp`.

The labels come from ASE's EMT. test_end_to_end.py runs the real programs.
"""

import json
import os
import signal
import time

import pytest
from stand_ins import Trial

from almlip.campaign.stop import reason_to_stop
from almlip.frames import read_frames


@pytest.fixture
def trial(tmp_path, make_program):
    return Trial(tmp_path, make_program)


@pytest.fixture
def run(trial, monkeypatch, capsys):
    """Runs a command on the trial in this process."""
    return lambda *command, **more: trial.run_here(monkeypatch, capsys, *command, **more)


def test_campaign_leaves_summary_report_and_potential(trial, run):
    trial.settings["explore"]["scenarios"] = {"a": {}, "b": {"replicas": 2}}
    trial.settings["select"]["count"] = 7
    status, stdout, stderr = run()
    rounds = trial.rounds()

    assert (status, stderr) == (0, "")
    assert [row["labelled"] for row in rounds] == [5, 7, 7]  # of 9 candidates of 3 runs
    assert [row["scenarios"] for row in rounds[1:]] == [{"a": 3, "b": 4}] * 2
    assert [row["training_frames"] for row in rounds] == [5, 12, 19]
    assert [row["force_mae"] for row in rounds] == [1 / 5, 1 / 12, 1 / 19]
    assert [row["new_force_mae"] for row in rounds] == [None, 1 / 5, 1 / 12]  # before learned
    assert [row["max_sigma"] for row in rounds] == [None, 0.3, 0.3]
    assert [row["rejected"] for row in rounds] == [0, 6, 6]
    assert json.loads((trial.output / "Al.almlip.json").read_text()) == {"frames": 19}
    assert "done: 2 rounds are done" in stdout
    calls = trial.calls()
    assert calls.count("almlip train False") == 3  # many are new: from scratch
    assert "lmp from 200 start state after 100" in calls

    assert run()[0] == 0  # once more: nothing is done twice
    assert trial.calls() == calls
    assert trial.rounds() == rounds


def test_kill_9_in_a_fit_repeats_only_that_fit(trial, processes_below):
    trial.settings["fit"] = {"refit": "warm"}
    process = trial.start(FAKE_HANG_AT="11")
    end = time.monotonic() + 600  # on a machine that is busy otherwise
    while trial.calls().count("almlip train True") < 2 and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    while processes_below(trial.output) and time.monotonic() < end:
        time.sleep(0.1)
    assert processes_below(trial.output) == []
    before, labels = trial.calls(), trial.results_of_labels()

    status, stdout, _ = trial.run()
    assert status == 0
    again = [call for call in trial.calls()[len(before) :] if "info" not in call]
    assert again == ["almlip train True", "almlip eval False"]
    assert "round 2: fit" in stdout
    assert trial.results_of_labels() == labels


def test_ctrl_c_ends_all_that_runs_and_the_same_command_goes_on(trial, run, processes_below):
    # If these tests run in the background of a shell, they ignore it, and so would what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = trial.start(FAKE_HANG_AT="8")
    end = time.monotonic() + 600  # on a machine that is busy otherwise
    while trial.calls().count("almlip train False") < 2 and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all that runs there
    assert "interrupted; the same command goes on from here" in process.communicate()[1]
    assert process.returncode == 128 + signal.SIGINT
    while processes_below(trial.output) and time.monotonic() < end:
        time.sleep(0.1)
    assert processes_below(trial.output) == []
    labels = trial.results_of_labels()

    assert run()[0] == 0
    assert [row["labelled"] for row in trial.rounds()] == [5, 3, 3]
    assert labels.items() < trial.results_of_labels().items()  # none is made twice


def test_second_driver_says_that_there_is_one(trial):
    first = trial.start(FAKE_HANG_AT="5")
    while "almlip train False" not in trial.calls():
        time.sleep(0.02)
    status, _, stderr = trial.run()
    _, told, _ = trial.run("status")
    first.kill()
    first.communicate()
    assert status == 1
    assert f"another driver is at work here, process {first.pid} on " in stderr
    assert f"driver: process {first.pid}" in told
    assert "round 0: select 1 of 1 done, label 1 of 1 done, judge 1 of 1 done, fit 0 of 1" in told


def test_ends_of_runs_decide_where_the_next_ones_begin(trial, run):
    trial.settings["explore"]["scenarios"] = {
        "good": {},
        "crash": {"variables": {"mode": ["", "crash", ""]}},
        "above": {"variables": {"mode": ["", "above_hi", ""]}},
        "distrust": {"variables": {"mode": ["", "distrust", ""]}},
        "afresh": {"resume": False},
    }
    trial.settings["stop"]["rounds"] = 3
    status, stdout, stderr = run()
    third = sorted(call for call in trial.calls() if call.startswith("lmp from 300"))
    assert (status, stderr) == (0, "")
    assert third == [
        "lmp from 300 start none",  # distrust: nothing was trusted
        "lmp from 300 start none",  # afresh
        "lmp from 300 start state after 100",  # crash: where the second one began
        "lmp from 300 start state after 100",  # above
        "lmp from 300 start state after 200",
    ]
    assert "round 2: crash-1 broke off (lmp failed (status 1): ERROR: Non-numeric atom" in stdout
    assert "round 2: above-1 ended where the potential is not trusted" in stdout
    assert "round 2: distrust-1: nothing was trusted; its next run starts afresh" in stdout


def test_run_that_was_killed_is_done_again_as_if_nothing_had_been(trial, run):
    trial.variables["mode"] = ["killed once", ""]
    status, _, stderr = run()
    assert status == 1
    assert "round 1, explore.run-1: lmp was killed (SIGKILL)" in stderr
    assert run()[0] == 0
    first = trial.rounds()[1]
    assert (first["runs"]["run-1"]["failure"], first["labelled"]) == ("", 3)


def test_no_candidates_are_said_and_end_the_campaign_in_the_end(trial, run):
    trial.variables["mode"] = ["", "none"]
    trial.settings["stop"] = {"rounds": 9, "for": 2}
    status, stdout, _ = run()
    rounds = trial.rounds()
    assert status == 0
    assert "round 2: no candidates among 3 looks" in stdout
    assert "done: no batch was full in the last 2 rounds" in stdout
    assert [row["labelled"] for row in rounds] == [5, 3, 0, 0]
    assert rounds[2]["force_mae"] == rounds[1]["force_mae"]


def test_targets_are_not_met_while_a_scenario_is_not_explored():
    settings = {"stop": {"rounds": 9, "labels": None, "error": 0.1, "sigma": None, "for": 2}}
    settings["select"] = {"count": 3}

    def row(number, **runs):
        found = {name: {"nothing_trusted": nothing} for name, nothing in runs.items()}
        return {"round": number, "labelled": 3, "chosen": 3, "new_force_mae": 0.05, "runs": found}

    rows = [row(0), row(1, melt=False, slab=True), row(2, melt=False, slab=False)]
    assert reason_to_stop(settings, rows) is None
    assert "below their targets" in reason_to_stop(settings, [*rows, row(3, melt=False)])


def test_refused_structures_are_kept_apart_and_can_be_labelled_again(trial, run):
    trial.variables["mode"] = ["overlap", ""]
    trial.settings["stop"]["rounds"] = 1
    assert run()[0] == 0
    assert trial.rounds()[1]["labelled"] == 2
    assert trial.rounds()[1]["rejected"] == 2 + 1
    quarantine = read_frames(trial.output / "rounds/01/judge/quarantine.extxyz")
    assert [atoms.info["verdict"] for atoms in quarantine] == ["unphysical"]

    trial.settings["label"]["labeller"]["min_distance"] = 0.5  # not right, but it has a label
    trial.settings["label"]["labeller"]["max_force"] = 1e9
    trial.settings["stop"]["rounds"] = 2
    _, stdout, _ = run("retry", "--labels")
    assert "1 structures will be labelled again in the next round" in stdout
    assert run()[0] == 0


def test_failed_step_is_one_line_and_done_again(trial, run):
    status, _, stderr = run(FAKE_FAIL_AT="5")
    assert status == 1
    assert "almlip: round 0, fit: almlip failed (status 1): almlip: the frames are not to" in stderr
    assert stderr.count("\n") == 1
    _, told, _ = run("status")
    assert "fit failed: almlip failed" in told
    assert "next: look at the failure, then: almlip campaign run" in told
    _, _, stderr = run("retry", "--step", "fit", "--round", "7")
    assert "there is no round 7; it has rounds 0 to 0" in stderr
    trial.settings["stop"]["rounds"] = 0
    assert run()[0] == 0


def test_changed_settings_of_fits_keep_the_labels(trial, run):
    run()
    labels, calls = trial.results_of_labels(), len(trial.calls())
    trial.settings["fit"] = {"settings": {"preset": "fast"}}
    status, stdout, _ = run("retry", "--round", "1", "--step", "fit")
    assert (status, stdout.count("moved aside: ")) == (0, 3)  # the fit, round.json, round 2
    assert run()[0] == 0
    again = trial.calls()[calls:]
    assert again.count("almlip train False") == 2
    learned_by = json.loads((trial.output / "rounds/01/fit/fit.json").read_text())
    assert learned_by == {"preset": "fast", "isolated_atoms": "skip"}
    assert again.count("almlip select False") == 1
    assert labels.items() <= trial.results_of_labels().items()


def test_files_beside_the_input_come_along(trial, run):
    (trial.folder / "in.test").write_text("include common.lmp\nrun ${steps}\n")
    (trial.folder / "common.lmp").write_text("read_data table.txt\n")
    (trial.folder / "table.txt").write_text("1 2\n")
    trial.settings["stop"]["rounds"] = 1
    assert run()[0] == 0
    assert (trial.output / "rounds/01/explore/run-1/table.txt").read_text() == "1 2\n"


def test_missing_environment_is_an_error_that_says_what_to_do(trial, run):
    status, _, stderr = run(ALMLIP_PLUGIN="")
    assert status == 1
    assert '". scripts/env.sh"' in stderr
