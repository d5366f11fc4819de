# SPDX-License-Identifier: GPL-2.0-or-later
"""The real programs: a trial of what `almlip campaign new` writes, and a short round of the silicon example."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ase.calculators.emt import EMT

from almlip.frames import read_frames, write_frames

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples/silicon"
CHROMIUM = shutil.which("chromium")


def needs(*programs):
    absent = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not on PATH: {', '.join(absent)}")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def force_error(potential, frames, folder):
    run("almlip", "eval", potential, frames, "--json", folder / "errors.json")
    return json.loads((folder / "errors.json").read_text())["groups"]["all"]["force_mae"]


@needs("almlip", "lmp")
def test_trial_of_a_new_campaign_runs(tmp_path):
    run("almlip", "campaign", "new", tmp_path / "alloy", "--elements", "Cu", "Au")
    run("almlip", "campaign", "run", tmp_path / "alloy/test.yaml")
    output = tmp_path / "alloy/test"
    rounds = json.loads((output / "summary.json").read_text())["rounds"]
    labelled = read_frames(output / "rounds/01/judge/labelled.extxyz")

    assert len(rounds) == 3
    assert rounds[1]["chosen"] == len(labelled) > 0
    assert set(rounds[1]["runs"]) == {"crystal-1", "surface-1"}
    for atoms in labelled:  # labels belong to their structures
        energy = atoms.get_potential_energy()
        atoms.calc = EMT()
        assert abs(atoms.get_potential_energy() - energy) < 1e-6
    check_labels_taken_without_looking(tmp_path / "alloy/test.yaml", rounds, labelled)
    if CHROMIUM:
        check_report_in_browser(output / "report.html")


def check_labels_taken_without_looking(settings, rounds, labelled):
    """The comparison of benchmarks takes as many labels of the same dynamics, evenly in time."""
    work = settings.parent / "work"
    write_frames(settings.parent / "frames.extxyz", labelled)
    script = REPOSITORY / "benchmarks/campaign_labels.py"
    command = [sys.executable, script, settings, "--test", settings.parent / "frames.extxyz"]
    run(*command, "--ways", "evenly", "--output", work, "--json", work.with_suffix(".json"))
    rows = json.loads(work.with_suffix(".json").read_text())["rows"]
    counts = [row["labels"] for row in rows.values()]

    assert counts == [rounds[1]["labelled"], rounds[1]["labelled"] + rounds[2]["labelled"]]
    assert all(0 < row["force_mae"] < 1 for row in rows.values())  # eV/Angstrom
    energies = [atoms.get_potential_energy() for atoms in read_frames(work / "evenly/01.extxyz")]
    assert len(set(energies)) == rounds[1]["labelled"]  # no frame twice, although runs were short


def check_report_in_browser(page):
    """All figures are drawn, and the structure of the worst frame is shown."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    seen = run(CHROMIUM, *flags, "--dump-dom", page.as_uri())
    titles = re.findall(r'class="gtitle"[^>]*>([^<]+)', seen)
    assert {"Force error against labels", "Calibration", "Map of structures"} < set(titles)
    caption = re.search(r'id="structure-caption">(.*?)</p>', seen).group(1)
    assert re.match(
        r"round \d, \w+, \w+, largest force error .*: frame \d+ of <a href=.rounds/", caption
    )


@needs("almlip", "lmp", "pw.x")
def test_dynamics_query_dft_and_refit_make_a_better_potential(tmp_path):
    shutil.copytree(EXAMPLE, tmp_path / "silicon")
    settings = tmp_path / "silicon/campaign.yaml"
    text = settings.read_text().replace("count: 12", "count: 2").replace("rounds: 4", "rounds: 1")
    settings.write_text(text.replace("replicas: 2", "replicas: 1"))
    run("almlip", "campaign", "run", tmp_path / "silicon")
    output = tmp_path / "silicon/campaign"
    rounds = json.loads((output / "summary.json").read_text())["rounds"]
    labelled = output / "rounds/01/judge/labelled.extxyz"
    after = force_error(output / "Si.almlip.json", labelled, tmp_path)

    assert [row["labelled"] for row in rounds] == [len(read_frames(EXAMPLE / "train.extxyz")), 2]
    assert rounds[1]["max_sigma"] > 0.1  # lo of the example
    assert rounds[1]["verdicts"] == {"ok": 2}
    assert after < rounds[1]["new_force_mae"]  # what the first potential had on these frames
