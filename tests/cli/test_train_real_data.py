# SPDX-License-Identifier: GPL-2.0-or-later
"""Quality of `almlip train` on mlearn's silicon, Zuo et al., J. Phys. Chem. A 124, 731 (2020)."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

ALMLIP = os.environ.get("ALMLIP_EXECUTABLE") or shutil.which("almlip")
DATA = pathlib.Path(os.environ.get("ALMLIP_DATA", "")) / "mlearn_zuo2020"
pytestmark = [
    pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE"),
    pytest.mark.skipif(
        not os.environ.get("ALMLIP_DATA") or not DATA.is_dir(),
        reason="no mlearn_zuo2020 in ALMLIP_DATA",
    ),
]


def test_silicon_reaches_the_published_level(tmp_path):
    potential, errors = tmp_path / "Si.almlip.json", tmp_path / "errors.json"
    subprocess.run(
        [ALMLIP, "train", "--train", DATA / "Si_train.extxyz.gz", "--output", potential], check=True
    )
    subprocess.run(
        [ALMLIP, "eval", potential, DATA / "Si_test.extxyz.gz", "--json", errors], check=True
    )

    test = json.loads(errors.read_text())["groups"]["all"]
    assert test["frames"] == 25
    assert test["force_mae"] <= 0.065  # eV/Angstrom; published: 0.056 to 0.082
    assert test["energy_mae"] <= 0.003  # eV/atom
    assert test["spearman"] > 0.7  # sigma ranks the errors
