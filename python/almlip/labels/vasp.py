# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels from VASP, through the input and output of ASE's calculator."""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.vasp import Vasp
from ase.io import read

from ..frames import BadInput
from ..processes import one_line
from .kpoints import check_kpoints, kpoint_grid
from .labeller import Rejected
from .program import ProgramLabeller
from .structure import total_charge

FORCED = {"nsw": 0, "ibrion": -1, "lwave": False, "lcharg": False}
OWN_ERROR = re.compile(r"(?:VERY BAD NEWS|internal error|ERROR).*")


class VaspLabeller(ProgramLabeller):
    """VASP.

    parameters  INCAR and more as keyword arguments of ase.calculators.vasp.Vasp: {"xc": "PBE",
                "encut": 400, "setups": {"Fe": "_pv"}, ...}
    kpoints     see kpoints.py
    potcars     folder that holds potpaw_PBE; VASP_PP_PATH if null
    """

    defaults = {
        **ProgramLabeller.defaults,
        "command": "vasp_std",
        "parameters": {},
        "kpoints": {"spacing": 0.25},
        "potcars": None,
    }

    def __init__(self, settings):
        super().__init__(settings)
        check_kpoints(self.settings["kpoints"])
        unwanted = {"kpts", "gamma", "command", "directory", "magmom"} & set(
            self.settings["parameters"]
        )
        if unwanted:
            raise BadInput(
                f'"parameters" has "{min(unwanted)}": k-points are in "kpoints", the program in '
                f'"command", moments in the column initial_magmoms of the frames'
            )
        if self.settings["potcars"]:
            os.environ["VASP_PP_PATH"] = str(self.folder / self.settings["potcars"])
        self.hashes = {}

    def check(self, symbols):
        super().check(symbols)
        for symbol in sorted(symbols):
            try:
                self.hashes[symbol] = self.potcar_hash(symbol)
            except Exception as error:  # ASE raises many types
                raise BadInput(f"no POTCAR of {symbol}: {one_line(str(error))}") from error

    def potcar_hash(self, symbol):
        calculator = self.calculator()
        calculator.initialize(Atoms(symbol, cell=[5, 5, 5], pbc=True))
        parts = [Path(path).read_bytes() for path in calculator.ppp_list]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def identity(self):
        kept = super().identity()
        del kept["potcars"]
        return {**kept, "potcars": self.hashes}

    def calculator(self, **more):
        parameters = {**self.settings["parameters"], **FORCED, **more}
        try:
            return Vasp(**parameters)
        except Exception as error:  # ASE raises many types
            raise BadInput(f'"parameters": {one_line(str(error))}') from error

    def compute(self, atoms, folder):
        grid, shift = kpoint_grid(atoms.cell, self.settings["kpoints"], atoms.pbc)
        more = {"kpts": grid, "gamma": not any(shift), "directory": str(folder)}
        if charge := total_charge(atoms):
            more["charge"] = charge
        system = atoms.copy()
        system.pbc = True
        if not np.any(atoms.get_initial_magnetic_moments()):
            system.set_initial_magnetic_moments(None)
        calculator = self.calculator(**more)
        calculator.write_input(system)
        status = self.run(folder, [], "vasp.out")
        if status != 0:
            said = OWN_ERROR.findall((folder / "vasp.out").read_text(errors="replace"))
            raise (
                Rejected("crashed", one_line(said[0])) if said else self.broken_off(folder, status)
            )
        return read_results(calculator, folder)


def read_results(calculator, folder):
    """Energy, forces and stress, if the electrons have converged. Raises Rejected."""
    absent = [name for name in ("OUTCAR", "vasprun.xml") if not (folder / name).is_file()]
    if absent:
        raise Rejected("parse_error", f"VASP left no {absent[0]}")
    lines = (folder / "OUTCAR").read_text(errors="replace").splitlines()
    if not any("General timing and accounting" in line for line in lines):
        raise Rejected("parse_error", "OUTCAR ends before the timing at its end")
    reject_unconverged(lines)
    try:
        results = read(folder / "vasprun.xml", format="vasp-xml").calc.results
    except Exception as error:  # ASE's parsers raise many types on unexpected text
        raise Rejected("parse_error", one_line(f"ASE cannot read the output: {error!r}")) from error
    return {
        "energy": results["free_energy"],
        "forces": results["forces"][calculator.resort],
        "stress": results.get("stress"),
        "code": f"VASP {version_of(lines)}",
    }


def reject_unconverged(lines):
    """Raises Rejected unless the last electronic loop of an OUTCAR says that EDIFF was reached.

    At NELM, VASP 6 says that it was not, VASP 5 nothing; both go on to forces and exit with 0.
    """
    ends = [line for line in lines if "aborting loop" in line]
    if not ends or "because EDIFF is reached" not in ends[-1]:
        steps = sum("Iteration" in line and "---" in line for line in lines)
        raise Rejected("scf_not_converged", f"VASP stopped after {steps} electronic steps")


def version_of(lines):
    words = next((line.split() for line in lines if line.strip()), [])
    return words[0].removeprefix("vasp.") if words else "of unknown version"
