# SPDX-License-Identifier: GPL-2.0-or-later
"""Claims about loading the plugin: the right LAMMPS, no foreign libraries, one file for LAMMPS's plugin path."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import SANITIZED
from random_potential import write_random_potential

PLUGIN = Path(os.environ["ALMLIP_PLUGIN"])
STYLES = PLUGIN.parent / "almlip_lammps.so"


@pytest.fixture
def script(silicon_cell, tmp_path):
    """script(load): input that runs one step with a random potential after the line `load`."""
    potential = write_random_potential(tmp_path / "random.almlip.json", ["Si"])

    def make(load=""):
        return f"{load}\nunits metal\nread_data {silicon_cell}\npair_style almlip\npair_coeff * * {potential} Si\nrun 1\n"

    return make


def copy_plugin(folder, *files):
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder)
    return folder / PLUGIN.name


def test_plugin_for_another_lammps_is_refused_with_both_versions(lmp_run, script):
    other = os.environ.get("ALMLIP_OTHER_PLUGIN")
    if not other:
        pytest.skip("no plugin for another LAMMPS was built (ALMLIP_OTHER_PLUGIN)")

    run = lmp_run(script(f"plugin load {other}"), plugin=False, check=False)

    assert run.status != 0
    date = r"\d+ [A-Z][a-z][a-z] \d{4}"
    versions = re.fullmatch(
        f"almlipplugin.so: built for LAMMPS ({date}), but this is LAMMPS ({date}); build ALMLIP .*",
        run.error,
    )
    assert versions and versions[1] != versions[2]
    assert f"LAMMPS ({versions[2]}" in run.log


def test_refusal_on_two_ranks_ends_both(lmp_run, script):
    other = os.environ.get("ALMLIP_OTHER_PLUGIN")
    if not other:
        pytest.skip("no plugin for another LAMMPS was built (ALMLIP_OTHER_PLUGIN)")

    run = lmp_run(script(f"plugin load {other}"), ranks=2, plugin=False, check=False)

    assert run.status != 0
    assert run.screen.count("built for LAMMPS") == 1


def test_missing_second_file_is_named(lmp_run, script, tmp_path):
    alone = copy_plugin(tmp_path / "alone", PLUGIN)

    run = lmp_run(script(f"plugin load {alone}"), plugin=False, check=False)

    assert run.status != 0
    assert run.error.endswith("keep almlipplugin.so and almlip_lammps.so in one folder")


def test_loading_from_the_plugin_path_needs_no_command(lmp_run, script, monkeypatch):
    monkeypatch.setenv("LAMMPS_PLUGIN_PATH", str(PLUGIN.parent))

    run = lmp_run(script(), plugin=False)

    assert f"Loaded 1 plugins from {PLUGIN.parent}" in run.screen
    assert run.thermo


def test_a_lammps_that_cannot_use_the_plugin_on_its_path_runs_after_a_warning(lmp_run, monkeypatch):
    other = os.environ.get("ALMLIP_OTHER_PLUGIN")
    if not other:
        pytest.skip("no plugin for another LAMMPS was built (ALMLIP_OTHER_PLUGIN)")
    monkeypatch.setenv("LAMMPS_PLUGIN_PATH", os.path.dirname(other))

    run = lmp_run("print 'still here'", ranks=2, plugin=False)

    assert "still here" in run.log
    assert run.screen.count("WARNING: almlipplugin.so: built for LAMMPS") == 1


def test_plugin_can_be_unloaded_and_loaded_again(lmp_run, script):
    again = f"clear\nplugin unload pair almlip\nplugin unload fix al_query\n{script(f'plugin load {PLUGIN}')}"

    run = lmp_run(script() + again)

    assert len(run.thermo) == 4  # two runs, first and last step
    assert run.thermo[0] == run.thermo[2]


@pytest.mark.skipif(SANITIZED, reason="sanitizers bring their own libraries")
def test_styles_need_system_libraries_only():
    """Kokkos above all: LAMMPS may have another one in the same process."""
    needed = subprocess.run(
        ["objdump", "-p", STYLES], capture_output=True, text=True, check=True
    ).stdout

    libraries = re.findall(r"NEEDED +(\S+?)\.so", needed)

    assert set(libraries) <= {"libc", "libm", "libgcc_s", "libstdc++", "libz", "ld-linux-x86-64"}
