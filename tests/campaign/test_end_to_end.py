# SPDX-License-Identifier: GPL-2.0-or-later
"""One short round of the silicon example with the real almlip, lmp and pw.x."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from almlip.frames import read_frames

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples/silicon"
ABSENT = [name for name in ("almlip", "lmp", "pw.x") if shutil.which(name) is None]

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=f"not on PATH: {', '.join(ABSENT)}")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def force_error(potential, frames, folder):
    run("almlip", "eval", potential, frames, "--json", folder / "errors.json")
    return json.loads((folder / "errors.json").read_text())["groups"]["all"]["force_mae"]


def test_dynamics_query_dft_and_refit_make_a_better_potential(tmp_path):
    settings = json.loads((EXAMPLE / "loop.json").read_text())
    for key in ("train", "test", "label", "fit", "input"):
        settings[key] = str(EXAMPLE / settings[key])
    settings["variables"]["batch"] = 2
    settings["rounds"] = settings["rounds"][:1]
    (tmp_path / "loop.json").write_text(json.dumps(settings))
    output = tmp_path / "out"
    command = [sys.executable, "-m", "almlip.campaign", tmp_path / "loop.json"]
    command += ["--output", output, "--cache", tmp_path / "labels"]

    run(*command)
    rounds = json.loads((output / "summary.json").read_text())["rounds"]
    labelled = output / "round-01/label/labelled.extxyz"
    report = json.loads((output / "round-01/label/report.json").read_text())
    before = force_error(output / "round-00/fit/potential.almlip.json", labelled, tmp_path)
    after = force_error(output / "Si.almlip.json", labelled, tmp_path)

    assert [row["labelled"] for row in rounds] == [len(read_frames(EXAMPLE / "train.extxyz")), 2]
    assert rounds[1]["max_sigma"] > settings["variables"]["lo"]
    assert all(entry["code"].startswith("pw.x 6") for entry in report["structures"])
    assert after < before  # these are the frames that the first potential was not sure of
    assert "done in" not in run(*command)  # started again: nothing is done twice
