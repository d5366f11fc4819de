# SPDX-License-Identifier: GPL-2.0-or-later
"""ALMLIP from Python: committee potentials in ASE and LAMMPS, training, selection, active learning.

    almlip.Calculator("Cu.almlip.json")                ASE calculator with uncertainty
    almlip.read(path), almlip.write(path, frames)      extended XYZ as the trainer reads it
    almlip.train, almlip.eval, almlip.select           the commands of the same names

Units are eV, Angstrom and what follows from them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Error
    from .calculator import Calculator
    from .commands import Evaluation, eval, select, train
    from .extxyz import read, write

    __version__: str

__all__ = ["Calculator", "Error", "Evaluation", "eval", "read", "select", "train", "write"]

# Imported when first used: every start of LAMMPS asks this package where its plugin is.
_HOMES = {
    "Calculator": "calculator",
    "Error": "_core",
    "Evaluation": "commands",
    "__version__": "_core",
    "eval": "commands",
    "read": "extxyz",
    "select": "commands",
    "train": "commands",
    "write": "extxyz",
}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'almlip' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__():
    return sorted([*globals(), *_HOMES])
