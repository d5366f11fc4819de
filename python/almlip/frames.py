# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading and writing of frames in extended XYZ, at full precision and atomically."""

import os
from pathlib import Path

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read
from ase.io.extxyz import key_val_dict_to_str
from ase.stress import voigt_6_to_full_3x3_stress


class BadInput(Exception):
    """Input that cannot be worked on; the message is one line for the user."""


def read_frames(path):
    """All frames of an extended XYZ file (plain or gzip), as a list of ASE Atoms.

    Raises BadInput if the file is missing, unreadable or holds no frame.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        frames = read(path, index=":", format="extxyz") if path.stat().st_size else []
    except Exception as error:  # ASE raises many types on malformed text
        raise BadInput(f"{path}: not a readable extended XYZ file ({error})") from error
    if not frames:
        raise BadInput(f"{path}: holds no frames")
    return frames


def write_frames(path, frames):
    """Writes frames as extended XYZ; the file appears complete or not at all.

    Raises ValueError if the name ends in .gz: what is written is plain text.
    """
    if Path(path).suffix == ".gz":
        raise ValueError(f"{path}: frames are written as plain text; name it without .gz")
    write_atomically(path, "".join(format_frame(atoms) for atoms in frames))


def write_atomically(path, text):
    """Writes text under a temporary name in the same folder, then renames it."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def with_results(atoms, energy, forces, stress):
    """Copy with results: eV, eV/Angstrom [num_atoms][3], eV/Angstrom^3 in Voigt order [6] or None."""
    labelled = atoms.copy()
    results = {"energy": energy, "forces": np.array(forces)}
    if stress is not None:
        results["stress"] = np.array(stress)
    labelled.calc = SinglePointCalculator(labelled, **results)
    return labelled


def format_frame(atoms):
    """Extended XYZ text of one frame.

    ASE's own writer rounds positions to 8 decimals; here positions and cell keep every digit, so
    that labels belong exactly to the structure that was computed.
    """
    columns = {"species:S:1": list(atoms.symbols), "pos:R:3": atoms.positions}
    info = dict(atoms.info)
    results = atoms.calc.results if atoms.calc else {}
    if "forces" in results:
        columns["forces:R:3"] = results["forces"]
    if "energy" in results:
        info["energy"] = float(results["energy"])
    if "stress" in results:
        info["stress"] = voigt_6_to_full_3x3_stress(results["stress"])
    for name, values in atoms.arrays.items():
        if name not in ("numbers", "positions"):
            columns[column_header(name, values)] = values

    lattice = " ".join(repr(float(x)) for x in atoms.cell.array.flat)
    info["pbc"] = atoms.pbc
    header = f'Lattice="{lattice}" Properties={":".join(columns)} {key_val_dict_to_str(info)}'
    rows = zip(*(format_column(values) for values in columns.values()))
    return f"{len(atoms)}\n{header}\n" + "".join(" ".join(row) + "\n" for row in rows)


def column_header(name, values):
    """Entry of the Properties list for a per-atom array of shape [num_atoms] or [num_atoms][k]."""
    kind = {"f": "R", "i": "I", "b": "L"}.get(values.dtype.kind, "S")
    return f"{name}:{kind}:{1 if values.ndim == 1 else values.shape[1]}"


def format_column(values):
    """One string per atom; floating-point numbers keep every digit."""
    table = np.asarray(values).reshape(len(values), -1)
    return [" ".join(format_entry(x) for x in row) for row in table.tolist()]


def format_entry(value):
    if isinstance(value, bool):
        return "T" if value else "F"
    return repr(value) if isinstance(value, float) else str(value)
