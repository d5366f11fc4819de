#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The committee on a GPU: builds it, compares it with the CPU, looks for faults of memory, and measures it.

    python3 benchmarks/device.py --lammps lammps/build --peak 66.9 --json benchmarks/results/device.json

builds in build/device, with a LAMMPS that was built with KOKKOS (docs/gpu.md), and measures kernels and whole steps of
LAMMPS, all within --minutes. --kokkos PREFIX is for the kernels alone, with an installed Kokkos and without LAMMPS.
Programs need nothing else, so that they can be built elsewhere and taken along: --programs FOLDER, and --lmp and
--plugin for the steps, which benchmarks/device_steps.py explains.

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
import time

import device_steps
import registers
import results
from program import Program

NO_DEVICE, NOT_STARTED = (
    2,
    127,
)  # status of the tests; the second where a driver's library is missing
MOST_SANITIZING = 90  # s
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


def build(kokkos, lammps):
    """The two programs, and for a LAMMPS what its steps need; prints the registers of kernels, returns the build's folder."""
    folder = results.ROOT / "build" / "device"
    whole = "ON" if lammps else "OFF"
    parts = [f"PLUGIN={whole}", f"TRAINER={whole}", "PYTHON=OFF", "BENCHMARKS=ON", "TESTS=ON"]
    options = [f"-DALMLIP_BUILD_{part}" for part in parts]
    options += ["-DCMAKE_BUILD_TYPE=Release", "-DALMLIP_NATIVE=ON", "-DALMLIP_DEVICE=ON"]
    options += ["-DALMLIP_DEVICE_REPORT=ON"]
    options += [f"-DLAMMPS_BUILD_DIR={lammps.resolve()}" if lammps else f"-DKokkos_ROOT={kokkos}"]
    run(["cmake", "-S", results.ROOT, "-B", folder, *options], check=True)
    targets = ["almlip_device_tests", "almlip_device_benchmark"]
    if lammps:
        targets += ["almlip", "almlipplugin", "almlip_lammps", "almlip_device_library"]
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
    return folder


def check(programs, sanitize, seconds):
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
    try:
        done = run([sanitizer, "--error-exitcode", "9", tests, smallest], timeout=seconds)
    except subprocess.TimeoutExpired:
        print(f"compute-sanitizer: not done after {seconds:.0f} s")
        return
    if done.returncode != 0:
        sys.exit("device.py: compute-sanitizer found errors")


def measure(program, repeats, sizes, seconds, keep):
    """The program's lines as they come, also those before it failed, such as for want of memory."""
    running = Program([program, repeats, *sorted(sizes)], seconds)
    found = []
    for line in running.lines():
        found.append(json.loads(line))
        keep(found)
    if running.problem:
        print(f"{program}: {running.problem}, what is missing was not measured", flush=True)
    return found


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


def table_of(found, peak):
    return {f"{line['preset']}/{line['atoms']}": row(line, peak) for line in found}


def save(path, found, peak):
    stages = {stage for line in found for stage in line["stages"]}
    units = {"device": "", **UNITS, **{stage: "us/atom" for stage in stages}}
    if peak:
        units.update({f"{stage}_share": "of the peak" for stage in stages})
    results.write(path, units, table_of(found, peak))


def measure_kernels(programs, args, deadline):
    """Prints the table and writes it after each line; leaves half of the time to the steps."""
    seconds = (deadline - time.monotonic()) / (2 if args.lmp or args.plain_lmp else 1)

    def keep(found):
        line = found[-1]
        print(f"{line['preset']}/{line['atoms']} {1 / line['mean']:.4g} 1e6/s", flush=True)
        save(args.json, found, args.peak)

    benchmark = programs / "almlip_device_benchmark"
    show(table_of(measure(benchmark, args.repeats, args.sizes, seconds, keep), args.peak))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    programs = parser.add_mutually_exclusive_group(required=True)
    programs.add_argument("--lammps", type=pathlib.Path, help="folder LAMMPS was built in")
    programs.add_argument("--kokkos", type=pathlib.Path, help="prefix of Kokkos; builds first")
    programs.add_argument("--programs", type=pathlib.Path, help="folder of programs built before")
    parser.add_argument("--repeats", type=int, default=3, help="the least time of so many counts")
    parser.add_argument("--peak", type=float, help="of the GPU in single precision, TFLOP/s")
    parser.add_argument("--no-sanitizer", action="store_true")
    device_steps.add_options(parser)
    results.add_option(parser)
    args = parser.parse_args()
    device_steps.check_options(parser, args)
    return args


def take_from_build(args, folder):
    """LAMMPS and the plugin of a build, unless others are named."""
    args.lmp = args.lmp or [str(next(args.lammps.resolve().glob("lmp*")))]
    args.plugin = args.plugin or folder / "lib" / "almlip" / "almlipplugin.so"


def main():
    args = arguments()
    deadline = time.monotonic() + 60 * args.minutes
    programs = args.programs
    if not programs:
        folder = build(args.kokkos, args.lammps)
        programs = folder / "bin"
        if args.lammps:
            take_from_build(args, folder)
    check(programs, not args.no_sanitizer, MOST_SANITIZING)
    measure_kernels(programs, args, deadline)
    if not (args.lmp or args.plain_lmp):
        print("whole steps: left out, they need --lammps, or --lmp and --plugin")
        return
    path = args.json.with_stem(f"{args.json.stem}-steps") if args.json else None
    device_steps.measure_steps(args, deadline, path)


if __name__ == "__main__":
    main()
