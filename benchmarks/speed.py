#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of a whole MD step in bulk silicon, against other pair styles of the same LAMMPS in the same run.

    . scripts/env.sh && python benchmarks/speed.py --ours Si.almlip.json --core 1 tersoff snap mixed double mixed-sigma10 mixed-sigma1

Every repeat runs each style once, pinned to one core, so that a drift of the machine's speed hits all alike. Prints medians in microseconds per atom and
step, and ratios to the first style named.
"""

import argparse
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import results

SCRIPT = """units metal
atom_style atomic
atom_modify map yes
newton on
lattice diamond 5.431
region b block 0 {cells} 0 {cells} 0 {cells}
create_box 1 b
create_atoms 1 box
mass 1 28.0855
{setup}
velocity all create {temperature} 4928459 loop geom
neighbor 1.0 bin
neigh_modify every 1 delay 10 check yes
timestep 0.0005
fix 1 all nve
thermo 1000
run {steps}
"""


def pair_styles(args):
    """LAMMPS commands that set up each style; peers' files are found by LAMMPS itself through LAMMPS_POTENTIALS."""
    styles = {
        "sw": "pair_style sw\npair_coeff * * Si.sw Si",
        "tersoff": "pair_style tersoff\npair_coeff * * Si.tersoff Si",
        "snap": "pair_style snap\npair_coeff * * Si_Zuo_JPCA2020.snapcoeff Si_Zuo_JPCA2020.snapparam Si",
    }
    if args.pod:
        styles["pod"] = f"pair_style pod\npair_coeff * * {' '.join(args.pod)} Si"
    if args.ours:
        for precision in ("double", "mixed"):
            ours = (
                f"plugin load {args.plugin}\npair_style almlip precision {precision}\n"
                f"pair_coeff * * {Path(args.ours).resolve()} Si"
            )
            styles[precision] = ours
            for every in (1, 10):
                styles[f"{precision}-sigma{every}"] = (
                    f"{ours}\nfix g all pair {every} almlip sigma 1"
                )
    return styles


def run_once(args, setup, steps):
    """Microseconds per atom, step and rank of one MD run."""
    script = SCRIPT.format(cells=args.cells, setup=setup, temperature=args.temperature, steps=steps)
    command = shlex.split(args.lmp)
    if args.core is not None:
        command = ["taskset", "-c", args.core] + command
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "in.speed").write_text(script)
        done = subprocess.run(
            command + ["-in", "in.speed", "-log", "none"],
            cwd=folder,
            capture_output=True,
            text=True,
            env=dict(os.environ, OMP_NUM_THREADS="1"),
        )
    match = re.search(
        r"Loop time of (\S+) on (\d+) procs for (\d+) steps with (\d+) atoms", done.stdout
    )
    if not match:
        sys.exit(f"speed.py: LAMMPS did not run:\n{(done.stdout + done.stderr)[-800:]}")
    seconds, ranks, done_steps, atoms = float(match[1]), int(match[2]), int(match[3]), int(match[4])
    return 1e6 * seconds * ranks / done_steps / atoms


def measure(args, styles):
    """{name: [cost of each repeat]}"""
    atoms = 8 * args.cells**3
    steps = {
        name: max(
            20, min(5000, int(args.seconds / (1e-6 * run_once(args, styles[name], 20) * atoms)))
        )
        for name in args.names
    }
    costs = {name: [] for name in args.names}
    for _ in range(args.repeats):
        for name in args.names:
            costs[name].append(run_once(args, styles[name], steps[name]))
    return costs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--lmp", default="lmp", help="command that starts LAMMPS, e.g. 'mpirun -n 2 lmp'"
    )
    parser.add_argument("--plugin", default=os.environ.get("ALMLIP_PLUGIN"), help="almlipplugin.so")
    parser.add_argument("--ours", help="potential of pair_style almlip for silicon")
    parser.add_argument(
        "--pod", nargs=2, metavar=("PARAM", "COEFF"), help="files of a POD potential for silicon"
    )
    parser.add_argument("--cells", type=int, default=5, help="diamond cells per edge, 8 atoms each")
    parser.add_argument("--temperature", type=float, default=300.0, help="K")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="aimed length of one run")
    parser.add_argument("--core", help="pin to this core")
    results.add_option(parser)
    parser.add_argument("names", nargs="+")
    args = parser.parse_args()
    styles = pair_styles(args)
    unknown = [name for name in args.names if name not in styles]
    if unknown:
        parser.error(f"no style {' '.join(unknown)}; there are {' '.join(styles)}")
    costs = measure(args, styles)
    reference = statistics.median(costs[args.names[0]])
    table = {}
    for name, values in costs.items():
        median = statistics.median(values)
        print(
            f"{name:16s} {median:9.3f} us/atom/step  (min {min(values):.3f}, max {max(values):.3f})  ratio {median / reference:.3f}"
        )
        table[name] = {"median": median, "least": min(values), "ratio": median / reference}
    results.write(
        args.json, {"median": "us/atom/step", "least": "us/atom/step", "ratio": ""}, table
    )


if __name__ == "__main__":
    main()
