#!/usr/bin/env python3
"""Fits a committee to every reference set and prints its errors on the test frames as a table.

    . scripts/env.sh && python benchmarks/accuracy.py --output-folder accuracy
    python benchmarks/accuracy.py --sets Si Cu --preset fast

Frames come from ALMLIP_DATA. All sets get the same settings, the defaults of a preset, unless flags for `almlip train`
follow `--`. A potential that is in the output folder already is not fitted again. Published errors are quoted from
the README files of the sets.
"""

import argparse
import json
import pathlib
import tempfile
import time

import datasets
from shell import run

# Energy MAE in meV/atom, force MAE in eV/Angstrom.
PUBLISHED = {
    "Si": "MTP 2.3, 0.056",
    "Mo": "MTP 2.9, 0.090",
    "Li": "MTP 0.49, 0.010",
    "Ni": "MTP 0.48, 0.014",
    "Cu": "MTP 0.41, 0.007",
    "TiO2": "aenet 2.2 (RMSE 5.0), -",
    "InP": "ACE 7.7 to 9.8, 0.016 to 0.018",
    "MoNbTaW": "SNAP 5.0 (RMSE 6.8), 0.125; unary and binary 0.109, multinary 0.189",
    "acac 300 K": "MACE 0.06 (RMSE), 0.005 (RMSE)",
}


def uncertainty(label, fitted, groups):
    """Line of the second table: how well sigma tells the errors of the test frames."""
    pairs = zip(fitted["calibration"]["factor"], fitted["calibration"]["exponent"])
    law = "; ".join(f"{factor:.2f}, {exponent:.2f}" for factor, exponent in pairs)
    number = lambda group, key: "-" if group[key] is None else f"{group[key]:.2f}"
    everything = groups["all"]
    of_types = ", ".join(
        f"{name} {number(group, 'spearman')}" for name, group in groups.items() if name != "all"
    )
    ece = "-" if everything["ece"] is None else f"{100 * everything['ece']:.1f}"
    coverage = everything["coverage90"]
    coverage = "-" if coverage is None else f"{100 * coverage:.1f}"
    return (
        f"| {label} | {law} | {ece} | {coverage} | {number(everything, 'spearman')} "
        f"({of_types if len(groups) <= 6 else f'{len(groups) - 1} types'}) "
        f"| {number(everything, 'worst5_in_top10')} |"
    )


def rows(name, args, folder):
    """Lines of both tables, one per test file; fits first if there is no potential yet."""
    train, test = datasets.files(name)
    stem = f"{name.replace(' ', '_')}.{args.preset}"
    potential = folder / f"{stem}.almlip.json"
    seconds = "-"
    if not potential.exists():
        start = time.monotonic()
        flags = ["--preset", args.preset, *args.flags]
        run("almlip", "train", "--train", *train, "--output", potential, *flags)
        seconds = f"{time.monotonic() - start:.0f}"
    fitted = json.loads(potential.read_text())
    held_out = fitted["provenance"]["errors"]["held_out"]["all"]
    energy = lambda e: f"{1000 * e['energy_mae']:.2f} / {1000 * e['energy_rmse']:.2f}"
    force = lambda e: f"{e['force_mae']:.4f} / {e['force_rmse']:.4f}"
    for file in test:
        errors = folder / f"{stem}.{file.name.split('.')[0]}.errors.json"
        run("almlip", "eval", potential, file, "--json", errors)
        groups = json.loads(errors.read_text())["groups"]
        test_errors = groups["all"]
        label = name if len(test) == 1 else f"{name}, {file.name.split('.')[0].split('_test_')[-1]}"
        first = (
            f"| {label} | {fitted['cutoff']:.2f} | {energy(held_out)} | {force(held_out)} "
            f"| {energy(test_errors)} | {force(test_errors)} | {PUBLISHED[name]} | {seconds} |"
        )
        yield first, uncertainty(label, fitted, groups)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(PUBLISHED), choices=PUBLISHED)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--output-folder", help="keeps potentials and errors here")
    parser.add_argument("flags", nargs="*", help="flags for almlip train, after --")
    args = parser.parse_args()

    folder = pathlib.Path(args.output_folder or tempfile.mkdtemp(prefix="accuracy."))
    folder.mkdir(exist_ok=True)
    print("MAE / RMSE; E in meV/atom, F (components) in eV/Angstrom.\n")
    print(
        "| set | cutoff | held-out E | held-out F | test E | test F | published E, F (MAE) | fit, s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    second = []
    for name in args.sets:
        for line, of_sigma in rows(name, args, folder):
            print(line, flush=True)
            second.append(of_sigma)
    print("\nUncertainty: sigma = max(s, a s^p), forces in eV/Angstrom, for each element.\n")
    print(
        "| set | a, p | ECE, % | 90 % bound holds, % | Spearman (config_types) | worst5_in_top10 |"
    )
    print("|---|---|---|---|---|---|", *second, sep="\n")


if __name__ == "__main__":
    main()
