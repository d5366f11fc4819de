# SPDX-License-Identifier: GPL-2.0-or-later
"""The code blocks of the Python pages run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BLOCKS = [
    pytest.param(page, block, id=f"{page} {number}")
    for page in ("ase", "notebooks")  # lammps-python needs the wheel: test_wheel.py
    for number, block in enumerate(
        re.findall(
            r"^```python\n(.*?)^```",
            (REPOSITORY / f"docs/{page}.md").read_text(),
            re.DOTALL | re.MULTILINE,
        ),
        1,
    )
]


@pytest.mark.parametrize("page, block", BLOCKS)
def test_block_runs(page, block, tmp_path):
    for name in ("potentials", "examples"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    command = [sys.executable, "-c", block]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
