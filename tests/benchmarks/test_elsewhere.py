# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of benchmarks/elsewhere.py."""

import sys

import pytest

import elsewhere

pytest.importorskip("matplotlib")
NUMBERS = {key: 0.5 for key in elsewhere.UNITS}


@pytest.mark.parametrize(
    "missing", [[], ["coverage90"], ["energy_sigma"], list(elsewhere.UNITS)], ids=str
)
def test_rows_without_a_number_are_left_out(tmp_path, missing):
    rows = {
        "Si without Surface, judged by it": NUMBERS | dict.fromkeys(missing),
        "Si without Surface, judged by the others": dict.fromkeys(elsewhere.UNITS),
    }
    elsewhere.draw(tmp_path / "picture.png", rows)
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_picture_without_a_table_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["elsewhere.py", "--picture", "picture.png"])
    with pytest.raises(SystemExit):
        elsewhere.main()
    assert "name its file with --json" in capsys.readouterr().err
