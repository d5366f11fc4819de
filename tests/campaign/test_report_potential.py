# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of `almlip report`: its numbers by plain arithmetic, and what a browser makes of it."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from almlip.frames import read_frames, write_frames
from almlip.report.potential import main

REPOSITORY = Path(__file__).resolve().parents[2]
POTENTIAL = REPOSITORY / "potentials/Si.almlip.json"
FRAMES = REPOSITORY / "examples/silicon/test.extxyz"
CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(shutil.which("almlip") is None, reason="almlip is not on PATH")


def rows_of(page, heading):
    """Texts of the table under a heading, one list per row."""
    section = re.split(r"<h2>", page.partition(f"<h2>{heading}</h2>")[2])[0]
    table = section.partition("<table>")[2].partition("</table>")[0]
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in table.split("</tr>")]
    return [row for row in rows if row]


@pytest.fixture(scope="module")
def wrong_frames(tmp_path_factory):
    """The test frames, one of them with a wrong force and all of a kind with an energy offset."""
    frames = read_frames(FRAMES)[:30]
    kinds = [atoms.info["config_type"] for atoms in frames]
    frames[4].calc.results["forces"][3, 0] += 40.0
    for atoms, kind in zip(frames, kinds):
        if kind == kinds[0]:
            atoms.calc.results["energy"] += 0.5 * len(atoms)
    path = tmp_path_factory.mktemp("report") / "frames.extxyz"
    write_frames(path, frames)
    assert main([str(POTENTIAL), str(path), "-o", str(path.parent / "report.html")]) == 0
    return path.parent / "report.html", frames, kinds


def test_the_page_needs_nothing_else(wrong_frames):
    page = wrong_frames[0].read_text()
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert "Plotly.newPlot" in page


def test_the_worst_frame_is_first_with_its_atom_and_error(wrong_frames):
    page, _, kinds = wrong_frames
    head, first = rows_of(page.read_text(), "Worst frames")[:2]
    row = dict(zip(head, first))
    assert (row["frame"], row["config_type"], row["atom"]) == ("4", kinds[4], "3")
    assert float(row["force error, eV/Å"]) == pytest.approx(40.0, abs=0.5)  # 0.3 of the potential's


def test_energies_that_are_off_together_and_wrong_labels_are_issues(wrong_frames):
    page, frames, kinds = wrong_frames
    text = page.read_text()
    offset = re.search(rf"{kinds[0]}: energies are off by (\S+) meV/atom", text)
    assert float(offset[1]) == pytest.approx(-500, abs=15)  # errors of the potential: 3 to 15
    assert re.search(r"<b>1 of \d+ atoms have a large error that is above five times sigma", text)
    largest = max(np.linalg.norm(atoms.get_forces(), axis=1).max() for atoms in frames)
    checks = {row[0]: row for row in rows_of(text, "Data")}
    assert float(checks["largest reference force, eV/Å"][1]) == pytest.approx(largest, rel=1e-2)
    assert "above that of the training set" in checks["largest reference force, eV/Å"][2]
    assert checks["frames with forces"][1] == "30 of 30"
    command = ["almlip", "check", page.parent / "frames.extxyz", "--potential", POTENTIAL]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "nothing looks wrong" not in said
    assert said.strip() in html.unescape(text)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to look at the page (Debian: chromium)")
def test_a_browser_draws_all_figures(wrong_frames):
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000"]
    command = [CHROMIUM, *flags, "--dump-dom", wrong_frames[0].as_uri()]
    page = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    titles = re.findall(r'class="gtitle"[^>]*>([^<]+)', page)
    assert set(titles) == {
        "Force error by config_type",
        "Energy above free atoms",
        "Force components",
        "Stress components",
        "Sigma against error, per atom",
        "Reliability",
        "Calibration",
    }
    assert len(re.findall(r'<path class="point"', page)) > 500


def test_bad_input_is_one_line(tmp_path, capsys):
    assert main([str(POTENTIAL), str(tmp_path / "no.extxyz"), "-o", str(tmp_path / "r.html")]) == 1
    stderr = capsys.readouterr().err
    assert stderr.startswith("almlip: ")
    assert stderr.count("\n") == 1
    assert "no.extxyz" in stderr


def test_frames_without_labels_are_an_error(tmp_path, capsys):
    frames = read_frames(FRAMES)[:2]
    for atoms in frames:
        atoms.calc = None
    write_frames(tmp_path / "bare.extxyz", frames)
    output = tmp_path / "report.html"
    assert main([str(POTENTIAL), str(tmp_path / "bare.extxyz"), "-o", str(output)]) == 1
    assert "not one frame has energy or forces" in capsys.readouterr().err
    assert not output.exists()
