#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an offset of the stress labels does to a potential: fits of copper and nickel with different flags, as a table in Markdown.

    . scripts/env.sh && python benchmarks/stress_offset.py -- "--stress-weight 0" "--stress-offset off" "--stress-offset on"

Every argument after `--` is one variant: flags for `almlip train`. Printed are the offset that the fit has taken off
(`-`: there was none to look for), the lattice constant and bulk modulus of its energies, elastic constants of its
stresses, and its errors on the test frames, for stresses against the labels as they are.
"""

import argparse
import json
import pathlib
import shlex
import tempfile

import numpy as np
from ase.build import bulk

import almlip
import datasets
import results
from shell import run
from silicon_statics import GPA_PER_EV_A3, STRAIN, equation_of_state

LATTICE = {"Cu": 3.62, "Ni": 3.51}  # Angstrom, about
UNITS = {
    "offset": "eV/atom",
    "pressure": "GPa",
    "a0": "Angstrom",
    **{name: "GPa" for name in ("B", "C11", "C12", "C44", "labelled")},
    "force_mae": "eV/Angstrom",
    "energy_mae": "meV/atom",
}


def cubic_constants(symbol, potential):
    """{name: value}: lattice constant, bulk modulus of the energies, elastic constants of the stresses."""
    calculator = almlip.Calculator(str(potential))

    def crystal(a, strain=0):
        atoms = bulk(symbol, "fcc", a=a, cubic=True)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        atoms.calc = calculator
        return atoms

    constants = LATTICE[symbol] * np.linspace(0.97, 1.03, 7)
    energies = [crystal(a).get_potential_energy() for a in constants]
    a0, modulus = equation_of_state(constants, energies)

    def slope(strain):
        plus, minus = (crystal(a0, sign * strain).get_stress(voigt=False) for sign in (1, -1))
        return GPA_PER_EV_A3 * (plus - minus) / (2 * STRAIN)

    stretched = slope(np.diag([STRAIN, 0, 0]))
    sheared = slope(STRAIN / 2 * np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    return {
        "a0": a0,
        "B": modulus,
        "C11": stretched[0, 0],
        "C12": stretched[1, 1],
        "C44": sheared[0, 1],
    }


def test_errors(symbol, potential, folder):
    """Errors on the test frames, stresses as labelled."""
    errors = folder / "errors.json"
    frames = datasets.files(symbol)[1]
    run("almlip", "eval", potential, *frames, "--stress-offset", "off", "--json", errors)
    return json.loads(errors.read_text())["groups"]["all"]


def measure(symbol, flags, folder):
    potential = folder / f"{symbol}.almlip.json"
    run("almlip", "train", "--train", *datasets.files(symbol)[0], "--output", potential, *flags)
    provenance = json.loads(potential.read_text())["provenance"]
    found = provenance.get("stress_offset", {}).get("unnamed", {"virial": None, "pressure": None})
    errors = test_errors(symbol, potential, folder)
    return {
        "offset": found["virial"],
        "pressure": found["pressure"],
        **cubic_constants(symbol, potential),
        "labelled": errors["stress_mae"],
        "force_mae": errors["force_mae"],
        "energy_mae": 1000 * errors["energy_mae"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(LATTICE), choices=list(LATTICE))
    parser.add_argument("variants", nargs="+", help="flags for almlip train, one text per variant")
    results.add_option(parser)
    args = parser.parse_args()

    print("| set | flags | " + " | ".join(f"{key} ({unit})" for key, unit in UNITS.items()) + " |")
    print("|---" * (2 + len(UNITS)) + "|")
    table = {}
    with tempfile.TemporaryDirectory(prefix="stress_offset.") as folder:
        for symbol in args.sets:
            for variant in args.variants:
                row = measure(symbol, shlex.split(variant), pathlib.Path(folder))
                numbers = " | ".join("-" if x is None else f"{x:.4f}" for x in row.values())
                print(f"| {symbol} | {variant} | {numbers} |", flush=True)
                table[f"{symbol}: {variant}"] = row
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
