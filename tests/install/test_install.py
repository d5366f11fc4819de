# SPDX-License-Identifier: GPL-2.0-or-later
"""What `cmake --install` makes: a prefix that may be moved, serves a shell and can be built upon."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BUILD = Path(os.environ["ALMLIP_BINARY_DIR"])
SOURCE = Path(__file__).resolve().parents[2]
FRAMES = SOURCE / "examples/silicon/test.extxyz"
CLEAN = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]}


def output_of(*command, **settings):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """The prefix of an installation, moved after it was made."""
    folder = tmp_path_factory.mktemp("install")
    output_of("cmake", "--install", BUILD, "--prefix", folder / "first")
    return (folder / "first").rename(folder / "moved")


def in_its_shell(prefix, command, shell="bash"):
    script = f". {prefix}/share/almlip/env.sh && {command}"
    return output_of(shell, "-c", script, env=CLEAN)


def test_a_program_of_another_project_predicts_what_eval_does(moved, tmp_path):
    source, build = moved / "share/almlip/examples/library", tmp_path / "build"
    potential = moved / "share/almlip/potentials/Si.almlip.json"
    compiler = os.environ["ALMLIP_CXX"]
    in_its_shell(
        moved,
        f"cmake -S {source} -B {build} -DCMAKE_CXX_COMPILER={compiler} && cmake --build {build}",
    )
    lines = output_of(build / "predict", potential, FRAMES, env=CLEAN).splitlines()
    own = [[float(word) for word in line.split()] for line in lines]

    in_its_shell(moved, f"almlip eval {potential} {FRAMES} --output {tmp_path}/predicted.extxyz")
    frames = pytest.importorskip("ase.io").read(tmp_path / "predicted.extxyz", index=":")
    expected = [[a.get_potential_energy(), a.arrays["sigma"].max()] for a in frames]
    # printed with ten digits; the same kernels
    assert own == [pytest.approx(values, abs=1e-8) for values in expected]


def test_headers_need_each_other_and_the_standard_library_only(moved):
    include = moved / "include"
    for header in include.rglob("*.h"):
        own = re.findall(r'#include "(.*)"', header.read_text())
        others = re.findall(r"#include <(.*)>", header.read_text())
        assert all((include / name).exists() for name in own), header
        assert not any("/" in name or name.endswith(".h") for name in others), header


def test_nothing_points_to_the_build_or_the_first_prefix(moved):
    programs = [moved / "bin/almlip", *(moved / "lib/almlip").glob("*.so")]
    paths = [line for p in programs for line in output_of("readelf", "-d", p).splitlines()]
    folders = {
        folder
        for line in paths
        for found in re.findall(r"R(?:UN)?PATH.*\[(.*)\]", line)
        for folder in found.split(":")
    }
    assert all(folder.startswith("$ORIGIN/") for folder in folders), folders
    own_text = [*moved.glob("lib/cmake/ALMLIP/*"), moved / "share/almlip/env.sh"]
    assert not any(str(folder) in p.read_text() for p in own_text for folder in (BUILD, SOURCE))


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_env_sets_up_a_shell(moved, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    twice = f". {moved}/share/almlip/env.sh && "  # sets nothing twice
    variables = ["PATH", "ALMLIP_PLUGIN", "LAMMPS_PLUGIN_PATH", "LAMMPS_POTENTIALS", "PYTHONPATH"]
    printed = in_its_shell(
        moved,
        f'{twice} almlip --version >/dev/null && printf "%s\\n" {" ".join(f"${v}" for v in variables)}',
        shell,
    ).split()

    assert printed == [
        f"{moved}/bin:/usr/bin:/bin",
        f"{moved}/lib/almlip/almlipplugin.so",
        f"{moved}/lib/almlip",
        f"{moved}/share/almlip/potentials",
        f"{moved}/lib/almlip/python",
    ]


def test_a_plain_sh_takes_the_first_prefix_or_says_what_to_do(moved):
    """It cannot tell where a sourced file lies."""
    first = moved.with_name("first")
    script = f". {moved}/share/almlip/env.sh || echo refused"
    refused = subprocess.run(["sh", "-c", script], env=CLEAN, capture_output=True, text=True)
    first.symlink_to(moved)
    found = in_its_shell(moved, "command -v almlip", "sh")
    first.unlink()

    assert refused.stdout == "refused\n"
    assert refused.stderr == (
        f"env.sh: there is no {first}/share/almlip/env.sh; use bash or zsh, or change its name in env.sh\n"
    )
    assert found == f"{first}/bin/almlip\n"


def test_lammps_loads_the_plugin_by_itself(moved, tmp_path):
    lammps = shutil.which("lmp")
    if not lammps:
        pytest.skip("no lmp on PATH")
    listed = in_its_shell(
        moved, f"cd {tmp_path} && echo 'plugin list' | {lammps} -log none -in /dev/stdin"
    )

    assert re.search(r"pair style plugin almlip", listed)
    assert re.search(r"fix style plugin al/query", listed)


def test_python_finds_the_package_and_its_compiled_module(moved):
    program = (
        "import almlip, almlip._core; print(almlip.__file__, almlip._core.__file__, sep='\\n')"
    )
    files = in_its_shell(moved, f'{sys.executable} -c "{program}"').splitlines()

    assert all(file.startswith(f"{moved}/lib/almlip/python/almlip/") for file in files), files


def test_documentation_and_examples_are_there(moved):
    for path in ("doc/ALMLIP/docs/install.md", "doc/ALMLIP/LICENSE", "almlip/examples/silicon"):
        assert (moved / "share" / path).exists(), path
    assert "@" not in (moved / "share/almlip/almlip.modulefile").read_text()
