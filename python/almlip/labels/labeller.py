# SPDX-License-Identifier: GPL-2.0-or-later
"""What every labeller has in common: settings, verdicts, limits."""

import numpy as np
from ase.neighborlist import neighbor_list

from ..frames import BadInput

VERDICTS = ("ok", "scf_not_converged", "timeout", "crashed", "parse_error", "unphysical")


class Rejected(Exception):
    """A structure without usable results: one of VERDICTS, and the reason in one line."""

    def __init__(self, verdict, reason):
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


class Labeller:
    """Base of all labellers; settings common to every code.

    timeout            seconds for one structure
    workers            structures computed at the same time
    min_distance       Angstrom; structures with closer atoms are not computed
    max_force          eV/Angstrom; results with a larger force on any atom are set aside
    energy_window      [low, high] eV/atom or null; results outside are set aside
    """

    common_defaults = {
        "calculator": "espresso",
        "timeout": 600.0,
        "workers": 1,
        "min_distance": 1.0,
        "max_force": 50.0,
        "energy_window": None,
    }
    defaults = {}

    def __init__(self, settings):
        """Raises BadInput on an unknown key or a value that cannot be used."""
        allowed = {**self.common_defaults, **self.defaults}
        unknown = sorted(set(settings) - set(allowed))
        if unknown:
            raise BadInput(f'unknown setting "{unknown[0]}"; allowed: {", ".join(sorted(allowed))}')
        self.settings = {**allowed, **settings}
        for key in ("timeout", "min_distance", "max_force"):
            require_positive(key, self.settings[key])
        require_positive("workers", self.settings["workers"], kind=int)

    def identity(self):
        """Everything that the results depend on, as JSON data; part of the key of a structure."""
        irrelevant = ("workers", "command", "pseudo_dir")
        return {key: value for key, value in self.settings.items() if key not in irrelevant}

    def check(self, symbols):
        """Raises BadInput if this machine or these settings cannot compute the given elements."""

    def compute(self, atoms, folder):
        """Energy (eV), forces (eV/Angstrom, [num_atoms][3]), stress (eV/Angstrom^3, Voigt [6]).

        Runs in a process of its own and may use `folder` freely. Returns a dict with these three
        keys and the name of the `code`. Raises Rejected.
        """
        raise NotImplementedError

    def label(self, atoms, folder):
        """Results of `compute` as JSON data, limits checked before and after. Raises Rejected."""
        self.reject_unphysical_structure(atoms)
        results = self.compute(atoms, folder)
        self.reject_unphysical_results(results, len(atoms))
        return {
            "energy": round(float(results["energy"]), 8),
            "forces": np.round(results["forces"], 8).tolist(),
            "stress": np.round(results["stress"], 10).tolist(),
            "code": results["code"],
        }

    def reject_unphysical_structure(self, atoms):
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            raise Rejected("unphysical", "positions or cell are not finite numbers")
        if atoms.cell.rank < 3 or atoms.get_volume() < 1e-3:
            raise Rejected("unphysical", "the cell has no volume")
        least = self.settings["min_distance"]
        distances = neighbor_list("d", atoms, least)
        if len(distances):
            raise Rejected(
                "unphysical",
                f"atoms {distances.min():.3f} Angstrom apart, below min_distance {least}",
            )

    def reject_unphysical_results(self, results, num_atoms):
        numbers = np.concatenate([np.ravel(results[key]) for key in ("energy", "forces", "stress")])
        if not np.isfinite(numbers).all():
            raise Rejected("parse_error", "energy, forces or stress are not finite numbers")
        largest = np.linalg.norm(results["forces"], axis=1).max()
        if largest > self.settings["max_force"]:
            raise Rejected(
                "unphysical",
                f"largest force {largest:.1f} eV/Angstrom, above max_force "
                f"{self.settings['max_force']}",
            )
        window, energy = self.settings["energy_window"], results["energy"] / num_atoms
        if window and not window[0] <= energy <= window[1]:
            raise Rejected(
                "unphysical", f"energy {energy:.3f} eV/atom, outside energy_window {window}"
            )


def require_positive(key, value, kind=(int, float)):
    if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
        raise BadInput(
            f'"{key}" is {value!r}, but it must be a positive '
            f"{'integer' if kind is int else 'number'}"
        )
