#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares settings of `almlip train` by cross-validation on training frames.

    python benchmarks/cross_validate.py --sets Si Mo --folds 0 1 -- "" "--cutoff 4.5" "--weight-decay 1"

Every argument after `--` is one variant: flags for `almlip train`. Eight folds, each with the same part of every
config_type, are drawn once with a fixed seed; a variant is fitted without a fold and judged on it. Frames are
those of ALMLIP_DATA; test files are never opened. Printed are mean errors over the folds; those of the stress are
without the offset of the labels that the fit has found.
"""

import argparse
import collections
import json
import pathlib
import random
import shlex
import statistics
import tempfile
import time

import datasets
import results
from shell import run

NUM_FOLDS = 8
UNITS = {
    "force_mae": "eV/Angstrom",
    "force_rmse": "eV/Angstrom",
    "energy_mae": "meV/atom",
    "stress_mae": "GPa",
}


def folds_of(frames, seed=20261121):
    """Fold of every frame; within a config_type the folds differ by at most one frame."""
    groups = collections.defaultdict(list)
    for n, frame in enumerate(frames):
        groups[datasets.config_type(frame)].append(n)
    rng = random.Random(seed)
    fold, turn = [0] * len(frames), 0
    for group in sorted(groups):
        members = groups[group]
        rng.shuffle(members)
        for n in members:
            fold[n] = turn % NUM_FOLDS
            turn += 1
    return fold


def split(name, folds, folder):
    """Writes the frames without and with these folds; returns the two paths."""
    frames = datasets.train_frames(name)
    fold_of = folds_of(frames)
    paths = []
    for part, inside in (("train", False), ("held", True)):
        path = pathlib.Path(folder) / f"{name}.{'+'.join(map(str, folds))}.{part}.extxyz"
        if not path.exists():
            path.write_text("".join(f for f, of in zip(frames, fold_of) if (of in folds) == inside))
        paths.append(path)
    return paths


def held_out_errors(name, fold, flags, folder, seed):
    """Errors of the held-out fold and seconds of the fit."""
    train, held = split(name, [fold], folder)
    potential = pathlib.Path(folder) / "fit.almlip.json"
    start = time.monotonic()
    files = ["--train", train, "--validation", held, "--output", potential]
    run("almlip", "train", *files, "--seed", seed, "--fingerprints", "false", *flags)
    errors = json.loads(potential.read_text())["provenance"]["errors"]
    return errors["held_out"]["all"], time.monotonic() - start


def mean_errors(fits):
    """Mean of every error over the folds, energies in meV/atom; stress_mae is None without labels."""
    mean = {}
    for key in UNITS:
        errors = [fit[key] for fit in fits]
        mean[key] = None if None in errors else statistics.mean(errors)
    mean["energy_mae"] *= 1000
    return mean


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=datasets.MLEARN)
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1], help=f"of {NUM_FOLDS}")
    parser.add_argument("--members", default="1", help="networks per fit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="keeps the folds' frames here")
    parser.add_argument("variants", nargs="+", help="flags for almlip train, one text per variant")
    results.add_option(parser)
    args = parser.parse_args()

    folder = args.folder or tempfile.mkdtemp(prefix="cross_validate.")
    print(
        "| set | flags | F MAE | F RMSE (eV/Angstrom) | E MAE (meV/atom) | stress MAE (GPa) | s |\n"
        "|---|---|---|---|---|---|---|"
    )
    table = {}
    for name in args.sets:
        for variant in args.variants:
            flags = ["--members", args.members, *shlex.split(variant)]
            fits = [held_out_errors(name, k, flags, folder, args.seed) for k in args.folds]
            mean = mean_errors([errors for errors, _ in fits])
            stress = "-" if mean["stress_mae"] is None else f"{mean['stress_mae']:.3f}"
            print(
                f"| {name} | {variant or 'defaults'} | {mean['force_mae']:.4f} | {mean['force_rmse']:.4f} "
                f"| {mean['energy_mae']:.2f} | {stress} | {statistics.mean(s for _, s in fits):.1f} |",
                flush=True,
            )
            table[f"{name}: {variant or 'defaults'}"] = mean
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
