#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels that query strategies save on pools of the Materials Project: a study of `almlip pool`.

    . scripts/env.sh && python benchmarks/pool.py examples/pool/four-systems.json --output-folder pool-output/four-systems

What a study is and what its figures mean is in docs/pool-study.md. Finished runs of the folder are not repeated.
"""

import argparse
import json
import pathlib

import results
from shell import run

UNITS = {
    "saving": "%",
    "saving_low": "%",
    "saving_high": "%",
    "area": "%",
    "last_mae": "eV/atom",
    "last_mae_error": "eV/atom",
}


def figures(series):
    """Columns of one series on one system, from a study's summary.json."""
    return {
        "saving": series["saving_percent"],
        "saving_low": series["interval"][0],
        "saving_high": series["interval"][1],
        "area": series["area_change_percent"],
        "last_mae": series["final_mae"],
        "last_mae_error": series["final_mae_error"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=pathlib.Path)
    parser.add_argument("--output-folder", type=pathlib.Path, required=True)
    results.add_option(parser)
    args = parser.parse_args()
    run("almlip", "pool", args.study, "--output", args.output_folder)
    summary = json.loads((args.output_folder / "summary.json").read_text())
    table = {
        f"{system}, {name}": figures(series)
        for system, all_series in summary.items()
        for name, series in all_series.items()
    }
    print("| system, series | saving % | area % | last MAE |\n|---|---|---|---|")
    for label, row in table.items():
        low, high = row["saving_low"], row["saving_high"]
        cells = f"{row['saving']:+.0f} [{low:+.0f}, {high:+.0f}] | {row['area']:+.1f}"
        print(f"| {label} | {cells} | {row['last_mae']:.4f} |")
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
