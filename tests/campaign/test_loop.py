# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's logic: resume, failures, bookkeeping.

`almlip` and `lmp` are stand-ins that only write the files the driver reads; the labels come from
ASE's EMT. test_end_to_end.py runs the real ones.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from ase.build import bulk

from almlip.frames import read_frames, with_results, write_frames

ALMLIP = """
import json, os, shutil, sys, time
arguments = sys.argv[1:]
def after(flag):
    return arguments[arguments.index(flag) + 1]
with open(os.environ["FAKE_CALLS"], "a") as calls:
    calls.write("almlip " + arguments[0] + " " + str("--start" in arguments) + "\\n")
if arguments[0] == "train":
    frames = open(after("--train")).read().count("Lattice")
    if str(frames) == os.environ.get("FAKE_HANG_AT"):
        time.sleep(300)
    if str(frames) == os.environ.get("FAKE_FAIL_AT"):
        sys.exit("almlip: the frames are not to my liking")
    open(after("--output"), "w").write(json.dumps({"frames": frames}))
else:
    frames = json.load(open(arguments[1]))["frames"]
    group = {"force_mae": 1 / frames, "energy_mae": 0.1 / frames}
    json.dump({"groups": {"all": group, "hot": group}}, open(after("--json"), "w"))
    shutil.copy(arguments[2], after("--output"))
"""

LMP = """
import os, random, sys
arguments = sys.argv[1:]
value = {arguments[i + 1]: arguments[i + 2] for i in range(len(arguments)) if arguments[i] == "-var"}
with open(os.environ["FAKE_CALLS"], "a") as calls:
    calls.write("lmp from " + value["from"] + " start " + value["start"][-25:] + "\\n")

def frame(overlap):
    text = '4\\nLattice="4.05 0 0 0 4.05 0 0 0 4.05" Properties=species:S:1:pos:R:3 pbc="T T T"\\n'
    for site in (0, 0, 0), (0, 2, 2), (2, 0, 2), (2, 2, 0):
        atom = [0, 0, 0] if overlap else [x + random.uniform(0, 0.1) for x in site]
        text += "Al {} {} {}\\n".format(*atom)
    return text

mode = value.get("mode", "batch")
random.seed(value["seed"])
if mode not in ("none", "distrust", "crash"):
    open("batch.0001.extxyz", "w").write("".join(frame(mode == "overlap" and i == 1) for i in range(3)))
    reason = "above_hi" if mode == "above_hi" else "trigger"
    open("batch.0001.json", "w").write('{"reason": "%s"}' % reason)
with open("trace.dat", "w") as trace:
    trace.write("# TimeStep c_thermo_temp f_query[1] f_query[2] f_query[3] f_query[4]\\n")
    for step in (10, 20, 30):
        trace.write(f"{step} 300 {step / 100} 0.05 1 {0 if mode == 'none' else 2}\\n")
if "crash" in mode:
    sys.exit("ERROR: Non-numeric atom coords")
open("end.data", "w").write("state after " + value["from"])
"""


class LoopRun:
    """A campaign in a folder, its stand-in programs and the log of their calls."""

    def __init__(self, folder, make_program):
        self.folder = folder
        self.calls_file = folder / "calls"
        make_program("almlip", ALMLIP)
        make_program("lmp", LMP)
        (folder / "plugin.so").write_text("stand-in")
        (folder / "in.test").write_text("# stand-in\n")
        self.write("label.json", {"calculator": "ase", "name": "emt", "min_distance": 1.5})
        self.write("fit.json", {})
        self.settings = {
            "elements": ["Al"],
            "train": "train.extxyz",
            "test": "test.extxyz",
            "label": "label.json",
            "fit": "fit.json",
            "input": "in.test",
            "rounds": [{"from": 100}, {"from": 200}, {"from": 300}],
        }
        write_frames(folder / "train.extxyz", [labelled(seed) for seed in range(5)])
        write_frames(folder / "test.extxyz", [labelled(seed) for seed in range(5, 8)])

    def write(self, name, data):
        (self.folder / name).write_text(json.dumps(data))

    def start(self, **environment):
        self.write("loop.json", self.settings)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "almlip.campaign",
                str(self.folder / "loop.json"),
                "--output",
                str(self.folder / "out"),
                "--cache",
                str(self.folder / "out/labels"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PATH": path,
                "FAKE_CALLS": str(self.calls_file),
                "ALMLIP_PLUGIN": str(self.folder / "plugin.so"),
                **environment,
            },
        )

    def run(self, **environment):
        process = self.start(**environment)
        stdout, stderr = process.communicate(timeout=300)
        return process.returncode, stdout, stderr

    def calls(self):
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def rounds(self):
        return json.loads((self.folder / "out/summary.json").read_text())["rounds"]


def labelled(seed):
    atoms = bulk("Al", "fcc", 4.05, cubic=True)
    atoms.rattle(0.05, seed=seed)
    return with_results(atoms, -1.0, [[0.1 * seed, 0.0, 0.0]] * 4, [0.0] * 6)


@pytest.fixture
def loop(tmp_path, make_program):
    return LoopRun(tmp_path, make_program)


def test_campaign_leaves_summary_figure_and_potential(loop):
    status, stdout, stderr = loop.run()
    rounds = loop.rounds()

    assert (status, stderr) == (0, "")
    assert [row["labelled"] for row in rounds] == [5, 3, 3, 3]
    assert [row["training_frames"] for row in rounds] == [5, 8, 11, 14]
    assert [row["force_mae"] for row in rounds] == [1 / 5, 1 / 8, 1 / 11, 1 / 14]
    assert [row["max_sigma"] for row in rounds] == [None, 0.3, 0.3, 0.3]
    assert [row["rejected"] for row in rounds] == [0, 2, 2, 2]
    assert all({"energy_mae", "seconds"} <= set(row) for row in rounds)
    assert (loop.folder / "out/campaign.png").stat().st_size > 10000
    assert json.loads((loop.folder / "out/Al.almlip.json").read_text()) == {"frames": 14}
    assert "round  labelled  training" in stdout


def test_refits_start_warm_and_dynamics_go_on_from_where_they_stood(loop):
    loop.run()
    assert loop.calls()[:4] == [
        "almlip train False",
        "almlip eval False",
        "lmp from 100 start none",
        "almlip train True",
    ]
    assert "lmp from 300 start round-02/explore/end.data" in loop.calls()


def test_full_refit_starts_from_scratch(loop):
    loop.settings["refit"] = "full"
    loop.run()
    assert "almlip train True" not in loop.calls()


def test_second_start_repeats_nothing(loop):
    loop.run()
    calls, rounds = loop.calls(), loop.rounds()
    assert loop.run()[0] == 0
    assert loop.calls() == calls
    assert loop.rounds() == rounds


def test_kill_9_in_a_fit_repeats_only_that_fit(loop, processes_below):
    process = loop.start(FAKE_HANG_AT="11")
    end = time.monotonic() + 120
    while loop.calls().count("almlip train True") < 2 and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(0.2)
    assert processes_below(loop.folder / "out") == []
    before = loop.calls()

    status, stdout, _ = loop.run()
    assert status == 0
    again = [call.split(" start ")[0] for call in loop.calls()[len(before) :]]
    assert again == [
        "almlip train True",
        "almlip eval False",
        "lmp from 300",
        "almlip train True",
        "almlip eval False",
    ]
    assert "round 2: label was done before" in stdout


def test_changed_fit_settings_refit_but_keep_the_labels(loop):
    loop.run()
    structures = {
        path: path.stat().st_mtime_ns for path in loop.folder.glob("out/labels/*/result.json")
    }
    loop.write("fit.json", {"preset": "fast"})
    loop.run()
    assert loop.calls().count("almlip train False") == 2
    assert structures == {
        path: path.stat().st_mtime_ns for path in loop.folder.glob("out/labels/*/result.json")
    }


def test_round_without_candidates_is_said_and_the_loop_goes_on(loop):
    loop.settings["rounds"][1]["mode"] = "none"
    status, stdout, _ = loop.run()
    rounds = loop.rounds()
    assert status == 0
    assert "round 2: no candidate among 30 steps" in stdout
    assert [row["labelled"] for row in rounds] == [5, 3, 0, 3]
    assert rounds[2]["force_mae"] == rounds[1]["force_mae"]


def test_round_that_trusts_nothing_is_followed_by_a_fresh_start(loop):
    loop.settings["rounds"][1]["mode"] = "distrust"
    status, stdout, _ = loop.run()
    assert status == 0
    assert "round 2: nothing here was trusted; the next round starts afresh" in stdout
    assert "lmp from 300 start none" in loop.calls()


def test_end_above_the_window_is_not_gone_on_from(loop):
    loop.settings["rounds"][1]["mode"] = "above_hi"
    status, stdout, _ = loop.run()
    assert status == 0
    assert "round 2: the dynamics ended where the potential is not trusted" in stdout
    assert "lmp from 300 start round-01/explore/end.data" in loop.calls()


def test_rejected_structures_are_counted_and_kept_apart(loop):
    loop.settings["rounds"][0]["mode"] = "overlap"
    assert loop.run()[0] == 0
    assert loop.rounds()[1]["labelled"] == 2
    assert loop.rounds()[1]["rejected"] == 2 + 1
    quarantine = read_frames(loop.folder / "out/round-01/label/quarantine.extxyz")
    assert [atoms.info["verdict"] for atoms in quarantine] == ["unphysical"]


def test_dynamics_that_break_off_with_a_batch_are_used(loop):
    loop.settings["rounds"][1]["mode"] = "batch-crash"
    status, stdout, _ = loop.run()
    assert status == 0
    assert "round 2: the dynamics broke off" in stdout
    assert "lmp from 300 start round-01/explore/end.data" in loop.calls()


def test_dynamics_that_break_off_without_a_batch_end_the_campaign(loop):
    loop.settings["rounds"][1]["mode"] = "crash"
    status, _, stderr = loop.run()
    assert status == 1
    assert stderr.startswith("almlip-loop: lmp failed (status 1): ERROR: Non-numeric atom coords")
    assert stderr.count("\n") == 1
    assert len(loop.rounds()) == 2

    del loop.settings["rounds"][1]["mode"]
    assert loop.run()[0] == 0
    assert loop.calls().count("almlip train False") == 1


def test_failed_fit_ends_the_campaign_in_one_line(loop):
    status, _, stderr = loop.run(FAKE_FAIL_AT="8")
    assert status == 1
    assert "almlip failed (status 1): almlip: the frames are not to my liking; see " in stderr
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    "change, message",
    [
        ({"tset": "x"}, 'unknown setting "tset"; allowed: elements, fit, input'),
        ({"train": "nowhere.extxyz"}, '"train" names '),
        ({"refit": "hot"}, '"refit" is "hot", but it must be "warm" or "full"'),
        ({"rounds": None}, 'setting "rounds" is missing'),
    ],
)
def test_bad_settings_end_in_one_line(loop, change, message):
    loop.settings.update(change)
    status, _, stderr = loop.run()
    assert status == 1
    assert stderr.startswith("almlip-loop: ")
    assert message in stderr
    assert loop.calls() == []


def test_missing_environment_is_an_error_that_says_what_to_do(loop):
    status, _, stderr = loop.run(ALMLIP_PLUGIN="")
    assert status == 1
    assert '". scripts/env.sh"' in stderr
