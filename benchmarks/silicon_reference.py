#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Computes the static properties of silicon with the reference method of examples/silicon/label.json.

    . scripts/env.sh && nice python benchmarks/silicon_reference.py

Writes benchmarks/silicon_reference.json; finished calculations are kept in --cache. About 3 minutes on a free core.
"""

import argparse
import copy
import json
import pathlib
import sys

import numpy as np

from almlip.labels.batch import label_batch, load_settings, print_progress
from almlip.labels.labellers import make_labeller
from silicon_statics import GPA_PER_EV_A3, statics

HERE = pathlib.Path(__file__).resolve().parent
LABEL = HERE.parent / "examples" / "silicon" / "label.json"


def tighter(settings):
    """The same physics, converged further: small displacements need forces to 0.1 meV/Angstrom."""
    settings = copy.deepcopy(settings)
    settings["input_data"]["electrons"]["conv_thr"] = 1e-9
    return settings | {"timeout": 1800}


def tensor(voigt):
    xx, yy, zz, yz, xz, xy = voigt
    return [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("labels"))
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "silicon_reference.json")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    settings = tighter(load_settings(LABEL)) | {"workers": arguments.workers}
    labeller, codes = make_labeller(settings), set()

    def evaluate(structures):
        results = label_batch(labeller, structures, arguments.cache, progress=print_progress)
        for result in results:
            if result["verdict"] != "ok":
                sys.exit(f"{result['key']}: {result['verdict']}: {result['reason']}")
            codes.add(result["code"])
        return [
            (
                result["energy"],
                np.array(result["forces"]),
                -GPA_PER_EV_A3 * np.array(tensor(result["stress"])),
            )
            for result in results
        ]

    values = statics(evaluate)
    content = {
        "code": sorted(codes),
        "settings": settings,
        "values": {name: round(float(value), 4) for name, value in values.items()},
    }
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content["values"], indent=1))


if __name__ == "__main__":
    main()
