# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames from files and to files, as the trainer reads and writes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.extxyz import key_val_str_to_dict

from . import _core
from .arguments import listed_atoms, listed_paths, path_of
from .frames import BadInput, write_frames
from .last_atoms import LastAtoms

_OF_TYPE = {"S": str, "R": float, "I": int, "L": lambda word: word in ("T", "True", "true")}

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def read(
    paths: Paths,
    *,
    energy_key: str | Sequence[str] = (),
    forces_key: str | Sequence[str] = (),
    stress_key: str | Sequence[str] = (),
    labels: bool = False,
) -> list[ase.Atoms]:
    """Frames of one or more extended XYZ files (plain or gzip) in their order.

    Energy, forces and stress are those that `almlip train` would learn, as results of a calculator.

    energy_key, forces_key, stress_key  names to take them from, in order of preference
    labels                              refuse what contradicts itself, as `almlip train` does
    Raises almlip.Error with file, frame and line.
    """
    contents = _core.read(
        listed_paths("paths", paths),
        energy_keys=listed_paths("energy_key", energy_key),
        forces_keys=listed_paths("forces_key", forces_key),
        stress_keys=listed_paths("stress_key", stress_key),
        labels=bool(labels),
    )
    return [to_atoms(content) for content in contents]


def write(path: str | os.PathLike[str], frames: ase.Atoms | Iterable[ase.Atoms]) -> None:
    """Writes frames as extended XYZ with every digit; the file appears complete or not at all.

    Energy, forces and stress are what the calculator of each frame holds for it as it is; free
    energies are written, too, if one differs from its energy.
    Raises almlip.Error with the frame, also if its results are of other positions.
    """
    name = path_of("path", path)
    write_listed(name, listed_atoms("frames", frames))


def write_listed(path: str, frames: list[ase.Atoms]) -> None:
    """Writes frames. Raises almlip.Error."""
    try:
        write_frames(path, frames)
    except BadInput as error:
        raise _core.Error(str(error)) from error
    except OSError as error:
        raise _core.Error(f"{path}: cannot be written: {error.strerror}") from error


class _Labels(LastAtoms, SinglePointCalculator):
    """ASE's calculator for given results, without what takes its constructor long: a copy of the
    atoms, and what programs need."""

    def __init__(self, atoms: ase.Atoms, results: dict[str, Any]) -> None:
        BaseCalculator.__init__(self, use_cache=False)
        self.results = results
        self.atoms = atoms


def to_atoms(content: dict[str, Any]) -> ase.Atoms:
    """Atoms of what `_core.read` tells about a frame."""
    atoms = ase.Atoms(
        numbers=content["numbers"],
        positions=content["positions"],
        cell=content["cell"],
        pbc=content["pbc"],
        info={key: _value(text) for key, text in content["info"].items()},
    )
    for name, values in content["arrays"].items():
        atoms.set_array(name, values)
    for name, kind, count, words in content["text_columns"]:
        values = np.array([_OF_TYPE[kind](word) for word in words])
        atoms.set_array(name, values.reshape(len(atoms), count) if count > 1 else values)
    results = {key: content[key] for key in ("energy", "forces", "stress") if key in content}
    if results:
        atoms.calc = _Labels(atoms, results)
    return atoms


def _value(text: str) -> Any:
    """What ASE makes of a value of the comment line: numbers, arrays, truth values, text."""
    if '"' in text:
        return text
    value = key_val_str_to_dict(f'value="{text}"')["value"]
    return value.item() if isinstance(value, np.generic) else value
