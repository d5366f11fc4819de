#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors of the shipped silicon potential, of each kind of test frame, and the rounds of the campaign that made it.

. scripts/env.sh && python benchmarks/silicon_errors.py --json silicon_errors.json
python benchmarks/silicon_errors.py --campaign demo-output/summary.json --json silicon_campaign.json
"""

import argparse
import json
import pathlib
import tempfile

import results
from shell import run

POTENTIAL = results.ROOT / "potentials" / "Si.almlip.json"
FRAMES = results.ROOT / "examples" / "silicon" / "test.extxyz"
UNITS = {
    **{f"energy_{mean}": "meV/atom" for mean in ("mae", "rmse")},
    **{f"force_{mean}": "eV/Angstrom" for mean in ("mae", "rmse")},
    **{f"stress_{mean}": "GPa" for mean in ("mae", "rmse")},
    "spearman": "",
    "ece": "%",
    "coverage90": "%",
}
SCALES = {"energy_mae": 1000, "energy_rmse": 1000, "ece": 100, "coverage90": 100}
ROUND_UNITS = {
    "labelled": "frames",
    "training": "frames",
    "candidates": "frames",
    "force_mae": "eV/Angstrom",
    **dict.fromkeys(("crystal", "hot", "melt"), "eV/Angstrom"),
    "new_force_mae": "eV/Angstrom",
    "energy_mae": "meV/atom",
    "max_sigma": "eV/Angstrom",
    "seconds": "s",
}


def errors():
    """{kind of frames: {column: figure}}"""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "errors.json"
        run("almlip", "eval", POTENTIAL, FRAMES, "--json", output)
        groups = json.loads(output.read_text())["groups"]
    kinds = sorted(groups, key="all".__eq__)  # the last is `all`
    return {kind: {key: SCALES.get(key, 1) * groups[kind][key] for key in UNITS} for kind in kinds}


def rounds(summary):
    """{"round N": {column: figure}} of a campaign's summary.json"""
    found = {}
    for number, content in enumerate(json.loads(summary.read_text())["rounds"]):
        kinds = {kind: group["force_mae"] for kind, group in content["groups"].items()}
        content = content | kinds | {"training": content["training_frames"]}
        content["energy_mae"] *= 1000
        found[f"round {number}"] = {key: content[key] for key in ROUND_UNITS}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaign", type=pathlib.Path, help="summary.json of examples/silicon")
    results.add_option(parser)
    args = parser.parse_args()
    units = ROUND_UNITS if args.campaign else UNITS
    table = rounds(args.campaign) if args.campaign else errors()
    print(f"| | {' | '.join(units)} |\n{'|---' * (len(units) + 1)}|")
    for name, row in table.items():
        cells = ["-" if row[key] is None else f"{row[key]:.4g}" for key in units]
        print(f"| {name} | {' | '.join(cells)} |")
    results.write(args.json, units, table)


if __name__ == "__main__":
    main()
