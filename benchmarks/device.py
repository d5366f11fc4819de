#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The committee on a GPU: builds it, compares it with the CPU, looks for faults of memory, and measures it.

    python3 benchmarks/device.py --kokkos PREFIX --peak 66.9 --json benchmarks/results/device.json

builds two programs with an installed Kokkos (docs/gpu.md) in build/device, without LAMMPS. Then 5 minutes are enough.
They need nothing else, so that they can be built elsewhere and taken along: --programs FOLDER instead of --kokkos.

Bulk silicon, mixed precision, potentials with random weights. Microseconds per atom: all sizes by the mean force
alone, with the members' forces (what sigma needs), and as `pair_style almlip device yes` does it, with positions and
forces on the host. --peak is that of the GPU in TFLOP/s of single precision, for the shares of the stages.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

import registers
import results

SIZES = [10_000, 100_000, 1_000_000, 4_000_000]
NO_DEVICE, NOT_STARTED = (
    2,
    127,
)  # status of the tests; the second where a driver's library is missing
UNITS = {
    "mean": "us/atom",
    "members": "us/atom",
    "from_host": "us/atom",
    "atom_steps": "1e6/s",
    "atom_steps_sigma_10": "1e6/s",
    "atom_steps_sigma_1": "1e6/s",
    "atom_steps_from_host": "1e6/s",
}


def run(command, **settings):
    print("+", *command, flush=True)
    return subprocess.run([str(word) for word in command], **settings)


def build(kokkos):
    """The two programs, and nothing that would need LAMMPS; prints the registers of kernels, returns the programs' folder."""
    folder = results.ROOT / "build" / "device"
    parts = ["PLUGIN=OFF", "TRAINER=OFF", "PYTHON=OFF", "BENCHMARKS=ON", "TESTS=ON"]
    options = [f"-DALMLIP_BUILD_{part}" for part in parts]
    options += ["-DCMAKE_BUILD_TYPE=Release", "-DALMLIP_NATIVE=ON", "-DALMLIP_DEVICE=ON"]
    options += ["-DALMLIP_DEVICE_REPORT=ON"]
    run(
        ["cmake", "-S", results.ROOT, "-B", folder, *options, f"-DKokkos_ROOT={kokkos}"], check=True
    )
    targets = ["almlip_device_tests", "almlip_device_benchmark"]
    done = run(
        ["cmake", "--build", folder, "--parallel", os.cpu_count(), "--target", *targets],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\ndevice.py: the programs could not be built")
    if found := registers.registers(done.stdout):  # nvcc told
        registers.show(found)
    return folder / "bin"


def check(programs, sanitize):
    """Host and device agree, and the device's kernels stay within their memory; ends the script if not."""
    tests = programs / "almlip_device_tests"
    status = run([tests]).returncode
    if status in (NO_DEVICE, NOT_STARTED):
        sys.exit("device.py: this machine has no device that the programs can use")
    if status != 0:
        sys.exit("device.py: the device differs from the host")
    sanitizer = shutil.which("compute-sanitizer")
    if not sanitize or not sanitizer:
        print("compute-sanitizer: left out" if not sanitize else "compute-sanitizer: not found")
        return
    smallest = "--gtest_filter=*ReadsLists*:*fastMixed"
    if run([sanitizer, "--error-exitcode", "9", tests, smallest]).returncode != 0:
        sys.exit("device.py: compute-sanitizer found errors")


def measure(program, repeats, sizes):
    """The program's lines, also those before it failed, such as for want of memory."""
    done = run([program, repeats, *sizes], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"{program} ended with status {done.returncode}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def device_name(backend):
    """Model of the GPU where NVIDIA's tool tells it, else Kokkos's name of the backend."""
    if backend != "Cuda" or not shutil.which("nvidia-smi"):
        return backend
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True).stdout.splitlines()[0]


def row(found, peak):
    """Columns of one preset and size."""
    mean, members = found["mean"], found["members"]
    columns = {"device": device_name(found["backend"])}
    columns |= {name: found[name] for name in ("mean", "members", "from_host")}
    columns["atom_steps"] = 1 / mean
    columns["atom_steps_sigma_10"] = 10 / (9 * mean + members)
    columns["atom_steps_sigma_1"] = 1 / members
    columns["atom_steps_from_host"] = 1 / found["from_host"]
    for stage, what in found["stages"].items():
        columns[stage] = what["time"]
        if peak and what["operations"]:
            columns[f"{stage}_share"] = what["operations"] / what["time"] / (1e6 * peak)
    return columns


def show(table):
    names = list(UNITS)
    print("| | " + " | ".join(f"{name} ({UNITS[name]})" for name in names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for name, columns in table.items():
        print(f"| {name} | " + " | ".join(f"{columns[key]:.4g}" for key in names) + " |")
    for name, columns in table.items():
        stages = {key: v for key, v in columns.items() if key not in UNITS and key != "device"}
        print(name, " ".join(f"{key}={value:.3g}" for key, value in stages.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    programs = parser.add_mutually_exclusive_group(required=True)
    programs.add_argument("--kokkos", type=pathlib.Path, help="prefix of Kokkos; builds first")
    programs.add_argument("--programs", type=pathlib.Path, help="folder of programs built before")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of atoms")
    parser.add_argument("--repeats", type=int, default=3, help="the least time of so many counts")
    parser.add_argument("--peak", type=float, help="of the GPU in single precision, TFLOP/s")
    parser.add_argument("--no-sanitizer", action="store_true")
    results.add_option(parser)
    args = parser.parse_args()
    programs = build(args.kokkos) if args.kokkos else args.programs
    check(programs, not args.no_sanitizer)
    found = measure(programs / "almlip_device_benchmark", args.repeats, args.sizes)
    table = {f"{line['preset']}/{line['atoms']}": row(line, args.peak) for line in found}
    show(table)
    stages = {stage for line in found for stage in line["stages"]}
    units = {"device": "", **UNITS, **{stage: "us/atom" for stage in stages}}
    if args.peak:
        units.update({f"{stage}_share": "of the peak" for stage in stages})
    results.write(args.json, units, table)


if __name__ == "__main__":
    main()
