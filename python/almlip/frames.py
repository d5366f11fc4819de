# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading and writing of frames in extended XYZ, at full precision and atomically."""

import os
import re
from pathlib import Path

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read
from ase.io.extxyz import key_val_dict_to_str
from ase.stress import voigt_6_to_full_3x3_stress

from . import _core
from .bad_input import BadInput
from .results import SAME_ENERGY, results_of


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

    Of results, energy, forces and stress are written; free energies if one differs from its energy.
    Raises BadInput with the number of the frame, or if the name ends in .gz.
    """
    texts = []
    free = any(map(_has_other_free_energy, frames))
    for number, atoms in enumerate(frames, 1):
        try:
            texts.append(format_frame(atoms, free_energy=free))
        except BadInput as error:
            raise BadInput(f"frame {number}: {error}") from error
    write_atomically(path, "".join(texts))


def _has_other_free_energy(atoms):
    results = getattr(atoms.calc, "results", None) or {}
    try:
        difference = np.subtract(results.get("free_energy"), results.get("energy"), dtype=float)
    except (TypeError, ValueError):  # absent, or no number, which is told with its frame
        return False
    return bool(np.any(np.abs(difference) > SAME_ENERGY))


def try_to_write(path, inputs=()):
    """Finds out whether `write_atomically` would work, before there is anything to lose.

    inputs  files that are read, which the output must not replace
    Raises BadInput.
    """
    try:
        _core.try_to_write(os.fspath(path), [os.fspath(file) for file in inputs])
    except _core.Error as error:
        raise BadInput(str(error)) from error


def write_atomically(path, text):
    """Writes text under a temporary name in the same folder, then renames it.

    Raises BadInput if the name ends in .gz: the text is plain.
    """
    path = Path(path)
    if path.suffix == ".gz":
        raise BadInput(f"{path}: what is written is plain text; name it without .gz")
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


def format_frame(atoms, free_energy=False):
    """Extended XYZ text of one frame.

    ASE's own writer rounds positions to 8 decimals; here positions and cell keep every digit, so
    that labels belong exactly to the structure that was computed.

    free_energy  write it, too, if the calculator has it
    Raises BadInput if the frame cannot be written so that it is read again as it is.
    """
    if not len(atoms):
        raise BadInput("has no atoms")
    columns, info = _labels_of(atoms, free_energy)
    for name, values in atoms.arrays.items():
        if name not in ("numbers", "positions"):
            header = column_header(name, values)
            if name == "forces" and header != "forces:R:3":
                raise BadInput(
                    f'arrays["forces"] is {header[7:]}, but R:3 is needed: 3 real numbers'
                )
            columns.setdefault(header, values)
    lattice = " ".join(repr(float(x)) for x in atoms.cell.array.flat)
    info["pbc"] = atoms.pbc
    header = f'Lattice="{lattice}" Properties={":".join(columns)} {_comment(info)}'
    rows = zip(*(format_column(values) for values in columns.values()))
    return f"{len(atoms)}\n{header}\n" + "".join(" ".join(row) + "\n" for row in rows)


def _labels_of(atoms, free_energy):
    """Columns and info of a frame, with the results of its calculator among them."""
    columns = {"species:S:1": list(atoms.symbols), "pos:R:3": atoms.positions}
    info, results = dict(atoms.info), results_of(atoms)
    if "forces" in results:
        _require_alike("forces", results["forces"], "arrays", atoms.arrays.get("forces"))
        columns["forces:R:3"] = results["forces"]
    for name in ("energy", "free_energy") if free_energy else ("energy",):
        if name in results:
            _require_alike(name, results[name], "info", info.get(name))
            info[name] = float(results[name])
    if "stress" in results:
        stress = results["stress"]
        full = stress if stress.shape == (3, 3) else voigt_6_to_full_3x3_stress(stress)
        _require_alike("stress", full, "info", info.get("stress"))
        info["stress"] = full
    return columns, info


def _require_alike(name, of_calculator, place, other):
    """Two labels of one name are refused unless they are the same."""
    if other is not None and not _are_alike(of_calculator, other):
        raise BadInput(
            f'{place}["{name}"] differs from the {name} of its calculator; remove the wrong one'
        )


def _are_alike(label, other):
    try:
        numbers = np.ravel(np.asarray(other, dtype=float))
    except (TypeError, ValueError):
        return False
    if label.shape == (3, 3) and numbers.size == 6:
        numbers = np.ravel(voigt_6_to_full_3x3_stress(numbers))
    return numbers.size == label.size and np.allclose(
        numbers, np.ravel(label), rtol=1e-6, atol=SAME_ENERGY
    )


def _comment(info):
    for key in info:
        if not isinstance(key, str) or not key or key in ("Lattice", "Properties"):
            raise BadInput(
                f"info has the key {key!r}, but keys must be text that names no part of the file"
            )
    text = key_val_dict_to_str(info)
    if len(text.splitlines()) > 1:
        broken = [key for key, value in info.items() if len(f"{key}{value}".splitlines()) > 1]
        raise BadInput(f"info has a line break in {broken}, which a comment line cannot have")
    return text


def column_header(name, values):
    """Entry of the Properties list for a per-atom array of shape [num_atoms] or [num_atoms][k].

    Raises BadInput if extended XYZ has no such column.
    """
    if values.ndim > 2 or values.size == 0 or re.search(r"[\s:]", name):
        raise BadInput(
            f"arrays[{name!r}] has shape {values.shape}, but [num_atoms] or [num_atoms, k] and a name "
            "without blanks and colons are needed"
        )
    kind = {"f": "R", "i": "I", "u": "I", "b": "L"}.get(values.dtype.kind, "S")
    if kind == "S" and any(len(str(word).split()) != 1 for word in values.flat):
        raise BadInput(f"arrays[{name!r}] has a word with blanks or an empty one")
    return f"{name}:{kind}:{1 if values.ndim == 1 else values.shape[1]}"


def format_column(values):
    """One string per atom; floating-point numbers keep every digit."""
    table = np.asarray(values).reshape(len(values), -1)
    return [" ".join(format_entry(x) for x in row) for row in table.tolist()]


def format_entry(value):
    if isinstance(value, bool):
        return "T" if value else "F"
    return repr(value) if isinstance(value, float) else str(value)
