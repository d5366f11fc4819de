# SPDX-License-Identifier: GPL-2.0-or-later
"""The setting "kpoints": {"spacing": s} or {"grid": [n, n, n]}, with an optional "shift".

The spacing is in 1/Angstrom (2 pi included) and gives cells of different size the same density.
Along open directions there is one point without a shift.
"""

import math

import numpy as np

from ..frames import BadInput
from .labeller import require_positive


def kpoint_grid(cell, kpoints, pbc=(True, True, True)):
    """Grid and shift, three integers each, for an ASE cell."""
    shift = kpoints.get("shift", (0, 0, 0))
    if "grid" in kpoints:
        grid = kpoints["grid"]
    else:
        lengths = 2 * math.pi * np.linalg.norm(cell.reciprocal().array, axis=1)
        grid = [max(1, math.ceil(b / kpoints["spacing"] - 1e-9)) for b in lengths]
    return (
        tuple(n if periodic else 1 for n, periodic in zip(grid, pbc)),
        tuple(s if periodic else 0 for s, periodic in zip(shift, pbc)),
    )


def check_kpoints(kpoints):
    """Raises BadInput unless kpoints has exactly one of "grid" and "spacing"."""
    if (
        not isinstance(kpoints, dict)
        or ("grid" in kpoints) == ("spacing" in kpoints)
        or set(kpoints) - {"grid", "spacing", "shift"}
    ):
        raise BadInput(
            '"kpoints" must be {"spacing": 1/Angstrom} or {"grid": [n, n, n]}, '
            'each with an optional "shift": [0 or 1, 0 or 1, 0 or 1]'
        )
    if "spacing" in kpoints:
        require_positive("spacing", kpoints["spacing"])
