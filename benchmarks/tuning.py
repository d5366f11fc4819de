#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does `almlip train --tune` find better settings than the defaults?

    . scripts/env.sh && python benchmarks/tuning.py --seconds 450 --ranks 2 --folds 6 7

Of the training frames of each set two folds of `cross_validate.py`, a quarter, are left out; the search never sees them.
Committees of 5 with the default and with the tuned settings are judged on them. Score: (ratio of force MAE)^(2/3) (ratio of energy MAE)^(1/3).
"""

import argparse
import json
import pathlib

import cross_validate
import datasets
import results
from shell import run

UNITS = {
    "force_mae": "eV/Angstrom",
    "energy_mae": "meV/atom",
    "tuned_force_mae": "eV/Angstrom",
    "tuned_energy_mae": "meV/atom",
    "score": "",
    "chosen": "",
}


def errors_of(train, held, output, ranks, flags):
    """Force and energy MAE on the folds, and the settings that a search has changed."""
    launcher = ["mpirun", "-n", ranks] if ranks > 1 else []
    run(*launcher, "almlip", "train", "--train", train, "--output", output, *flags)
    run("almlip", "eval", output, held, "--json", f"{output}.errors")
    errors = json.loads(pathlib.Path(f"{output}.errors").read_text())["groups"]["all"]
    tuning = json.loads(output.read_text())["provenance"].get("tuning", {})
    return errors["force_mae"], 1000 * errors["energy_mae"], tuning.get("chosen", {})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output-folder", default="tuning", type=pathlib.Path)
    parser.add_argument("--sets", nargs="+", default=datasets.MLEARN)
    parser.add_argument(
        "--folds", nargs="+", type=int, default=[0, 1], help=f"of {cross_validate.NUM_FOLDS}"
    )
    parser.add_argument("--seconds", type=float, default=300.0, help="of a search")
    parser.add_argument("--ranks", type=int, default=1)
    results.add_option(parser)
    args = parser.parse_args()

    args.output_folder.mkdir(parents=True, exist_ok=True)
    print("| | default: F, E | tuned: F, E | score | chosen |\n|---|---|---|---|---|")
    table = {}
    for name in args.sets:
        train, held = cross_validate.split(name, args.folds, args.output_folder)
        found = []
        for label, flags in (("default", []), ("tuned", ["--tune", args.seconds])):
            output = args.output_folder / f"{name}.{label}.almlip.json"
            found.append(errors_of(train, held, output, args.ranks, flags))
        (force, energy, _), (tuned_force, tuned_energy, chosen) = found
        settings = ", ".join(f"{key} {value}" for key, value in chosen.items()) or "nothing"
        score = (tuned_force / force) ** (2 / 3) * (tuned_energy / energy) ** (1 / 3)
        print(
            f"| {name} | {force:.4f}, {energy:.2f} | {tuned_force:.4f}, {tuned_energy:.2f} | {score:.3f} "
            f"| {settings} |",
            flush=True,
        )
        table[name] = {
            "force_mae": force,
            "energy_mae": energy,
            "tuned_force_mae": tuned_force,
            "tuned_energy_mae": tuned_energy,
            "score": score,
            "chosen": settings,
        }
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
