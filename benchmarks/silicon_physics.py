#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Properties of silicon from a potential in LAMMPS, beside those of its reference method, as tables in Markdown.

    . scripts/env.sh && python benchmarks/silicon_physics.py potentials/Si.almlip.json

Statics against silicon_reference.json (made by silicon_reference.py), then dynamics: conservation of energy, thermal
expansion, the melt, and a crystal and its melt in one cell.
"""

import argparse
import json
import pathlib
import time

import numpy as np

import results
from lammps_session import BAR_PER_GPA, Session
from silicon_statics import cube, statics

HERE = pathlib.Path(__file__).resolve().parent
GRAMS_PER_CM3 = 28.0855 * 1.66053907  # of one atom per Angstrom^3
COLUMNS = {
    "potential": "see unit",
    "reference": "see unit",
    "measured": "see unit",
    "difference": "%",
    "unit": "",
}
UNITS = {"a0": "Angstrom", "B": "GPa", "C11": "GPa", "C12": "GPa", "C44": "GPa"}
# Measured: lattice and elastic constants at room temperature, McSkimin and Andreatch, J. Appl. Phys. 35, 2161 (1964);
# phonons Nilsson and Nelin, Phys. Rev. B 6, 3777 (1972) and Dolling (1963).
MEASURED = {
    "a0": 5.431, "B": 97.8, "C11": 165.8, "C12": 63.9, "C44": 79.6, "O(Gamma)": 15.53,
    "TA(X)": 4.49, "LA(X)": 12.32, "TO(X)": 13.90,
    "TA(L)": 3.43, "LA(L)": 11.35, "LO(L)": 12.60, "TO(L)": 14.68,
}  # fmt: skip


def static_table(session):
    def evaluate(structures):
        results = [session.evaluate(atoms) for atoms in structures]
        return [(r.energy, r.forces, r.pressure) for r in results]

    values = statics(evaluate)
    reference = json.loads((HERE / "silicon_reference.json").read_text())["values"]
    print("| property | unit | potential | reference method | difference | measured |")
    print("|---|---|---|---|---|---|")
    table = {}
    for name, value in values.items():
        unit, there, digits = UNITS.get(name, "THz"), reference[name], digits_of(name)
        difference = 100 * (value / there - 1)
        print(
            f"| {name} | {unit} | {value:.{digits}f} | {there:.{digits}f} | "
            f"{difference:+.1f} % | {MEASURED[name]} |"
        )
        table[name] = {
            "unit": unit,
            "potential": round(float(value), digits or None),
            "reference": round(there, digits or None),
            "difference": difference,
            "measured": MEASURED[name],
        }
    return table, values["a0"]


def digits_of(name):
    return 3 if name == "a0" else 2 if name not in UNITS else 0


def average(session, quantities, steps):
    """Means of thermo keywords or references such as c_ID over a run, sampled every 10 steps."""
    numbers = range(len(quantities))
    lines = [f"variable sampled{n} equal {quantities[n]}" for n in numbers]
    names = " ".join(f"v_sampled{n}" for n in numbers)
    session.commands(
        "\n".join(["reset_timestep 0", *lines])
        + f"\nfix mean all ave/time 10 {steps // 10} {steps} {names}\nrun {steps} post no"
    )
    if len(quantities) == 1:
        means = [session.lammps.extract_fix("mean", 0, 0)]
    else:
        means = [session.lammps.extract_fix("mean", 0, 1, n, 0) for n in numbers]
    session.commands("unfix mean")
    return means


def constant_energy(session, a0):
    """Drift of the total energy of 512 atoms at 600 K, eV/atom/ps, fitted over 10 ps."""
    session.load(cube(a0) * (4, 4, 4))
    session.commands("velocity all create 1200 1\nfix md all nve\nrun 1000 post no")
    energies = []
    for _ in range(100):
        session.commands("run 100 pre no post no")
        energies.append(session.thermo("etotal") / 512)
    session.commands("unfix md")
    return np.polyfit(0.1 * np.arange(100), energies, 1)[0]


def crystal(session, a0, temperature):
    """Lattice constant (Angstrom), enthalpy (eV/atom) and mean square displacement (Angstrom^2) at no pressure."""
    session.load(cube(a0) * (3, 3, 3))
    session.commands(f"""velocity all create {2 * temperature} 1
fix md all npt temp {temperature} {temperature} 0.1 iso 0 0 1
run 3000 post no
compute moved all msd com yes
variable msd equal c_moved[4]""")
    volume, enthalpy = average(session, ["vol", "enthalpy"], 10000)
    session.commands("run 0 post no")
    moved = session.lammps.extract_variable("msd")
    session.commands("unfix md\nuncompute moved")
    return (volume / 27) ** (1 / 3), enthalpy / 216, moved


def melt(session, a0, temperature):
    """Of 216 molten atoms: pressure (GPa) at the density of the crystal, then density (g/cm3) and neighbours within
    3.1 Angstrom after 3 ps at no pressure."""
    session.load(cube(a0) * (3, 3, 3))
    session.commands(f"""velocity all create 6000 1
fix md all nvt temp 3500 3500 0.1
run 4000 post no
unfix md
fix md all nvt temp 3500 {temperature} 0.1
run 3000 post no""")
    (pressure,) = average(session, ["press"], 2000)
    session.commands(f"""unfix md
fix md all npt temp {temperature} {temperature} 0.1 iso 0 0 1
run 2000 post no
compute near all coord/atom cutoff 3.1
compute mean all reduce ave c_near""")
    volume, near = average(session, ["vol", "c_mean"], 1000)
    session.commands("unfix md\nuncompute mean\nuncompute near")
    return pressure / BAR_PER_GPA, GRAMS_PER_CM3 * 216 / volume, near


def coexistence(session, a, temperature, steps):
    """Half of a long cell is molten; at constant energy and volume the temperature goes to the melting point of
    the pressure. Returns the mean temperature (K) and pressure (GPa) of the last third."""
    session.load(cube(a) * (4, 4, 8))
    session.commands(f"""region upper block INF INF INF INF {4 * a} INF units box
group upper region upper
group lower subtract all upper
velocity upper create 6000 1
fix md upper nvt temp 3500 3500 0.1
run 3000 post no
unfix md
velocity all create {temperature} 2
fix md all nvt temp {temperature} {temperature} 0.1
run 1000 post no
unfix md
group upper delete
group lower delete
region upper delete
fix md all nve
run {2 * steps // 3} post no""")
    means = average(session, ["temp", "press"], steps // 30 * 10)
    session.commands("unfix md")
    return means[0], means[1] / BAR_PER_GPA


def dynamic_table(session, a0, steps):
    """Yields (what, figure, its format, unit), one after the other as they are found."""
    drift = constant_energy(session, a0)
    yield "drift at constant energy, 512 atoms, 600 K", drift, ".1e", "eV/atom/ps"
    cold, hot = crystal(session, a0, 300), crystal(session, a0, 1200)
    yield "lattice constant at 300 K", cold[0], ".3f", "Angstrom"
    yield "lattice constant at 1200 K", hot[0], ".3f", "Angstrom"
    expansion = 1e6 * (hot[0] / cold[0] - 1) / 900
    yield "mean linear expansion, 300 to 1200 K", expansion, ".1f", "10^-6/K"
    yield "mean square displacement at 1200 K after 13 ps", hot[2], ".3f", "Angstrom^2"
    pressure, density, near = melt(session, a0, 1700)
    yield "melt at 1700 K, density of the crystal: pressure", pressure, ".1f", "GPa"
    yield "melt at 1700 K, after 3 ps at no pressure: density", density, ".2f", "g/cm3"
    yield "the same: neighbours within 3.1 Angstrom", near, ".1f", ""
    for start in (1000, 1800):
        end, pressure = coexistence(session, hot[0], start, steps)
        name = f"crystal and melt, 1024 atoms, {steps / 1000:.0f} ps from {start} K"
        yield f"{name}: temperature", end, ".0f", "K"
        yield f"{name}: pressure", pressure, ".1f", "GPa"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=12000, help="of each run with both phases, fs")
    results.add_option(parser)
    arguments = parser.parse_args()
    start, session = time.process_time(), Session(arguments.potential)
    table, a0 = static_table(session)
    print("\n| dynamics | value |\n|---|---|")
    for name, value, form, unit in dynamic_table(session, a0, arguments.steps):
        print(f"| {name} | {value:{form}} {unit} |", flush=True)
        table[name] = {"unit": unit, "potential": json.loads(f"{value:{form}}")}
    results.write(arguments.json, COLUMNS, table)
    print(f"\n{time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
