# SPDX-License-Identifier: GPL-2.0-or-later
"""CP2K: the output of energies, dynamics and relaxations, with the files beside it."""

import re
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.geometry import cellpar_to_cell

from ..frames import BadInput
from .reading import UNFINISHED, Reading, open_text, stress_of_virial

_ENERGY = re.compile(r"ENERGY\| Total FORCE_EVAL .* energy .*?\s(-?\d\S*)\s*$", re.MULTILINE)
_ENTROPIC = re.compile(r"Electronic entropic energy:\s+(-?\d\S*)")
_FORCES = re.compile(r"^ ?(?:ATOMIC FORCES in|FORCES\| Atomic forces) \[(\S+)\]", re.MULTILINE)
_STRESS = re.compile(
    r"^ ?(?:STRESS TENSOR|STRESS\| (?:Analytical|Numerical) stress tensor) \[(\S+)\]",
    re.MULTILINE | re.IGNORECASE,
)
_FORCE_UNITS = {"a.u.": units.Hartree / units.Bohr, "hartree/bohr": units.Hartree / units.Bohr}
_FORCE_UNITS["eV/angstrom"] = 1.0
_STRESS_UNITS = {"GPa": units.GPa, "bar": 1e-4 * units.GPa, "kbar": 0.1 * units.GPa}
_PRINTED = 6e-4  # Angstrom; cell vectors are printed with three decimals


class _Incomplete(Exception):
    """The output ends within a table."""


def read_cp2k(path):
    """Energies are "Total FORCE_EVAL", which holds the electronic entropy. Steps whose electrons
    are not converged are left out.

    The output has cell vectors with three decimals: they are taken from the input beside it, if
    that has them. Positions after the first step are those of *-pos-1.xyz with the same energy.
    """
    reading, path = Reading(), Path(path)
    with open_text(path) as file:
        text = file.read()
    symbols, first = _first_positions(text, path)
    cell = _cell(text, path, reading)
    periodic = _periodic(text)
    energies = list(_ENERGY.finditer(text))
    trajectory = _positions_by_energy(path, text) if len(energies) > 1 else {}
    begin = 0
    for index, found in enumerate(energies):
        end = energies[index + 1].start() if index + 1 < len(energies) else len(text)
        before, after = text[begin : found.start()], text[found.start() : end]
        begin = found.end()
        energy = float(found[1])
        positions = first if index == 0 else trajectory.get(_key(energy))
        if "SCF run NOT converged" in before:
            reading.left_out["electrons not converged"] += 1
        elif positions is None:
            reading.left_out["no positions for this energy in *-pos-1.xyz"] += 1
        else:
            try:
                labels = {"forces": _forces(after, len(symbols)), "stress": _stress(after)}
            except _Incomplete:
                reading.left_out[UNFINISHED] += 1
                continue
            atoms = Atoms(symbols, positions, cell=cell, pbc=periodic)
            entropic = _ENTROPIC.findall(before)
            half = float(entropic[-1]) / 2 if entropic else 0.0
            reading.take(
                atoms,
                index,
                energy=(energy - half) * units.Hartree,
                free_energy=energy * units.Hartree,
                **labels,
            )
    return reading


def _first_positions(text, path):
    start = re.search(r"MODULE QUICKSTEP:\s+ATOMIC COORDINATES IN (\S+)", text, re.IGNORECASE)
    if not start:
        raise BadInput(
            f"{path}: holds no atomic coordinates; CP2K prints them with PRINT_LEVEL MEDIUM"
        )
    rows = []
    for line in text[start.end() :].splitlines()[1:]:
        words = line.split()
        if len(words) >= 8 and words[0].isdigit():
            rows.append(words)
        elif rows:
            break
    length = units.Bohr if start[1].lower() == "bohr" else 1.0
    positions = length * np.array([row[4:7] for row in rows], dtype=float)
    return [int(row[3]) for row in rows], positions


def _forces(text, count):
    """eV/Angstrom, shape [count][3]; None if they were not printed."""
    start = _FORCES.search(text)
    if not start:
        return None
    rows = _rows(text[start.end() :], count, "FORCES|", lambda word: word.isdigit())
    # the older layout has the kind and the element before the components, the newer one |F| after
    first = 1 if "FORCES|" in start[0] else 3
    return _FORCE_UNITS[start[1]] * np.array([row[first : first + 3] for row in rows], dtype=float)


def _stress(text):
    """ASE's stress; CP2K's is positive under compression."""
    start = _STRESS.search(text)
    if not start:
        return None
    rows = _rows(text[start.end() :], 3, "STRESS|", lambda word: word.lower() in ("x", "y", "z"))
    pressure = _STRESS_UNITS[start[1]] * np.array([row[1:4] for row in rows], dtype=float)
    return stress_of_virial(pressure, np.eye(3))


def _rows(text, count, mark, is_first):
    """Words of the next lines of a table whose first word is one of its rows', without the mark."""
    rows = []
    for line in text.splitlines():
        words = [word for word in line.split() if word != mark]
        if len(words) >= 4 and is_first(words[0]):
            rows.append(words)
            if len(rows) == count:
                return rows
    raise _Incomplete()


def _periodic(text):
    found = re.search(r"^ CELL\| Periodicity\s+(\S+)", text, re.MULTILINE)
    return [axis in (found[1] if found else "XYZ") for axis in "XYZ"]


def _cell(text, path, reading):
    rows = re.findall(r"^ CELL\| Vector [abc] \[angstrom\]:?\s+(\S+)\s+(\S+)\s+(\S+)", text,
                      re.MULTILINE)  # fmt: skip
    if len(rows) < 3:
        raise BadInput(f"{path}: holds no cell vectors in Angstrom")
    printed = np.array(rows[:3], dtype=float)
    exact = _cell_of_input(text, path)
    if exact is not None and np.allclose(exact, printed, rtol=0, atol=_PRINTED):
        return exact
    reading.notes["cell vectors with the three decimals of the output (no input beside it)"] += 1
    return printed


def _cell_of_input(text, path):
    """Cell vectors of the input file that the output names, Angstrom; None if it has none."""
    found = re.search(r"CP2K\| Input file name\s+(\S+)", text)
    file = path.parent / Path(found[1]).name if found else None
    if file is None or not file.is_file():
        return None
    section = re.search(r"^\s*&CELL\b(.*?)^\s*&END", file.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.split("#")[0].split("!")[0].split() for line in (section or "  ")[1].splitlines()]
    keys = {words[0].upper(): words[1:] for words in lines if words}
    numbers = {}
    for key, words in keys.items():
        scale = units.Bohr if words and words[0].lower() == "[bohr]" else 1.0
        values = [word for word in words if not word.startswith("[")]
        if key in ("A", "B", "C", "ABC", "ALPHA_BETA_GAMMA"):
            numbers[key] = scale * np.array(values, dtype=float)
    if all(key in numbers for key in "ABC"):
        return np.array([numbers[key] for key in "ABC"])
    if "ABC" in numbers:
        angles = numbers.get("ALPHA_BETA_GAMMA", np.full(3, 90.0))
        return cellpar_to_cell([*numbers["ABC"], *angles])
    return None


def _positions_by_energy(path, text):
    """Positions of the trajectory beside the output, by the energy to ten decimals."""
    project = re.search(r"GLOBAL\| Project name\s+(\S+)", text)
    name = f"{project[1] if project else '*'}-pos-1.xyz"
    files = sorted(path.parent.glob(name))
    if len(files) != 1:
        raise BadInput(f"{path}: has several steps, but not one trajectory {name} beside it")
    positions, lines = {}, files[0].read_text().splitlines()
    count = int(lines[0])
    for start in range(0, len(lines) - count - 1, count + 2):
        energy = re.search(r"E =\s*(\S+)", lines[start + 1])
        rows = [line.split()[1:4] for line in lines[start + 2 : start + 2 + count]]
        positions[_key(float(energy[1]))] = np.array(rows, dtype=float)
    return positions


def _key(energy):
    return round(energy, 8)
