#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole MD steps of LAMMPS on a GPU: almlip/kk, `device yes`, and other pair styles of the same LAMMPS.

    python3 benchmarks/device_steps.py --lmp lammps/build/lmp --plugin build/release/lib/almlip/almlipplugin.so

LAMMPS has the package KOKKOS, and the plugin was built for it (docs/gpu.md). --plain-lmp and --plain-plugin name another
LAMMPS for `device yes`, such as one without KOKKOS. benchmarks/device.py does this after the kernels.

Bulk silicon at 300 K and constant energy, mixed precision. Million atom-steps per second of LAMMPS's own loop time: the
mean force alone, sigma every 10 steps and every step (`fix pair`), and `fix al_query` every 10 steps. Potentials are
fitted to examples/silicon in seconds, unless --potentials has them. Peers' files are looked for in LAMMPS_POTENTIALS.
Small sizes come first. Each figure is printed, and written to --json, as soon as it is there.
"""

import argparse
import functools
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import results
from program import Program

SIZES = [10_000, 100_000, 1_000_000, 4_000_000]
PRESETS = ["default", "fast", "accurate"]
GPU_BACKENDS = ["CUDA", "HIP", "SYCL"]
FRAMES = results.ROOT / "examples" / "silicon" / "train.extxyz"
SNAP = "Si_Zuo_JPCA2020.snap"  # of LAMMPS's folder of potentials
MARGIN = 10  # s, kept for what LAMMPS needs to end
SET_UP = 60  # s, for the start of LAMMPS and its atoms

INPUT = """units metal
atom_style atomic
newton on
lattice diamond 5.431
region box block 0 {cells} 0 {cells} 0 {cells}
create_box 1 box
create_atoms 1 box
mass 1 28.0855
{pair}
velocity all create 300 4928459 loop geom
neighbor 1.0 bin
neigh_modify every 1 delay 10 check yes
timestep 0.0005
fix move all nve
thermo 100
"""
# The steps that take so many seconds are found from ten; rank 0's clock counts, by way of a file.
RUN = """{begin}
run 10 post no
variable begin timer
run 10 pre no post no
variable end timer
print "$(10*ceil({seconds}/(v_end-v_begin)))" file {name}.steps screen no
variable steps file {name}.steps
print "measuring {name}"
run ${{steps}} pre no post no
variable steps delete
{end}
"""
MODES = {
    "mean": ("", ""),
    "sigma_10": ("fix s all pair 10 almlip sigma 1", "unfix s"),
    "sigma_1": ("fix s all pair 1 almlip sigma 1", "unfix s"),
    "query_10": ("fix q all al_query 10 threshold 1e6 1e7 spool off", "unfix q"),
}
UNITS = {"device": "", "ranks": "", "atoms": "", **dict.fromkeys(MODES, "1e6/s")}
COLUMNS = ["mean", "sigma_10", "sigma_1", "query_10"]

LOOP = re.compile(r"Loop time of (\S+) on (\d+) procs for (\d+) steps with (\d+) atoms")
MEASURING = re.compile(r"measuring (\w+)$")
DEVICE = re.compile(r"pair_style almlip(?:/kk)?: computing on (.*)")
MEMORY = re.compile(r"memory|alloc", re.IGNORECASE)
NO_DEVICE = re.compile(r"no device|no CUDA-capable|GetDeviceCount|no GPU", re.IGNORECASE)
ERROR = re.compile(r"ERROR|terminate called|.*what\(\):|.*(cuda|hip)\w*Error", re.IGNORECASE)


@dataclass
class Case:
    """One pair style, which is measured for each size."""

    name: str
    command: list
    pair: str  # lines of input
    modes: list
    device: str = ""  # unless LAMMPS tells


def cells_of(atoms):
    """Cells along an edge of the cube that has about so many atoms."""
    return max(2, round((atoms / 8) ** (1 / 3)))


def script(case, atoms, seconds):
    """The input of all modes of a case, one after another."""
    runs = [
        RUN.format(name=name, seconds=seconds, begin=MODES[name][0], end=MODES[name][1])
        for name in case.modes
    ]
    return INPUT.format(cells=cells_of(atoms), pair=case.pair) + "".join(runs)


def read(lines, tell=lambda name, columns: None):
    """LAMMPS's error, empty if there is none, from its lines as they come; tell() gets each figure with those before."""
    columns, problem, measuring = {}, "", None
    for line in map(str.strip, lines):
        if found := MEASURING.match(line):
            measuring = found[1]
        elif (found := LOOP.match(line)) and measuring:
            seconds, ranks, steps, atoms = float(found[1]), *map(int, found.groups()[1:])
            columns |= {"ranks": ranks, "atoms": atoms, measuring: 1e-6 * steps * atoms / seconds}
            tell(measuring, columns)
            measuring = None
        elif found := DEVICE.match(line):
            columns["device"] = found[1]
        elif ERROR.match(line) and not problem:
            problem = line
    return problem


def measure_case(case, atoms, seconds, limit, keep):
    """Why one size ended early, empty if it did not. keep() gets the columns after each figure, which is also printed."""

    def tell(name, columns):
        print(f"{case.name}/{atoms} {name} {columns[name]:.4g} 1e6/s", flush=True)
        keep({"device": case.device, **columns})

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "in.steps").write_text(script(case, atoms, seconds))
        command = [*case.command, "-in", "in.steps", "-log", "none", "-nonbuf"]
        program = Program(command, limit, cwd=folder, stderr=subprocess.STDOUT)
        return read(program.lines(), tell) or program.problem


def measure(cases, sizes, seconds, deadline, save=lambda table: None):
    """{row: columns}; save() gets the table after each figure. After a failure larger sizes of a case are left out."""
    table, failed = {}, set()

    def keep(row, columns):
        table[row] = columns
        save(table)

    for atoms in sorted(sizes):
        for case in (case for case in cases if case.name not in failed):
            row = f"{case.name}/{atoms}"
            left = deadline - time.monotonic() - MARGIN
            if left < MARGIN:
                print(f"{row}: left out, the time is used up", flush=True)
                continue
            limit = min(left, SET_UP + 10 * seconds * len(case.modes))
            if problem := measure_case(case, atoms, seconds, limit, functools.partial(keep, row)):
                failed.add(case.name)
                tell_problem(row, problem)
    return table


def tell_problem(row, problem):
    reasons = {NO_DEVICE: "there is no device: ", MEMORY: "memory does not suffice: "}
    why = next((text for sign, text in reasons.items() if sign.search(problem)), "")
    print(f"{row}: {why}{problem}; larger sizes are left out", flush=True)


def kokkos_backend(lmp):
    """Where KOKKOS of a LAMMPS computes: CUDA, HIP, SYCL or a backend of the host; empty without that package."""
    done = subprocess.run([*lmp, "-h"], capture_output=True, text=True)
    found = re.search(r"KOKKOS package API:(.*)", done.stdout)
    if done.returncode != 0 or not done.stdout:
        sys.exit(f"device_steps.py: {shlex.join(lmp)} does not start: {done.stderr[-300:].strip()}")
    backends = found[1].split() if found else []
    return next((b for b in GPU_BACKENDS if b in backends), backends[0] if backends else "")


def has_style(lmp, style):
    """Whether a LAMMPS was built with a pair style."""
    listed = subprocess.run([*lmp, "-h"], capture_output=True, text=True).stdout
    return style in listed.partition("* Pair styles")[2].partition("\n* ")[0].split()


def kokkos_command(lmp, backend, threads):
    place = ["g", "1"] if backend in GPU_BACKENDS else ["t", str(threads)]
    package = ["-pk", "kokkos", "newton", "on", "neigh", "half"]
    return [*lmp, "-k", "on", *place, "-sf", "kk", *package]


def found_file(name):
    """A file of a peer by its path or in LAMMPS_POTENTIALS; None if it is nowhere."""
    folders = ["", *os.environ.get("LAMMPS_POTENTIALS", "").split(os.pathsep)]
    paths = [pathlib.Path(folder, name) for folder in folders]
    return next((path.resolve() for path in paths if path.is_file()), None)


def peers(args, backend):
    """Cases of other styles with /kk; says which are left out."""
    wanted = {
        "sw": ("pair_style sw", ["Si.sw"]),
        "snap": ("pair_style snap", [f"{SNAP}coeff", f"{SNAP}param"]),
        "pace": ("pair_style pace product", [args.pace or "Si.yace"]),
    }
    cases = []
    for style, (line, names) in wanted.items():
        files = [found_file(name) for name in names]
        if not has_style(args.lmp, f"{style}/kk"):
            print(f"{style}/kk: left out, this LAMMPS has no such style")
        elif None in files:
            print(f"{style}/kk: left out, {' '.join(map(str, names))} not found")
        else:
            pair = f"{line}\npair_coeff * * {' '.join(map(str, files))} Si"
            command = kokkos_command(args.lmp, backend, args.threads)
            cases.append(Case(f"{style}/kk", command, pair, ["mean"], backend))
    return cases


def fit(almlip, preset, path):
    """Writes a potential for silicon of a preset."""
    command = [almlip, "train", "--train", FRAMES, "--preset", preset, "--cutoff", "5"]
    done = subprocess.run(
        [*command, "--epochs", "20", "--output", path], capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"device_steps.py: almlip train failed:\n{done.stderr[-800:]}")


def potential(args, preset, plugin):
    """A preset's file in --potentials, which is made there if it is missing."""
    path = args.potentials / f"{preset}.almlip.json"
    if not path.exists():
        beside = plugin.resolve().parents[2] / "bin" / "almlip"  # of the same build
        almlip = beside if beside.exists() else shutil.which("almlip")
        if not almlip:
            sys.exit(f"device_steps.py: no {path}, and no almlip on PATH that could make it")
        fit(almlip, preset, path)
    return path.resolve()


def ours(args, preset, plugin, keywords=""):
    file = potential(args, preset, plugin)
    return (
        f"plugin load {plugin.resolve()}\npair_style almlip precision mixed{keywords}\n"
        f"pair_coeff * * {file} Si"
    )


def cases_on_kokkos(args, backend):
    """Of almlip/kk, a preset each."""
    command = kokkos_command(args.lmp, backend, args.threads)
    return [
        Case(f"almlip/kk {preset}", command, ours(args, preset, args.plugin), list(MODES))
        for preset in args.presets
    ]


def cases_of_device_yes(args):
    """Presets times numbers of ranks."""
    lmp, plugin = args.plain_lmp or args.lmp, args.plain_plugin or args.plugin
    cases = []
    for preset in args.presets:
        pair = ours(args, preset, plugin, " device yes")
        for ranks in args.ranks:
            name = f"device yes {ranks} rank{'s' * (ranks > 1)} {preset}"
            cases.append(Case(name, [*args.mpirun, "-n", str(ranks), *lmp], pair, list(MODES)))
    return cases


def cases_of(args):
    """All that is measured, the most important first: the first preset, peers, other presets."""
    backend = kokkos_backend(args.lmp) if args.lmp else ""
    if args.lmp and not backend:
        print(f"almlip/kk: left out, {shlex.join(args.lmp)} has no package KOKKOS")
    elif backend and backend not in GPU_BACKENDS:
        print(f"KOKKOS of this LAMMPS has {backend}, no backend of a GPU: figures are the host's")
    kk = cases_on_kokkos(args, backend) if backend else []
    yes, count = cases_of_device_yes(args), len(args.ranks)
    others = peers(args, backend) if backend else []
    return kk[:1] + yes[:count] + others + kk[1:] + yes[count:]


def show(table):
    print("| | device | " + " | ".join(f"{name} ({UNITS[name]})" for name in COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for name, columns in table.items():
        cells = [f"{columns[key]:.4g}" if key in columns else "" for key in COLUMNS]
        print(f"| {name} | {columns.get('device', '')} | " + " | ".join(cells) + " |")


def add_options(parser):
    """Options that benchmarks/device.py has too."""
    words, path = shlex.split, pathlib.Path
    parser.add_argument("--lmp", type=words, help="LAMMPS with the package KOKKOS")
    parser.add_argument("--plugin", type=path, help="almlipplugin.so for it")
    parser.add_argument("--plain-lmp", type=words, help="for `device yes`, else --lmp")
    parser.add_argument("--plain-plugin", type=path, help="almlipplugin.so for it")
    parser.add_argument("--mpirun", type=words, default=["mpirun"], help="that of LAMMPS's MPI")
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 16], help="of `device yes`")
    parser.add_argument("--threads", type=int, default=1, help="of KOKKOS without a GPU")
    parser.add_argument("--presets", nargs="+", default=PRESETS, choices=PRESETS)
    parser.add_argument(
        "--potentials", type=path, help="folder of PRESET.almlip.json; missing ones are made"
    )
    parser.add_argument("--pace", help="file of PACE for silicon; else Si.yace")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of atoms")
    parser.add_argument("--seconds", type=float, default=1.0, help="aimed length of a run")
    parser.add_argument("--minutes", type=float, default=10.0, help="for everything")


def check_options(parser, args):
    for program, plugin in (("lmp", "plugin"), ("plain_lmp", "plain_plugin")):
        if getattr(args, program) and not getattr(args, plugin):
            parser.error(f"--{program} needs --{plugin}".replace("_", "-"))


def measure_steps(args, deadline, json):
    """The table of all cases, also printed; `json` is written after every size."""
    with tempfile.TemporaryDirectory() as folder:
        args.potentials = args.potentials or pathlib.Path(folder)
        cases = cases_of(args)
        table = measure(
            cases,
            args.sizes,
            args.seconds,
            deadline,
            functools.partial(results.write, json, UNITS),
        )
    if table:
        show(table)
    return table


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    results.add_option(parser)
    args = parser.parse_args()
    check_options(parser, args)
    if not (args.lmp or args.plain_lmp):
        parser.error("no LAMMPS: give --lmp, --plain-lmp or both")
    if not measure_steps(args, time.monotonic() + 60 * args.minutes, args.json):
        sys.exit("device_steps.py: no figure was measured")


if __name__ == "__main__":
    main()
