#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Speed and memory of `almlip train`, beside the POD trainer of the same LAMMPS.

    . scripts/env.sh && python benchmarks/training.py --pod-parameters param.pod
    python benchmarks/training.py --parts scaling ranks --epochs 1

Parts: `silicon` (a fit, a refit after adding 15 frames, the peer, all on the same frames and judged on the same held-out
fold), `scaling` (a quarter, half and all frames of MoNbTaW), `ranks` (one and two processes on MoNbTaW), `memory`
(MoNbTaW with and without a limit). Frames come from ALMLIP_DATA; test files are never opened.
`cpu` is the processor time of all processes, which other work on the machine changes least; `wall` the elapsed time.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import cross_validate
import datasets
import results

PARTS = ["silicon", "scaling", "ranks", "memory"]


def run(command, folder):
    """(processor seconds, elapsed seconds, largest resident size of one process in MB, stdout)"""
    start = time.monotonic()
    with open(folder / "stdout", "w+") as out, open(folder / "stderr", "w+") as err:
        words = [str(word) for word in command]
        process = subprocess.Popen(words, stdout=out, stderr=err, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            err.seek(0)
            sys.exit(f"{' '.join(words)}\n{err.read()}")
        out.seek(0)
        seconds = usage.ru_utime + usage.ru_stime
        return seconds, time.monotonic() - start, usage.ru_maxrss / 1024, out.read()


UNITS = {
    "cpu": "s",
    "wall": "s",
    "memory": "MB",
    "force_mae": "eV/Angstrom",
    "energy_mae": "meV/atom",
    "per_frame": "ms",
    "speedup": "",
}
table = {}  # of this run: {row: {column: figure}}


def row(name, measured, **more):
    """Prints and keeps what was measured and further columns."""
    cpu, wall, memory, _ = measured
    words = ", ".join(f"{key} {value:.4g} {UNITS[key]}".strip() for key, value in more.items())
    print(f"| {name} | {cpu:.2f} | {wall:.2f} | {memory:.0f} | {words} |", flush=True)
    table[name] = {"cpu": cpu, "wall": wall, "memory": memory, **more}


def write(path, frames):
    path.write_text("".join(frames))
    return path


def train(folder, frames, output, *flags, ranks=1):
    launcher = ["mpirun", "-n", ranks] if ranks > 1 else []
    command = [*launcher, "almlip", "train", "--train", *frames, "--output", output, *flags]
    return run(command, folder)


def held_out(potential):
    errors = json.loads(potential.read_text())["provenance"]["errors"]["held_out"]["all"]
    return {"force_mae": errors["force_mae"], "energy_mae": 1000 * errors["energy_mae"]}


def silicon(folder, args):
    """A fold is held out; of the other frames, 15 are what a query has just added."""
    everything, fold = cross_validate.split("Si", [0], folder)
    frames = datasets.read_frames(everything)
    step = len(frames) // 15
    added = set(range(0, 15 * step, step))
    new = write(folder / "new.extxyz", [f for n, f in enumerate(frames) if n in added])
    old = write(folder / "old.extxyz", [f for n, f in enumerate(frames) if n not in added])
    check = ["--validation", fold]
    full, before, after = (folder / f"{name}.almlip.json" for name in ("full", "before", "after"))
    row(
        f"fit, {len(frames)} frames",
        train(folder, [everything], full, *check),
        **held_out(full),
    )
    row(f"fit, {len(frames) - 15} frames", train(folder, [old], before, *check), **held_out(before))
    refit = train(folder, [old, new], after, *check, "--start", before)
    row("refit with 15 more", refit, **held_out(after))
    if args.pod_parameters:
        peer(folder, frames, datasets.read_frames(fold), args)


def peer(folder, frames, fold, args):
    """Least squares for POD, LAMMPS's `fitpod`, on the same frames."""
    for name, texts in (("train", frames), ("test", fold)):
        (folder / name).mkdir(exist_ok=True)
        write(folder / name / "Si.xyz", texts)
    (folder / "data.pod").write_text(
        "file_format extxyz\nfile_extension xyz\n"
        'path_to_training_data_set "train"\npath_to_test_data_set "test"\n'
        "fitting_weight_energy 100.0\nfitting_weight_force 1.0\n"
        "fitting_regularization_parameter 1e-10\n"
        "error_analysis_for_training_data_set 0\nerror_analysis_for_test_data_set 1\n"
        "basename_for_output_files Si\nprecision_for_pod_coefficients 8\n"
    )
    parameters = pathlib.Path(args.pod_parameters).resolve()
    (folder / "in.fit").write_text(f"units metal\nfitpod {parameters} data.pod\n")
    measured = run(["lmp", "-in", "in.fit", "-log", "none"], folder)
    errors = re.findall(r"All files +\d+ +\d+ +(\S+) +\S+ +(\S+)", measured[3])
    if not errors:
        sys.exit("fitpod printed no errors of all files")
    energy, force = (float(error) for error in errors[-1])
    row("POD (fitpod)", measured, force_mae=force, energy_mae=1000 * energy)


def alloy_frames(folder, share=1.0):
    """Evenly spaced frames, as a file."""
    frames = datasets.read_frames(datasets.files("MoNbTaW")[0][0])
    every = round(1 / share)
    return write(folder / f"alloy.{every}.extxyz", frames[::every]), len(frames[::every])


def scaling(folder, args):
    for share in (0.25, 0.5, 1.0):
        path, count = alloy_frames(folder, share)
        measured = train(folder, [path], folder / "p", "--epochs", args.epochs)
        row(f"{count} frames", measured, per_frame=1000 * measured[0] / count)


def ranks(folder, args):
    path, _ = alloy_frames(folder)
    walls = []
    for count in (1, 2):
        measured = train(folder, [path], folder / "p", "--epochs", args.epochs, ranks=count)
        walls.append(measured[1])
        name = f"{count} process{'es' if count > 1 else ''}"
        row(name, measured, speedup=walls[0] / walls[-1])


def memory(folder, args):
    path, _ = alloy_frames(folder)
    for limit in args.memory:
        flags = ["--epochs", args.epochs, "--memory", limit]
        row(f"--memory {limit}", train(folder, [path], folder / "p", *flags))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--epochs", default="2", help="of the fits of MoNbTaW")
    parser.add_argument("--memory", nargs="+", default=["0", "0.5"], help="limits in GB")
    parser.add_argument("--pod-parameters", help="file of POD descriptors: fits the peer too")
    results.add_option(parser)
    args = parser.parse_args()

    folder = pathlib.Path(tempfile.mkdtemp(prefix="training."))
    print("Errors are MAE on the held-out fold.\n")
    print("| | cpu, s | wall, s | memory, MB | |\n|---|---|---|---|---|")
    for part in args.parts:
        {"silicon": silicon, "scaling": scaling, "ranks": ranks, "memory": memory}[part](
            folder, args
        )
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
