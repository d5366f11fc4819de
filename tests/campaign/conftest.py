# SPDX-License-Identifier: GPL-2.0-or-later
import json
import os
import stat
import sys
from pathlib import Path

import pytest


@pytest.fixture
def write_json(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_text(json.dumps(data))
        return path

    return write


@pytest.fixture
def make_program(tmp_path):
    """Writes an executable script, run by this Python or by sh."""

    def make(name, body, interpreter=sys.executable):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{interpreter}\n{body}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


@pytest.fixture
def processes_below():
    """Lists processes whose working directory lies below a folder."""

    def below(folder):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "cwd").startswith(str(folder)):
                    found.append(int(process.name))
            except OSError:
                pass
        return found

    return below
