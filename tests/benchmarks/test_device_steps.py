# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole steps on a GPU: inputs, what is read of LAMMPS, what follows a failure; and the command itself at a tiny size."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

import pytest

import device_steps
import results
from device_steps import Case

COMMAND = results.ROOT / "benchmarks" / "device_steps.py"
PLUGIN = os.environ.get("ALMLIP_PLUGIN", "")
KOKKOS_LMP = os.environ.get("ALMLIP_KOKKOS_LMP", "")
HAS_DEVICE_LIBRARY = bool(PLUGIN) and pathlib.Path(PLUGIN).with_name("almlip_device.so").exists()

# lines of LAMMPS 19 Nov 2024, some left out
OUTPUT = """pair_style almlip/kk: computing on Cuda device 0, NVIDIA H100
Loop time of 0.5 on 1 procs for 10 steps with 1000 atoms
Loop time of 0.25 on 1 procs for 10 steps with 1000 atoms
measuring mean
Loop time of 2.0 on 1 procs for 40 steps with 1000 atoms
Loop time of 0.25 on 1 procs for 10 steps with 1000 atoms
measuring sigma_10
"""


def columns_of(text):
    told = {}
    problem = device_steps.read(text.splitlines(), lambda name, columns: told.update(columns))
    return told, problem


def test_only_measured_runs_are_read():
    # 40 steps of 1000 atoms in 2 s
    device = "Cuda device 0, NVIDIA H100"
    expected = {"device": device, "ranks": 1, "atoms": 1000, "mean": pytest.approx(0.02)}
    assert columns_of(OUTPUT) == (expected, "")


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Unrecognized pair style 'almlip/kk' (src/force.cpp:275)",
        '  what():  Kokkos failed to allocate memory for label "x".',
        "cudaDeviceSynchronize() error( cudaErrorMemoryAllocation): out of memory",
    ],
)
def test_figures_before_an_error_are_kept(line):
    told, problem = columns_of(f"{OUTPUT}{line}\nLast command: run 10\n")
    assert told["mean"] == pytest.approx(0.02)
    assert problem == line.strip()


@pytest.mark.parametrize("wanted", device_steps.SIZES)
def test_cube_has_about_the_atoms_that_were_asked_for(wanted):
    assert 8 * device_steps.cells_of(wanted) ** 3 == pytest.approx(wanted, rel=0.07)


def test_input_measures_each_mode_with_its_fix_alone():
    case = Case("x", ["lmp"], "pair_style sw\npair_coeff * * Si.sw Si", list(device_steps.MODES))
    lines = device_steps.script(case, 216, 1.5).splitlines()

    fixes = set()
    measured = {}
    for line in lines:
        if words := re.match(r"(fix|unfix) (\w+)", line):
            fixes = fixes | {words[2]} if words[1] == "fix" else fixes - {words[2]}
        elif found := device_steps.MEASURING.search(line.strip('"')):
            measured[found[1]] = fixes - {"move"}
    assert "region box block 0 3 0 3 0 3" in lines  # 8 * 3^3 = 216
    assert measured == {"mean": set(), "sigma_10": {"s"}, "sigma_1": {"s"}, "query_10": {"q"}}


# Stands in for LAMMPS: measures one mode of any size below 1000 atoms (5 cells), then has no memory.
STAND_IN = """
import re, sys
if "-h" in sys.argv:
    print("KOKKOS package API: CUDA Serial\\n\\n* Pair styles:\\n\\nsw   sw/kk   zbl\\n\\n* Bond styles:\\nsnap/kk")
    sys.exit()
cells = int(re.search(r"block 0 (\\d+)", open("in.steps").read())[1])
if cells >= 5:
    sys.exit("terminate called: out of memory")
print(f"measuring mean\\nLoop time of 1.0 on 1 procs for 10 steps with {8 * cells**3} atoms", flush=True)
"""


@pytest.fixture
def stand_in(tmp_path):
    file = tmp_path / "lmp.py"
    file.write_text(STAND_IN)
    return [sys.executable, str(file)]


def measured(command, capsys, sizes, seconds=60):
    saved = []
    table = device_steps.measure(
        [Case("x/kk", command, "", ["mean"], "CUDA")],
        sizes,
        1.0,
        time.monotonic() + seconds,
        lambda table: saved.append(list(table)),
    )
    return table, saved, capsys.readouterr().out


def test_sizes_above_one_that_does_not_fit_are_left_out(stand_in, capsys):
    table, saved, said = measured(stand_in, capsys, [8000, 1000, 64, 216])

    assert saved == [["x/kk/64"], ["x/kk/64", "x/kk/216"]]  # after each figure, small sizes first
    mean = pytest.approx(64e-5)  # 10 steps of 64 atoms in 1 s
    assert table["x/kk/64"] == {"device": "CUDA", "ranks": 1, "atoms": 64, "mean": mean}
    assert "x/kk/1000: memory does not suffice: terminate called: out of memory" in said
    assert "x/kk/8000" not in said


def test_without_time_nothing_is_started(stand_in, capsys):
    table, saved, said = measured(stand_in, capsys, [64], seconds=1)
    assert table == {} and saved == []
    assert said == "x/kk/64: left out, the time is used up\n"


def test_program_that_hangs_is_ended():
    begin = time.monotonic()
    program = device_steps.Program(
        [sys.executable, "-uc", "import time; print(1); time.sleep(99)"], 1
    )
    assert list(program.lines()) == ["1\n"]
    assert program.problem == "not done after 1 s"
    assert time.monotonic() - begin < 20


def test_kokkos_of_a_lammps_tells_where_it_computes(stand_in):
    assert device_steps.kokkos_backend(stand_in) == "CUDA"
    assert device_steps.kokkos_command(["lmp"], "CUDA", 1)[:5] == ["lmp", "-k", "on", "g", "1"]
    assert device_steps.has_style(stand_in, "sw/kk")
    assert not device_steps.has_style(stand_in, "snap/kk")  # named elsewhere in that text


def test_lammps_without_a_gpu_gives_no_figure(tmp_path):
    """All fails: status 1, and what failed is told."""
    file = tmp_path / "lmp.py"
    file.write_text("import sys\nprint('ERROR: no device for Cuda is there')\nsys.exit(1)\n")
    (tmp_path / "fast.almlip.json").touch()
    done = steps(
        "--plain-lmp", shlex.join([sys.executable, str(file)]), "--plain-plugin", "x/y/z/w.so",
        "--mpirun", """sh -c 'shift; exec "$@"'""", "--ranks", "1", "--presets", "fast", "--sizes", "64",
        "--potentials", tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "there is no device: ERROR: no device for Cuda is there" in done.stdout
    assert done.stderr == "device_steps.py: no figure was measured\n"


def steps(*words):
    command = [sys.executable, COMMAND, *words]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def figures(tmp_path, *words):
    """Rows of the table that the command writes, at 64 atoms with the preset `fast`."""
    small = ["--presets", "fast", "--sizes", "64", "--seconds", "0.1", "--ranks", "1", "2"]
    done = steps(*words, *small, "--json", tmp_path / "steps.json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((tmp_path / "steps.json").read_text())["rows"], done.stdout


@pytest.mark.skipif(not HAS_DEVICE_LIBRARY, reason="ALMLIP was built without ALMLIP_DEVICE")
def test_device_yes_is_measured_in_any_lammps(tmp_path):
    lmp = KOKKOS_LMP or "lmp"
    rows, _ = figures(tmp_path, "--plain-lmp", lmp, "--plain-plugin", PLUGIN)

    assert list(rows) == ["device yes 1 rank fast/64", "device yes 2 ranks fast/64"]
    for ranks, row in enumerate(rows.values(), start=1):
        assert row["ranks"] == ranks and row["atoms"] == 64
        assert all(row[mode] > 0 for mode in device_steps.MODES)


@pytest.mark.skipif(not KOKKOS_LMP, reason="no LAMMPS with KOKKOS was given (ALMLIP_KOKKOS_LMP)")
def test_all_styles_are_measured_in_a_lammps_with_kokkos(tmp_path):
    rows, said = figures(tmp_path, "--lmp", KOKKOS_LMP, "--plugin", PLUGIN)

    assert all(rows["almlip/kk fast/64"][mode] > 0 for mode in device_steps.MODES)
    assert "device yes 2 ranks fast/64" in rows
    assert "sw/kk/64" in rows or "sw/kk: left out" in said
