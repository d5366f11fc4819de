# SPDX-License-Identifier: GPL-2.0-or-later
"""What computes one structure: a Labeller per electronic-structure code.

A new code is one more class with `defaults`, `check` and `compute`, and one more entry in
`LABELLERS`. Whatever is particular to a code (input, success test, failure signatures) lives in its
class; queueing, time limits, storage and the verdict on unphysical structures are common to all.
"""

from ..frames import BadInput
from .calculators import AseLabeller, CommandLabeller
from .cp2k import Cp2kLabeller
from .espresso import EspressoLabeller
from .vasp import VaspLabeller

LABELLERS = {
    "ase": AseLabeller,
    "command": CommandLabeller,
    "cp2k": Cp2kLabeller,
    "espresso": EspressoLabeller,
    "vasp": VaspLabeller,
}


def make_labeller(settings):
    """The labeller that settings["calculator"] names. Raises BadInput."""
    name = settings.get("calculator", "espresso")
    if not isinstance(name, str) or name not in LABELLERS:
        raise BadInput(f'unknown calculator "{name}"; allowed: {", ".join(sorted(LABELLERS))}')
    return LABELLERS[name](settings)
