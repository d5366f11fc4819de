# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels from Quantum ESPRESSO's pw.x, through ASE's calculator."""

import math
import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
from ase.calculators.espresso import EspressoProfile, EspressoTemplate
from ase.data import chemical_symbols

from ..frames import BadInput
from ..processes import (
    describe_exit,
    die_with_parent,
    file_hash,
    last_line,
    one_line,
    serial_environment,
)
from .labeller import Labeller, Rejected, require_positive


class EspressoLabeller(Labeller):
    """Quantum ESPRESSO's pw.x through ASE: one serial process, started without mpirun.

    command            the program; must be found on PATH
    pseudo_dir         folder of the pseudopotentials
    pseudopotentials   {element: file}
    input_data         {"system": {...}, "electrons": {...}, ...} in pw.x's own names and units
    kpoints            {"spacing": s, "shift": [1, 1, 1]} with s in 1/Angstrom (2 pi included), or
                       {"grid": [3, 3, 3], "shift": [1, 1, 1]}; a spacing gives cells of different
                       size the same density
    threads            OMP_NUM_THREADS
    """

    defaults = {
        "command": "pw.x",
        "pseudo_dir": "/usr/share/espresso/pseudo",
        "pseudopotentials": {},
        "input_data": {},
        "kpoints": {"spacing": 0.25, "shift": [0, 0, 0]},
        "threads": 1,
    }
    forced_input = {
        "control": {"calculation": "scf", "tprnfor": True, "tstress": True, "disk_io": "none"},
    }

    def __init__(self, settings):
        super().__init__(settings)
        if "ecutwfc" not in self.settings["input_data"].get("system", {}):
            raise BadInput('"input_data" needs "system": {"ecutwfc": ...}, the cutoff in Ry')
        check_kpoints(self.settings["kpoints"])

    def identity(self):
        hashes = {
            element: file_hash(self.pseudopotential(element))
            for element in self.settings["pseudopotentials"]
        }
        return {**super().identity(), "pseudopotential_hashes": hashes}

    def pseudopotential(self, element):
        return Path(self.settings["pseudo_dir"]) / self.settings["pseudopotentials"][element]

    def check(self, symbols):
        if shutil.which(self.settings["command"]) is None:
            raise BadInput(
                f'program "{self.settings["command"]}" not found; install Quantum ESPRESSO '
                f'(Debian package quantum-espresso) or set "command"'
            )
        known = self.settings["pseudopotentials"]
        for element in known:
            if element not in chemical_symbols:
                raise BadInput(f'"pseudopotentials" names "{element}", which is no element')
            if not self.pseudopotential(element).is_file():
                raise BadInput(
                    f"pseudopotential {self.pseudopotential(element)} of {element} not found; "
                    f'set "pseudo_dir" or "pseudopotentials"'
                )
        missing = sorted(set(symbols) - set(known))
        if missing:
            raise BadInput(
                f'no pseudopotential for {missing[0]} in "pseudopotentials" '
                f"(it has {', '.join(sorted(known)) or 'none'})"
            )

    def compute(self, atoms, folder):
        template = EspressoTemplate()
        profile = SerialProfile(
            self.settings["command"], self.settings["pseudo_dir"], self.settings["threads"]
        )
        grid, shift = kpoint_grid(atoms.cell, self.settings["kpoints"])
        parameters = {
            "input_data": merge(self.settings["input_data"], self.forced_input),
            "pseudopotentials": self.settings["pseudopotentials"],
            "kpts": grid,
            "koffset": shift,
        }
        template.write_input(profile, folder, atoms, parameters, ["energy", "forces", "stress"])
        template.execute(folder, profile)

        text = (folder / template.outputname).read_text(errors="replace")
        errors = (folder / template.errorname).read_text(errors="replace")
        reject_failed_run(text, errors, profile.exit_status, len(atoms))
        try:
            results = template.read_results(folder)
            picked = {key: results[key] for key in ("energy", "forces", "stress")}
        except Exception as error:  # ASE's parser raises many types on unexpected text
            raise Rejected("parse_error", f"ASE cannot read the output: {error!r}") from error
        version = re.search(r"Program PWSCF\s+v\.(\S+)", text)
        return {**picked, "code": f"pw.x {version.group(1) if version else 'of unknown version'}"}


class SerialProfile(EspressoProfile):
    """Runs pw.x as one process in a clean environment and keeps its exit status."""

    def __init__(self, command, pseudo_dir, threads):
        super().__init__(command, pseudo_dir)
        self.threads = threads
        self.exit_status = None

    def run(self, directory, inputfile, outputfile, errorfile=None, append=False):
        with open(directory / outputfile, "wb") as out, open(directory / errorfile, "wb") as err:
            done = subprocess.run(
                self.get_command(inputfile),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=serial_environment(self.threads),
                preexec_fn=partial(die_with_parent, os.getpid()),
                check=False,
            )
        self.exit_status = done.returncode


def reject_failed_run(text, errors, exit_status, num_atoms):
    """Raises Rejected unless a pw.x run went well by every sign.

    The exit status and "JOB DONE." are not enough: an unconverged run prints the latter.
    """
    if "Maximum CPU time exceeded" in text:
        raise Rejected("timeout", "pw.x reached its own max_seconds")
    not_converged = re.search(r"convergence NOT achieved after\s+(\d+) iterations", text)
    if not_converged:
        raise Rejected(
            "scf_not_converged", f"not converged after {not_converged.group(1)} iterations"
        )
    routine = re.search(r"Error in routine\s+(.+):\s*\n(.*)", text)
    if routine:
        raise Rejected("crashed", one_line(f"pw.x: {routine.group(1)}: {routine.group(2)}"))
    if exit_status != 0:
        raise Rejected("crashed", f"pw.x {describe_exit(exit_status)}; {last_line(errors)}")

    num_forces = len(re.findall(r"^\s+atom\s+\d+\s+type\s+\d+\s+force =", text, re.MULTILINE))
    signs = {
        "convergence has been achieved": "convergence has been achieved" in text,
        "final energy": re.search(r"^!\s+total energy\s+=", text, re.MULTILINE),
        "forces": num_forces >= num_atoms,
        "stress": "total   stress" in text,
    }
    absent = [name for name, found in signs.items() if not found]
    if absent:
        raise Rejected("parse_error", f"pw.x output lacks: {', '.join(absent)}")


def kpoint_grid(cell, kpoints):
    """Grid and shift, three integers each, for an ASE cell and a "kpoints" setting."""
    shift = tuple(kpoints.get("shift", (0, 0, 0)))
    if "grid" in kpoints:
        return tuple(kpoints["grid"]), shift
    lengths = 2 * math.pi * np.linalg.norm(cell.reciprocal().array, axis=1)
    return tuple(max(1, math.ceil(b / kpoints["spacing"] - 1e-9)) for b in lengths), shift


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


def merge(settings, forced):
    """Nested input data: `settings` with the sections of `forced` on top."""
    sections = set(settings) | set(forced)
    return {name: {**settings.get(name, {}), **forced.get(name, {})} for name in sections}
