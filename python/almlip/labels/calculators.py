# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels from ASE calculators, and from commands that read and write extended XYZ."""

import os
import shlex
import sys
from contextlib import chdir
from importlib import import_module
from pathlib import Path

import numpy as np
from ase.calculators.calculator import PropertyNotImplementedError, get_calculator_class

from ..frames import BadInput, read_frames, write_frames
from ..processes import file_hash, one_line
from .labeller import Labeller, Rejected
from .program import ProgramLabeller


class AseLabeller(Labeller):
    """Any ASE calculator, run inside the worker process; a foundation model as a teacher, too.

    name         "module:Class" or "module:function" that returns a calculator, or a name that
                 ASE knows, such as "emt"; modules beside the settings are found
    parameters   keyword arguments; files are named relative to the settings
    """

    defaults = {"name": None, "parameters": {}}

    def check(self, symbols):
        if not self.settings["name"]:
            raise BadInput(
                'calculator "ase" needs "name", such as "emt" or "mace.calculators:mace_mp"'
            )
        self.maker()

    def maker(self):
        """What makes the calculator. Raises BadInput."""
        name = self.settings["name"]
        module, _, attribute = name.partition(":")
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        try:
            if attribute:
                return getattr(import_module(module), attribute)
            return get_calculator_class(name)
        except Exception as error:
            raise BadInput(
                f'there is no calculator "{name}" here: {one_line(str(error))}'
            ) from error

    def identity(self):
        """Settings, version of the module, content of the files that parameters name."""
        files = {
            value: file_hash(self.folder / value)
            for value in self.settings["parameters"].values()
            if isinstance(value, str) and value and (self.folder / value).is_file()
        }
        return {
            **super().identity(),
            "version": version_of(self.maker().__module__),
            "files": files,
        }

    def compute(self, atoms, folder):
        with chdir(self.folder):  # files that the parameters name
            calculator = self.maker()(**self.settings["parameters"])
        os.chdir(folder)
        atoms = atoms.copy()
        atoms.calc = calculator
        try:
            forces = atoms.get_forces()
            results = {"energy": energy_of(atoms), "forces": forces, "stress": stress_of(atoms)}
        except Exception as error:
            converges = "converge" not in f"{type(error).__name__} {error}".lower()
            verdict = "crashed" if converges else "scf_not_converged"
            raise Rejected(verdict, one_line(f"{type(error).__name__}: {error}")) from error
        if says_unconverged(calculator):
            raise Rejected("scf_not_converged", f"{type(calculator).__name__} says not converged")
        return {**results, "code": f"ASE {self.settings['name']}"}


def energy_of(atoms):
    """The energy that the forces are the slope of, where the calculator tells it."""
    try:
        return atoms.get_potential_energy(force_consistent=True)
    except (PropertyNotImplementedError, KeyError):
        return atoms.get_potential_energy()


def stress_of(atoms):
    """None if the calculator has none."""
    if not atoms.pbc.any():
        return None
    try:
        return atoms.get_stress()
    except (PropertyNotImplementedError, NotImplementedError, KeyError):
        return None


def says_unconverged(calculator):
    """True if a calculator tells that its electrons have not converged."""
    signs = [getattr(calculator, "converged", None), calculator.results.get("converged")]
    signs.append(getattr(getattr(calculator, "scf", None), "converged", None))
    signs = [sign() if callable(sign) else sign for sign in signs]
    return any(sign is not None and not sign for sign in signs)


def version_of(module):
    """Version of the package of a module, else the hash of the module."""
    package = sys.modules[module.partition(".")[0]]
    if found := getattr(package, "__version__", None):
        return str(found)
    path = getattr(sys.modules[module], "__file__", None)
    return file_hash(path) if path else "unknown"


class CommandLabeller(ProgramLabeller):
    """Any program that reads one frame and writes it with energy and forces, in extended XYZ.

    command   {input} and {output} in it stand for the files; else they are the last two words
    """

    def check(self, symbols):
        if not self.words or self.program is None:
            super().check(symbols)

    def version(self):
        """The setting, else the content of all files among the words of the command."""
        if self.settings["version"]:
            return str(self.settings["version"])
        words = self.words[len(shlex.split(self.settings["launcher"])) :]
        return [file_hash(word) if Path(word).is_file() else word for word in words]

    def identity(self):
        return {**super().identity(), "command": shlex.split(self.settings["command"])[1:]}

    def compute(self, atoms, folder):
        write_frames(folder / "input.extxyz", [atoms])
        files = {"{input}": "input.extxyz", "{output}": "output.extxyz"}
        words = self.words
        self.words = [files.get(word, word) for word in words]
        status = self.run(folder, [] if self.words != words else [*files.values()], "stdout.txt")
        if status != 0:
            raise self.failure(folder, status)
        try:
            frame = read_frames(folder / "output.extxyz")[-1]
        except BadInput as error:
            raise Rejected("parse_error", one_line(str(error))) from error
        return self.read(frame, atoms)

    def read(self, frame, atoms):
        """Results of the frame that the program has written. Raises Rejected."""
        if "verdict" in frame.info:
            raise Rejected(str(frame.info["verdict"]), str(frame.info.get("reason", "")))
        if not frame.info.get("converged", True):
            raise Rejected("scf_not_converged", "the frame says converged=F")
        if list(frame.symbols) != list(atoms.symbols) or not np.allclose(
            frame.positions, atoms.positions, atol=1e-4
        ):
            raise Rejected("parse_error", "the frame that came back has other atoms")
        results = frame.calc.results if frame.calc else {}
        absent = [name for name in ("energy", "forces") if name not in results]
        if absent:
            raise Rejected("parse_error", f"the frame that came back lacks: {', '.join(absent)}")
        energy = results.get("free_energy", results["energy"])
        return {**results, "energy": energy, "code": Path(self.program).name}
