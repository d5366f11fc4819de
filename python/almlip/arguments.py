# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks what a caller gives. All functions raise almlip.Error, with the name of the argument."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Mapping
from typing import Any

import ase
import numpy as np

from . import _core

_SWITCHES = ("print_defaults",)  # flags without a value


def path_of(name: str, value: Any) -> str:
    """The text of a path."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise _core.Error(f"{name} is {_kind(value)}, but it must be the path of a file")
    return path


def listed_paths(name: str, value: Any) -> list[str]:
    """The texts of one or several paths or words."""
    each = [value] if isinstance(value, (str, os.PathLike)) else _list(name, value)
    return [path_of(f"{name}[{k}]", path) for k, path in enumerate(each)]


def listed_atoms(name: str, value: Any) -> list[ase.Atoms]:
    """A list of one or several frames."""
    frames = [value] if isinstance(value, ase.Atoms) else _list(name, value)
    for k, atoms in enumerate(frames):
        if not isinstance(atoms, ase.Atoms):
            raise _core.Error(f"{name}[{k}] is {_kind(atoms)}, but it must be ase.Atoms")
    return frames


def frames_or_paths(name: str, value: Any) -> list[ase.Atoms] | list[str]:
    """A list of frames or of paths, of any iterable."""
    if isinstance(value, (str, os.PathLike, ase.Atoms)):
        value = [value]
    each = _list(name, value)
    if any(isinstance(one, ase.Atoms) for one in each):
        return listed_atoms(name, each)
    return listed_paths(name, each)


def count_of(name: str, value: Any, least: int) -> int:
    """A whole number of `least` or more."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise _core.Error(f"{name} is {value!r}, but it must be a whole number of {least} or more")
    return number


def length_of(name: str, value: Any) -> float:
    """A length in Angstrom, 0 or more."""
    try:
        length = float(value)
    except (TypeError, ValueError):
        length = -1.0
    if not 0 <= length < float("inf"):
        raise _core.Error(f"{name} is {value!r}, but it must be a length in Angstrom, 0 or more")
    return length


def json_of(name: str, value: Any) -> str:
    """The JSON text of a dictionary, also of numbers and arrays of NumPy and of paths."""
    if not isinstance(value, Mapping):
        raise _core.Error(f"{name} is {_kind(value)}, but it must be a dictionary")
    try:
        return json.dumps(dict(value), default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise _core.Error(f"{name} cannot be written as JSON: {error}") from error


def flags_of(flags: dict[str, Any], taken: tuple[str, ...] = ()) -> list[str]:
    """["--max-seconds", "60"] from max_seconds=60, and ["--novelty", "true"] from novelty=True.

    taken  names that are no flags here, as the function sets them itself
    """
    arguments: list[str] = []
    for name, value in flags.items():
        if name in taken:
            raise _core.Error(f'"{name}" is no flag here: the function gives it to the command')
        if isinstance(value, np.generic | np.ndarray):
            value = value.tolist()
        if value is None or (name in _SWITCHES and not value):
            continue
        arguments.append("--" + name.replace("_", "-"))
        if name not in _SWITCHES:
            words = value if isinstance(value, (list, tuple)) else [value]
            arguments += [_word(name, word) for word in words]
    return arguments


def _word(name: str, value: Any) -> str:
    if not isinstance(value, (str, int, float, os.PathLike, np.generic)):
        raise _core.Error(
            f"{name} is {_kind(value)}, but a flag needs text, a number or a list of them"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _list(name: str, value: Any) -> list[Any]:
    """All of an iterable, also of one that can be gone through only once."""
    if isinstance(value, (bytes, Mapping)):
        raise _core.Error(f"{name} is {_kind(value)}, but a list is needed")
    try:
        return list(value)
    except TypeError as error:
        raise _core.Error(f"{name} is {_kind(value)}, but a list is needed") from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return os.fspath(value)


def _kind(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
