#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for holes below the training range of potentials: atoms that are pushed together must come apart again.

    . scripts/env.sh && python benchmarks/short_range.py potentials/Si.almlip.json

For every file: dimers of every pair of elements down to 0.3 Angstrom, simple crystals compressed to 30 % of
their volume, as tables in Markdown. "Fall" is the largest fall of what should rise on the way inwards.
"""

import argparse
import itertools
import pathlib

import numpy as np
from ase import Atoms
from ase.build import bulk

import results
from lammps_session import Session

DIMER = np.arange(0.30, 6.0, 0.02)  # Angstrom
COMPRESSION = np.arange(1.0, 0.295, -0.02)  # V / V0
UNITS = {
    "least_force": "eV/Angstrom",
    "dimer_fall": "eV",
    "energy_fall": "eV/atom",
    "pressure_fall": "GPa",
    **{f"pressure_{v}": "GPa" for v in (60, 40, 30)},
}
PROTOTYPES = {1: ("diamond", "bcc", "fcc", "sc"), 2: ("zincblende", "rocksalt", "cesiumchloride")}


def dimer_hole(session, pair):
    """Largest fall of the energy (eV) of a dimer on the way in to 0.3 Angstrom, and the least
    repulsive force (eV/Angstrom) where the repulsion of the nuclei is complete."""
    energies = np.array(
        [
            session.evaluate(Atoms(pair, [[0, 0, 0], [0, 0, r]], cell=[20, 20, 20])).energy
            for r in DIMER
        ]
    )
    inner = session.inner(pair)
    inside = DIMER < inner
    forces = -np.diff(energies) / np.diff(DIMER)
    return forces[inside[1:]].min(), fall(energies[DIMER < inner + 0.2][::-1])


def fall(energies):
    """Largest fall after an earlier value of a sequence that should rise."""
    return float(np.max(np.maximum.accumulate(energies) - energies))


def make_crystal(name, elements, scale):
    formula = "".join(elements)
    return bulk(formula, name, a=scale, cubic=True)


def rest_volume(session, name, elements):
    """Lattice constant of least energy per atom, from a scan by nearest-neighbour distance."""
    neighbour = {"diamond": 3**0.5 / 4, "zincblende": 3**0.5 / 4, "bcc": 3**0.5 / 2}
    neighbour |= {"cesiumchloride": 3**0.5 / 2, "fcc": 0.5**0.5, "rocksalt": 0.5, "sc": 1.0}
    outer = session.outer(elements)
    constants = np.arange(1.05, 1.8, 0.01) * outer / neighbour[name]
    energies = [session.evaluate(make_crystal(name, elements, a)).energy for a in constants]
    return constants[int(np.argmin(energies))]


def compression(session, name, elements):
    """Energies per atom and pressures (GPa) on the way down to 30 % of the volume."""
    a0 = rest_volume(session, name, elements)
    results = [
        (len(crystal), session.evaluate(crystal))
        for crystal in (make_crystal(name, elements, a0 * v ** (1 / 3)) for v in COMPRESSION)
    ]
    energy = np.array([r.energy / n for n, r in results])
    pressure = np.array([np.trace(r.pressure) / 3 for _, r in results])
    return energy, pressure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potentials", nargs="+", type=pathlib.Path)
    results.add_option(parser)
    args, table = parser.parse_args(), {}
    for path in args.potentials:
        session, potential = Session(path), path.name.split(".")[0]
        print(
            f"\n{path.name}\n\n| dimer | inner, Angstrom | least force, eV/Angstrom | fall, eV |\n|---|---|---|---|"
        )
        for pair in itertools.combinations_with_replacement(session.elements, 2):
            force, hole = dimer_hole(session, pair)
            print(f"| {'-'.join(pair)} | {session.inner(pair):.2f} | {force:.1f} | {hole:.3f} |")
            table[f"{potential}: {'-'.join(pair)} dimer"] = {
                "least_force": force,
                "dimer_fall": hole,
            }
        print(
            "\n| crystal | fall of energy, eV/atom | fall of pressure, GPa | at 60 %, 40 %, 30 % of the volume, GPa |"
        )
        print("|---|---|---|---|")
        for elements in [
            *([e] for e in session.elements),
            *itertools.combinations(session.elements, 2),
        ]:
            for name in PROTOTYPES[len(elements)]:
                energy, pressure = compression(session, name, elements)
                at = {v: pressure[np.argmin(abs(100 * COMPRESSION - v))] for v in (60, 40, 30)}
                there = ", ".join(f"{p:.0f}" for p in at.values())
                print(
                    f"| {''.join(elements)} {name} | {fall(energy):.3f} | {fall(pressure):.1f} | {there} |",
                    flush=True,
                )
                table[f"{potential}: {name} {''.join(elements)}"] = {
                    "energy_fall": fall(energy),
                    "pressure_fall": fall(pressure),
                    **{f"pressure_{v}": p for v, p in at.items()},
                }
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
