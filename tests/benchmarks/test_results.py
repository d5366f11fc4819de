# SPDX-License-Identifier: GPL-2.0-or-later
"""RESULTS.md and the pages that quote figures agree with benchmarks/results."""

import datetime
import json
import sys

import pytest

import make_results
import results

MOST_LINES = 160  # two pages in print


@pytest.mark.parametrize(
    "path, text",
    [
        pytest.param(path, text, id=str(path.relative_to(results.ROOT)))
        for path, text in make_results.wanted()
    ],
)
def test_page_agrees_with_the_figures(path, text):
    assert path.read_text() == text, "run `python benchmarks/make_results.py`"


def test_results_fit_two_pages():
    assert len(make_results.results_page().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", sorted(results.FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_figure_has_an_origin_and_a_unit(path):
    content = json.loads(path.read_text())
    datetime.date.fromisoformat(content["date"])
    assert all(content[key] for key in ("commit", "processor", "command"))
    assert {column for row in content["rows"].values() for column in row} <= set(content["units"])


@pytest.mark.parametrize("path", sorted(results.FOLDER.glob("device*.json")))
def test_figures_of_devices_are_not_those_of_a_cpu(path):
    devices = {row["device"].upper() for row in json.loads(path.read_text())["rows"].values()}
    assert not devices & {"", "SERIAL", "OPENMP", "THREADS"}


def test_section_without_figures_is_left_out(monkeypatch, tmp_path):
    pages = []
    for names in ([], ["device"], ["device", "device-steps"]):
        for name in names:
            (tmp_path / f"{name}.json").touch()
        monkeypatch.setattr(results, "FOLDER", tmp_path)
        gpu = next(section for section in make_results.SECTIONS if section.title == "GPU")
        pages.append(make_results.is_shown(gpu))
    assert pages == [False, False, True]


def fake_figures(monkeypatch, **row):
    monkeypatch.setattr(make_results, "load", lambda name: {"rows": {"Si": row}})


def test_quoted_figure_gets_the_digits_that_the_page_shows(monkeypatch):
    fake_figures(monkeypatch, force_mae=0.05417, difference=7.26)
    text = "0.054<!-- accuracy/Si/force_mae --> and +1<!-- accuracy/Si/difference --> %"
    assert make_results.page(text) == text.replace("+1", "+7")


def test_quoted_figure_that_is_not_measured_is_an_error(monkeypatch):
    fake_figures(monkeypatch, force_mae=0.05417)
    with pytest.raises(SystemExit, match="no figure accuracy/Mo/force_mae"):
        make_results.page("0.09<!-- accuracy/Mo/force_mae -->")


def test_unknown_table_is_an_error():
    with pytest.raises(SystemExit, match="no table nothing"):
        make_results.page("<!-- table: nothing -->\n<!-- end -->\n")


def test_figures_are_written_with_their_origin(tmp_path, monkeypatch):
    file = tmp_path / "speed.json"
    monkeypatch.setattr(sys, "argv", ["benchmarks/speed.py", "--json", str(file), "--core", "1"])
    results.write(file, {"median": "us/atom/step"}, {"sw": {"median": 1.23456789}})

    content = json.loads(file.read_text())
    assert content["command"] == "python benchmarks/speed.py --core 1"
    assert content["date"] == datetime.date.today().isoformat()
    assert content["rows"] == {"sw": {"median": 1.23457}}  # six digits


def test_without_a_file_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results.write(None, {}, {})
    assert not list(tmp_path.iterdir())
