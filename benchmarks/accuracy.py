#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
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
import results
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


PARTS = (("energy", 2), ("force", 4))  # digits
UNITS = {
    "cutoff": "Angstrom",
    **{
        f"{part}_{what}_{mean}": unit
        for part in ("held_out", "test")
        for what, unit in (("energy", "meV/atom"), ("force", "eV/Angstrom"))
        for mean in ("mae", "rmse")
    },
    "published": "energy MAE in meV/atom, force MAE in eV/Angstrom",
    "fit_seconds": "s",
    "sigma_law": "a (eV/Angstrom), p of each element",
    "ece": "%",
    "coverage90": "%",
    "spearman": "",
    "worst5_in_top10": "",
}


def errors(part, group):
    """Columns of energy and force errors of a group of frames."""
    return {
        f"{part}_energy_mae": 1000 * group["energy_mae"],
        f"{part}_energy_rmse": 1000 * group["energy_rmse"],
        f"{part}_force_mae": group["force_mae"],
        f"{part}_force_rmse": group["force_rmse"],
    }


def uncertainty(fitted, group):
    """Columns that say how well sigma tells the errors of the test frames; None where there is no answer."""
    pairs = zip(fitted["calibration"]["factor"], fitted["calibration"]["exponent"])
    percent = lambda share: None if share is None else 100 * share
    return {
        "sigma_law": "; ".join(f"{factor:.2f}, {exponent:.2f}" for factor, exponent in pairs),
        "ece": percent(group["ece"]),
        "coverage90": percent(group["coverage90"]),
        "spearman": group["spearman"],
        "worst5_in_top10": group["worst5_in_top10"],
    }


def fit(train, args, potential):
    """Fits unless the potential is there; returns the seconds, None if it was."""
    if potential.exists():
        return None
    start = time.monotonic()
    flags = ["--preset", args.preset, *args.flags]
    run("almlip", "train", "--train", *train, "--output", potential, *flags)
    return time.monotonic() - start


def rows(name, args, folder):
    """(label, figures), one for each test file; fits first if there is no potential yet."""
    train, test = datasets.files(name)
    stem = f"{name.replace(' ', '_')}.{args.preset}"
    potential = folder / f"{stem}.almlip.json"
    seconds = fit(train, args, potential)
    fitted = json.loads(potential.read_text())
    held_out = fitted["provenance"]["errors"]["held_out"]["all"]
    for file in test:
        output = folder / f"{stem}.{file.name.split('.')[0]}.errors.json"
        run("almlip", "eval", potential, file, "--json", output)
        group = json.loads(output.read_text())["groups"]["all"]
        label = name if len(test) == 1 else f"{name}, {file.name.split('.')[0].split('_test_')[-1]}"
        yield (
            label,
            {
                "cutoff": fitted["cutoff"],
                **errors("held_out", held_out),
                **errors("test", group),
                "published": PUBLISHED[name],
                "fit_seconds": seconds,
                **uncertainty(fitted, group),
            },
        )


def line(label, figures):
    """Row of the first table."""
    both = lambda name, digits: " / ".join(
        f"{figures[f'{name}_{mean}']:.{digits}f}" for mean in ("mae", "rmse")
    )
    cells = [both(f"{part}_{what}", n) for part in ("held_out", "test") for what, n in PARTS]
    seconds = figures["fit_seconds"]
    took = "-" if seconds is None else f"{seconds:.0f}"
    words = [label, f"{figures['cutoff']:.2f}", *cells, figures["published"], took]
    return f"| {' | '.join(words)} |"


def line_of_sigma(label, figures):
    """Row of the second table."""
    number = lambda key, digits: "-" if figures[key] is None else f"{figures[key]:.{digits}f}"
    words = [label, figures["sigma_law"], number("ece", 1), number("coverage90", 1)]
    return f"| {' | '.join(words)} | {number('spearman', 2)} | {number('worst5_in_top10', 2)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(PUBLISHED), choices=PUBLISHED)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--output-folder", help="keeps potentials and errors here")
    parser.add_argument("flags", nargs="*", help="flags for almlip train, after --")
    results.add_option(parser)
    args = parser.parse_args()

    folder = pathlib.Path(args.output_folder or tempfile.mkdtemp(prefix="accuracy."))
    folder.mkdir(exist_ok=True)
    print("MAE / RMSE; E in meV/atom, F (components) in eV/Angstrom.\n")
    print(
        "| set | cutoff | held-out E | held-out F | test E | test F | published E, F (MAE) | fit, s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    table = {}
    for name in args.sets:
        for label, figures in rows(name, args, folder):
            print(line(label, figures), flush=True)
            table[label] = figures
    print("\nUncertainty: sigma = max(s, a s^p), forces in eV/Angstrom, for each element.\n")
    print("| set | a, p | ECE, % | 90 % bound holds, % | Spearman | worst5_in_top10 |")
    print("|---|---|---|---|---|---|")
    for label, figures in table.items():
        print(line_of_sigma(label, figures))
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
