# SPDX-License-Identifier: GPL-2.0-or-later
"""Training sets of other programs."""

import json
import re
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.data import atomic_numbers

from ..frames import BadInput
from .reading import Reading, open_text, stress_of_virial

_PRESSURES = {  # eV/Angstrom^3, by the names that files use, in small letters
    "bar": 1e-4 * units.GPa,
    "kb": 0.1 * units.GPa,
    "kbar": 0.1 * units.GPa,
    "gpa": units.GPa,
}


def read_deepmd(folder, elements=None):
    """A system of DeePMD-kit: type.raw, type_map.raw, set.*/*.npy (eV, Angstrom).

    elements  their symbols in the order of the types; without them, those of type_map.raw count
    """
    reading, folder = Reading(), Path(folder)
    names = elements
    if names is None and (folder / "type_map.raw").is_file():
        names = (folder / "type_map.raw").read_text().split()
    types = np.loadtxt(folder / "type.raw", dtype=int, ndmin=1)
    periodic = not (folder / "nopbc").exists()
    parts = sorted(folder.glob("set.*"))
    if not parts:
        raise BadInput(f"{folder}: holds no set.*")
    index = 0
    for part in parts:
        data = {path.stem: np.load(path) for path in part.glob("*.npy")}
        own = data.get("real_atom_types")
        for k, coordinates in enumerate(data["coord"]):
            cell = data["box"][k].reshape(3, 3) if periodic else np.zeros((3, 3))
            atoms = Atoms(
                symbols_of(own[k] if own is not None else types, names, folder),
                positions=coordinates.reshape(-1, 3),
                cell=cell,
                pbc=periodic,
            )
            has_virial = "virial" in data and periodic
            reading.take(
                atoms,
                index,
                energy=float(np.ravel(data["energy"][k])[0]) if "energy" in data else None,
                forces=data["force"][k].reshape(-1, 3) if "force" in data else None,
                stress=stress_of_virial(data["virial"][k], cell) if has_virial else None,
            )
            index += 1
        for name in sorted(set(data) - {"coord", "box", "energy", "force", "virial"}):
            if name != "real_atom_types":
                reading.dropped[name] += len(data["coord"])
    return reading


def symbols_of(types, names, path):
    """Chemical symbols of types that count from 0. Raises BadInput."""
    if names is None:
        raise BadInput(f"{path}: has numbers for elements; name them, e.g. --elements Si O")
    unknown = [name for name in names if name not in atomic_numbers]
    if unknown:
        raise BadInput(
            f"{path}: there is no element {unknown[0]}; name all in the order of the "
            "types with --elements"
        )
    if len(types) and not 0 <= min(types) <= max(types) < len(names):
        raise BadInput(
            f"{path}: has atoms of type {max(types)} (the first is 0), but there are "
            f"{len(names)} elements: {' '.join(names)}; name all with --elements"
        )
    return [names[k] for k in types]


def read_mlip(path, elements=None):
    """Configurations of MLIP (MTP), blocks BEGIN_CFG ... END_CFG; eV, Angstrom.

    PlusStress is -dE/dstrain, eV. MLIP itself reads "Stress" with the other sign as an error.
    """
    reading = Reading()
    with open_text(path) as file:
        blocks = re.findall(r"BEGIN_CFG(.*?)END_CFG", file.read(), re.DOTALL)
    for index, block in enumerate(blocks):
        lines = [line.split() for line in block.splitlines() if line.strip()]
        at = {line[0].rstrip(":").lower(): k for k, line in enumerate(lines)}
        if "stress" in at:
            raise BadInput(
                f'{path}, configuration {index + 1}: "Stress" has another sign than '
                '"PlusStress"; write the set with PlusStress'
            )
        size = int(lines[at["size"] + 1][0])
        cell = np.zeros((3, 3))
        if "supercell" in at:
            rows = lines[at["supercell"] + 1 : at["supercell"] + 4]
            cell = np.array(rows, dtype=float)
        start = at["atomdata"]
        columns = lines[start][1:]
        table = dict(zip(columns, zip(*lines[start + 1 : start + 1 + size])))

        def vectors(*names, table=table):
            return np.array([table[name] for name in names], dtype=float).T

        direct = "direct_x" in table
        positions = (
            vectors("direct_x", "direct_y", "direct_z") @ cell
            if direct
            else vectors("cartes_x", "cartes_y", "cartes_z")
        )
        types = [int(k) for k in table["type"]]
        atoms = Atoms(
            symbols_of(types, elements, path), positions, cell=cell, pbc="supercell" in at
        )
        stress = None
        if "plusstress" in at:
            names = lines[at["plusstress"]][1:]
            values = dict(zip(names, map(float, lines[at["plusstress"] + 1])))
            virial = [[values["".join(sorted(a + b))] for b in "xyz"] for a in "xyz"]
            stress = stress_of_virial(virial, cell) if "supercell" in at else None
        reading.take(
            atoms,
            index,
            energy=float(lines[at["energy"] + 1][0]) if "energy" in at else None,
            forces=vectors("fx", "fy", "fz") if "fx" in table else None,
            stress=stress,
        )
        reading.dropped.update({line[1] for line in lines if line[0] == "Feature"})
    return reading


def read_fitsnap(path):
    """A file of FitSNAP: {"Dataset": {"Data": [...]}}; the stress is a pressure, positive under
    compression, in the unit "StressStyle"."""
    reading = Reading()
    with open_text(path) as file:
        text = file.read()
    data = json.loads(text[text.index("{") :])["Dataset"]
    lengths = {data.get(f"{name}Style", "angstrom").lower() for name in ("Positions", "Lattice")}
    if lengths != {"angstrom"}:
        raise BadInput(
            f"{path}: lengths are in {', '.join(sorted(lengths))}, but only angstrom is read"
        )
    for name, allowed in (("Energy", "electronvolt"), ("Forces", "electronvoltperangstrom")):
        style = data.get(f"{name}Style", allowed)
        if style.lower() not in (allowed, "ev", "ev/a", "ev/angstrom"):
            raise BadInput(f'{path}: "{name}Style" is "{style}", but only {allowed} is read')
    for index, item in enumerate(data["Data"]):
        stress = None
        if "Stress" in item:
            style = data.get("StressStyle", "bar")
            if style.lower() not in _PRESSURES:
                raise BadInput(f'{path}: "StressStyle" is "{style}"; allowed: bar, kbar, kB, GPa')
            pressure = np.array(item["Stress"], dtype=float) * _PRESSURES[style.lower()]
            stress = stress_of_virial(pressure, np.eye(3))
        atoms = Atoms(item["AtomTypes"], item["Positions"], cell=item["Lattice"], pbc=True)
        reading.take(
            atoms,
            index,
            energy=float(item["Energy"]),
            forces=np.array(item["Forces"], dtype=float) if "Forces" in item else None,
            stress=stress,
        )
        known = {"Stress", "Positions", "Energy", "AtomTypes", "Lattice", "NumAtoms", "Forces"}
        reading.dropped.update(set(item) - known - {"Label"})
    return reading
