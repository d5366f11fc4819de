# SPDX-License-Identifier: GPL-2.0-or-later
"""What computes one structure: a Labeller per electronic-structure code.

A new code is one more class with `defaults`, `check` and `compute`, and one more entry in
`LABELLERS`. Whatever is particular to a code (input, success test, failure signatures) lives in its
class; queueing, time limits, storage and the verdict on unphysical structures are common to all.
"""

import os

from ase.calculators.calculator import get_calculator_class

from ..frames import BadInput
from ..processes import one_line
from .espresso import EspressoLabeller
from .labeller import Labeller, Rejected


class AseLabeller(Labeller):
    """Any ASE calculator by name, run inside the worker process.

    name               as in ase.calculators.calculator.get_calculator_class, such as "emt", "gpaw"
    parameters         its keyword arguments
    """

    defaults = {"name": None, "parameters": {}}

    def check(self, symbols):
        if not self.settings["name"]:
            raise BadInput('calculator "ase" needs "name", such as "emt" or "gpaw"')
        try:
            get_calculator_class(self.settings["name"])
        except Exception as error:
            raise BadInput(
                f'ASE has no calculator "{self.settings["name"]}" here: {error}'
            ) from error

    def compute(self, atoms, folder):
        os.chdir(folder)
        calculator = get_calculator_class(self.settings["name"])(**self.settings["parameters"])
        atoms = atoms.copy()
        atoms.calc = calculator
        try:
            return {
                "energy": atoms.get_potential_energy(force_consistent=True),
                "forces": atoms.get_forces(),
                "stress": atoms.get_stress(),
                "code": f"ASE {self.settings['name']}",
            }
        except Exception as error:
            converges = "converge" not in f"{type(error).__name__} {error}".lower()
            verdict = "crashed" if converges else "scf_not_converged"
            raise Rejected(verdict, one_line(f"{type(error).__name__}: {error}")) from error


LABELLERS = {"espresso": EspressoLabeller, "ase": AseLabeller}


def make_labeller(settings):
    """The labeller that settings["calculator"] names. Raises BadInput."""
    name = settings.get("calculator", "espresso")
    if name not in LABELLERS:
        raise BadInput(f'unknown calculator "{name}"; allowed: {", ".join(sorted(LABELLERS))}')
    return LABELLERS[name](settings)
