# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames from files and to files, as the trainer reads and writes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import ase
import numpy as np
from ase.calculators.calculator import BaseCalculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.extxyz import key_val_str_to_dict

from . import _core
from .frames import write_frames
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
        [os.fspath(path) for path in _listed(paths)],
        energy_keys=_listed(energy_key),
        forces_keys=_listed(forces_key),
        stress_keys=_listed(stress_key),
        labels=labels,
    )
    return [_to_atoms(content) for content in contents]


def write(path: str | os.PathLike[str], frames: ase.Atoms | Sequence[ase.Atoms]) -> None:
    """Writes frames as extended XYZ with every digit; the file appears complete or not at all."""
    write_frames(path, [frames] if isinstance(frames, ase.Atoms) else frames)


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, (str, os.PathLike)) else list(value)


class _Labels(LastAtoms, SinglePointCalculator):
    """ASE's calculator for given results, without what takes its constructor long: a copy of the
    atoms, and what programs need."""

    def __init__(self, atoms: ase.Atoms, results: dict[str, Any]) -> None:
        BaseCalculator.__init__(self, use_cache=False)
        self.results = results
        self.atoms = atoms


def _to_atoms(content: dict[str, Any]) -> ase.Atoms:
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
