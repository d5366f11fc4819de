# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot be written is told before any work: even before it is told that the inputs are not
there."""

import os
import resource
import shutil
import subprocess

import pytest

ALMLIP = os.environ.get("ALMLIP_EXECUTABLE") or shutil.which("almlip")
pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")

# Each command with an option that names a file to write; the last input is `none`.
LABEL = ["label", "none", "--labeller", "none.yaml"]
COMMANDS = [
    ["train", "--train", "none", "--output"],
    ["eval", "none.json", "none", "--output"],
    ["eval", "none.json", "none", "--json"],
    ["select", "none.json", "none", "--count", "3", "--output"],
    ["pool", "convert", "none", "--output"],
    ["convert", "none", "--output"],
    [*LABEL, "--output"],
    [*LABEL, "--output", "fine", "--report"],
    [*LABEL, "--output", "fine", "--quarantine"],
    ["report", "none.json", "none", "--output"],
]
BAD_NAMES = {
    "frames.extxyz.gz": "what is written is plain text; name it without .gz",
    "no-such-folder/frames.extxyz": "no-such-folder",
    ".": "name a file",
}


def ids(command):
    return f"{command[0]} {command[-1]}"


def told(folder, command):
    done = subprocess.run(
        [ALMLIP, *command], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("almlip: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
@pytest.mark.parametrize("name, message", BAD_NAMES.items(), ids=BAD_NAMES.keys())
def test_an_output_that_cannot_be_written_is_told_first(command, name, message, tmp_path):
    reason = told(tmp_path, [*command, name])
    assert message in reason
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_an_output_does_not_replace_what_is_read(command, tmp_path):
    (tmp_path / "none").write_text("data")
    reason = told(tmp_path, [*command, "none"])
    assert "none is " in reason and " read, so that it cannot be" in reason
    assert [path.read_text() for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("name", ["taken", "taken/below"])
def test_a_folder_of_checkpoints_that_cannot_be_made_is_told_first(name, tmp_path):
    (tmp_path / "taken").write_text("data")
    command = ["train", "--train", "none", "--output", "fine", "--checkpoint", name]
    assert f'"checkpoint" is "{name}", but ' in told(tmp_path, command)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["data"]


def test_a_file_beyond_the_limit_of_its_size_is_an_error_that_leaves_nothing(tmp_path):
    """As `ulimit -f` of a batch system sets it; the signal that comes with it would end the program."""
    done = subprocess.run(
        [ALMLIP, "train", "--train", "none", "--output", "a.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000)),
    )
    assert (done.returncode, done.stderr) == (
        1,
        "almlip: a.json: cannot be written: File too large\n",
    )
    assert not list(tmp_path.iterdir())
