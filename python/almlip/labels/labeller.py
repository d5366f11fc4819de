# SPDX-License-Identifier: GPL-2.0-or-later
"""What every labeller has in common: settings, verdicts, limits."""

from pathlib import Path

import numpy as np
from ase.neighborlist import neighbor_list

from ..frames import BadInput
from .structure import with_vacuum

VERDICTS = (
    "ok",
    "scf_not_converged",
    "timeout",
    "killed",
    "crashed",
    "parse_error",
    "unphysical",
)
PASSING = ("timeout", "killed")  # say nothing about the structure, so that they are not kept
ABOUT_FRAME = ("unphysical", "scf_not_converged")
TEXTS = ("calculator", "folder", "command", "launcher", "name", "input", "data_dir", "pseudo_dir",
         "potcars", "cards")  # fmt: skip
TABLES = ("parameters", "input_data", "pseudopotentials", "kpoints")


class Rejected(Exception):
    """A structure without usable results: one of VERDICTS, and the reason in one line."""

    def __init__(self, verdict, reason):
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


class Labeller:
    """Base of all labellers; settings common to every code.

    folder             that paths in the settings are relative to; that of the settings' file
    timeout            seconds for one structure
    workers            structures computed at the same time
    vacuum             Angstrom between atoms and their images along open directions
    min_distance       Angstrom; structures with closer atoms are not computed
    max_force          eV/Angstrom; results with a larger force on any atom are set aside
    energy_window      [low, high] eV/atom or null; results outside are set aside
    """

    common_defaults = {
        "calculator": "espresso",
        "folder": ".",
        "timeout": 600.0,
        "workers": 1,
        "vacuum": 15.0,
        "min_distance": 1.0,
        "max_force": 50.0,
        "energy_window": None,
    }
    without_effect = ("folder", "timeout", "workers", "min_distance", "max_force", "energy_window")
    defaults = {}

    def __init__(self, settings):
        """Raises BadInput on an unknown key or a value that cannot be used."""
        allowed = {**self.common_defaults, **self.defaults}
        unknown = sorted(set(settings) - set(allowed))
        if unknown:
            raise BadInput(f'unknown setting "{unknown[0]}"; allowed: {", ".join(sorted(allowed))}')
        for key, value in settings.items():
            require_kind(key, value)
        self.settings = allowed | {
            key: value for key, value in settings.items() if value is not None
        }
        self.folder = Path(self.settings["folder"]).resolve()
        for key in ("timeout", "min_distance", "max_force", "vacuum"):
            require_positive(key, self.settings[key])
        for key in ("workers", "threads"):
            require_positive(key, self.settings.get(key, 1), kind=int)

    def identity(self):
        """Everything that results depend on beside the structure, as JSON data."""
        return {key: each for key, each in self.settings.items() if key not in self.without_effect}

    def started_as(self):
        """How programs are started, as JSON data: no label depends on it, but a run may fail by it."""
        return {}

    def check(self, symbols):
        """Raises BadInput if this machine or these settings cannot compute the given elements."""

    def system(self, atoms):
        """What the code is given for a frame: open directions with vacuum, one state.

        Raises Rejected if the frame is no physical system.
        """
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            raise Rejected("unphysical", "positions or cell are not finite numbers")
        if not len(atoms):
            raise Rejected("unphysical", "there are no atoms")
        try:
            system = with_vacuum(atoms, self.settings["vacuum"])
        except BadInput as error:
            raise Rejected("unphysical", str(error)) from error
        if system.cell.rank < 3 or system.get_volume() < 1e-3:
            raise Rejected("unphysical", "the cell has no volume")
        least = self.settings["min_distance"]
        distances = neighbor_list("d", system, least)
        if len(distances):
            raise Rejected(
                "unphysical",
                f"atoms {distances.min():.3f} Angstrom apart, below min_distance {least}",
            )
        return system

    def compute(self, atoms, folder):
        """Energy (eV), forces (eV/Angstrom, [num_atoms][3]), stress (eV/Angstrom^3, Voigt [6]).

        Runs in a process of its own and may use `folder` freely. Returns a dict with `energy` (the
        one that the forces are the slope of), `forces`, `code`, and `stress` where there is one.
        Raises Rejected.
        """
        raise NotImplementedError

    def label(self, system, folder):
        """Results of `compute` as JSON data. Raises Rejected."""
        results = self.compute(system, folder)
        stress = results.get("stress") if system.pbc.any() else None
        found = [results["energy"], results["forces"], [] if stress is None else stress]
        if not np.isfinite(np.concatenate([np.ravel(each) for each in found])).all():
            raise Rejected("parse_error", "energy, forces or stress are not finite numbers")
        if np.shape(results["forces"]) != (len(system), 3):
            raise Rejected("parse_error", f"forces have the shape {np.shape(results['forces'])}")
        return {
            "energy": round(float(results["energy"]), 8),
            "forces": np.round(results["forces"], 8).tolist(),
            "stress": None if stress is None else np.round(stress, 10).tolist(),
            "volume": float(system.get_volume()),
            "code": results["code"],
        }

    def judge(self, result):
        """A stored result, with the verdict "unphysical" if it is outside of today's limits."""
        if result["verdict"] != "ok":
            return result
        largest = np.linalg.norm(result["forces"], axis=1).max()
        window = self.settings["energy_window"]
        energy = result["energy"] / len(result["forces"])
        reason = ""
        if largest > self.settings["max_force"]:
            reason = (
                f"largest force {largest:.1f} eV/Angstrom, above max_force "
                f"{self.settings['max_force']}"
            )
        elif window and not window[0] <= energy <= window[1]:
            reason = f"energy {energy:.3f} eV/atom, outside energy_window {window}"
        return {**result, "verdict": "unphysical", "reason": reason} if reason else result


def require_kind(key, value):
    """Raises BadInput if a setting is not of its kind; null is always allowed, and means the default."""
    kinds = {
        "a text": (isinstance(value, str), TEXTS),
        "keys with values": (isinstance(value, dict), TABLES),
        "a text or a number": (isinstance(value, (str, int, float)), ("version",)),
        "[low, high] in eV/atom": (is_window(value), ("energy_window",)),
    }
    for kind, (holds, keys) in kinds.items():
        if key in keys and value is not None and not holds:
            raise BadInput(f'"{key}" is {value!r}, but it must be {kind}')


def is_window(value):
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(each, (int, float)) for each in value)
    )


def require_positive(key, value, kind=(int, float)):
    if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
        raise BadInput(
            f'"{key}" is {value!r}, but it must be a positive '
            f"{'integer' if kind is int else 'number'}"
        )
