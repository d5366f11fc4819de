# SPDX-License-Identifier: GPL-2.0-or-later
"""Energy, forces and stress that an ASE calculator holds for atoms as they are."""

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from .bad_input import BadInput

SAME_ENERGY = 1e-6  # eV; below it are the digits of the programs
_SAME_PLACE = 1e-6  # Angstrom
_NAMES = ("energy", "free_energy", "forces", "stress")

_STALE = (
    "its calculator has results of other positions, cell or elements: the atoms were changed "
    "afterwards. Ask for atoms.get_forces() again and keep what each frame has in a "
    "SinglePointCalculator of its own, or take the results off (atoms.calc = None)"
)


def results_of(atoms):
    """energy and free_energy (eV), forces [num_atoms][3] (eV/Angstrom) and stress ([6] in ASE's order
    or [3][3], eV/Angstrom^3), as far as the calculator has them. Nothing is calculated.

    Raises BadInput if they were calculated for other atoms or have another shape.
    """
    held = getattr(atoms.calc, "results", None) or {}
    held = {name: held[name] for name in _NAMES if held.get(name) is not None}
    if held and not belongs(atoms.calc, atoms):
        raise BadInput(_STALE)
    return {name: _checked(name, value, len(atoms)) for name, value in held.items()}


def belongs(calculator, atoms):
    """Whether a calculator's results are those of the atoms as they are.

    ASE asks for more: the same moments and charges, and every bit of a position, also after
    `atoms.wrap()`. Results without any atoms are taken only of calculators that never calculate.
    """
    if not _changes(calculator, atoms):
        return True
    known = getattr(calculator, "atoms", None)
    if not known:
        return isinstance(calculator, SinglePointCalculator)
    return _same_structure(known, atoms)


def _changes(calculator, atoms):
    """What has changed since the calculation, by ASE's means; something if there are none."""
    check = getattr(calculator, "check_state", None)
    return check(atoms) if check else ["unknown"]


def _same_structure(one, other):
    if (
        len(one) != len(other)
        or np.any(one.numbers != other.numbers)
        or np.any(one.pbc != other.pbc)
    ):
        return False
    if not np.allclose(one.cell.array, other.cell.array, rtol=0, atol=_SAME_PLACE):
        return False
    cell = other.cell.complete()
    steps = cell.scaled_positions(other.positions - one.positions)
    steps[:, other.pbc] -= np.round(steps[:, other.pbc])
    return np.allclose(cell.cartesian_positions(steps), 0, rtol=0, atol=_SAME_PLACE)


def _checked(name, value, num_atoms):
    try:
        numbers = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise BadInput(f"its calculator holds {name} {value!r}, which is no number") from error
    allowed = {"forces": [(num_atoms, 3)], "stress": [(6,), (3, 3)]}.get(name)
    if allowed is None and numbers.size == 1:
        numbers = numbers.reshape(())
    if numbers.shape not in (allowed or [()]):
        needed = " or ".join(map(str, allowed)) if allowed else "one number"
        raise BadInput(
            f"its calculator holds {name} of shape {numbers.shape}, but {needed} is needed"
        )
    if not np.all(np.isfinite(numbers)):
        raise BadInput(
            f"its calculator holds {name} that is not finite; remove the frame, or calculate it again"
        )
    return numbers
