"""What computes one structure: a Labeller per electronic-structure code.

A new code is one more class with `defaults`, `check` and `compute`, and one more entry in
`LABELLERS`. Whatever is particular to a code (input, success test, failure signatures) lives in its
class; queueing, time limits, storage and the verdict on unphysical structures are common to all.
"""

import ctypes
import hashlib
import math
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
from ase.calculators.calculator import get_calculator_class
from ase.calculators.espresso import EspressoProfile, EspressoTemplate
from ase.data import chemical_symbols
from ase.neighborlist import neighbor_list

from frames import BadInput

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
        """Results of `compute` as JSON data, with limits checked before and after. Raises Rejected."""
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
            raise Rejected("unphysical",
                           f"atoms {distances.min():.3f} Angstrom apart, below min_distance {least}")

    def reject_unphysical_results(self, results, num_atoms):
        numbers = np.concatenate([np.ravel(results[key]) for key in ("energy", "forces", "stress")])
        if not np.isfinite(numbers).all():
            raise Rejected("parse_error", "energy, forces or stress are not finite numbers")
        largest = np.linalg.norm(results["forces"], axis=1).max()
        if largest > self.settings["max_force"]:
            raise Rejected("unphysical", f"largest force {largest:.1f} eV/Angstrom, above max_force "
                                         f"{self.settings['max_force']}")
        window, energy = self.settings["energy_window"], results["energy"] / num_atoms
        if window and not window[0] <= energy <= window[1]:
            raise Rejected("unphysical", f"energy {energy:.3f} eV/atom, outside energy_window {window}")


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
        hashes = {element: file_hash(self.pseudopotential(element))
                  for element in self.settings["pseudopotentials"]}
        return {**super().identity(), "pseudopotential_hashes": hashes}

    def pseudopotential(self, element):
        return Path(self.settings["pseudo_dir"]) / self.settings["pseudopotentials"][element]

    def check(self, symbols):
        if shutil.which(self.settings["command"]) is None:
            raise BadInput(f'program "{self.settings["command"]}" not found; install Quantum ESPRESSO '
                           f'(Debian package quantum-espresso) or set "command"')
        known = self.settings["pseudopotentials"]
        for element in known:
            if element not in chemical_symbols:
                raise BadInput(f'"pseudopotentials" names "{element}", which is no element')
            if not self.pseudopotential(element).is_file():
                raise BadInput(f"pseudopotential {self.pseudopotential(element)} of {element} not found; "
                               f'set "pseudo_dir" or "pseudopotentials"')
        missing = sorted(set(symbols) - set(known))
        if missing:
            raise BadInput(f'no pseudopotential for {missing[0]} in "pseudopotentials" '
                           f"(it has {', '.join(sorted(known)) or 'none'})")

    def compute(self, atoms, folder):
        template = EspressoTemplate()
        profile = SerialProfile(self.settings["command"], self.settings["pseudo_dir"],
                                self.settings["threads"])
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
            done = subprocess.run(self.get_command(inputfile), cwd=directory, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=err, env=serial_environment(self.threads),
                                  preexec_fn=die_with_parent, check=False)
        self.exit_status = done.returncode


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
            raise BadInput(f'ASE has no calculator "{self.settings["name"]}" here: {error}') from error

    def compute(self, atoms, folder):
        os.chdir(folder)
        calculator = get_calculator_class(self.settings["name"])(**self.settings["parameters"])
        atoms = atoms.copy()
        atoms.calc = calculator
        try:
            return {"energy": atoms.get_potential_energy(force_consistent=True),
                    "forces": atoms.get_forces(), "stress": atoms.get_stress(),
                    "code": f"ASE {self.settings['name']}"}
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


def reject_failed_run(text, errors, exit_status, num_atoms):
    """Raises Rejected unless a pw.x run went well by every sign.

    The exit status and "JOB DONE." are not enough: an unconverged run prints the latter.
    """
    if "Maximum CPU time exceeded" in text:
        raise Rejected("timeout", "pw.x reached its own max_seconds")
    not_converged = re.search(r"convergence NOT achieved after\s+(\d+) iterations", text)
    if not_converged:
        raise Rejected("scf_not_converged", f"not converged after {not_converged.group(1)} iterations")
    routine = re.search(r"Error in routine\s+(.+):\s*\n(.*)", text)
    if routine:
        raise Rejected("crashed", one_line(f"pw.x: {routine.group(1)}: {routine.group(2)}"))
    if exit_status != 0:
        raise Rejected("crashed", f"pw.x {describe_exit(exit_status)}; {last_line(errors)}")

    num_forces = len(re.findall(r"^\s+atom\s+\d+\s+type\s+\d+\s+force =", text, re.M))
    signs = {
        "convergence has been achieved": "convergence has been achieved" in text,
        "final energy": re.search(r"^!\s+total energy\s+=", text, re.M),
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
    if not isinstance(kpoints, dict) or ("grid" in kpoints) == ("spacing" in kpoints) or \
            set(kpoints) - {"grid", "spacing", "shift"}:
        raise BadInput('"kpoints" must be {"spacing": 1/Angstrom} or {"grid": [n, n, n]}, '
                       'each with an optional "shift": [0 or 1, 0 or 1, 0 or 1]')
    if "spacing" in kpoints:
        require_positive("spacing", kpoints["spacing"])


def require_positive(key, value, kind=(int, float)):
    if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
        raise BadInput(f'"{key}" is {value!r}, but it must be a positive '
                       f'{"integer" if kind is int else "number"}')


def merge(settings, forced):
    """Nested input data: `settings` with the sections of `forced` on top."""
    sections = set(settings) | set(forced)
    return {name: {**settings.get(name, {}), **forced.get(name, {})} for name in sections}


def serial_environment(threads):
    """Environment for a serial DFT process.

    Variables of a surrounding MPI job would make the program join that job, often with another MPI
    library. Debian's OpenBLAS, where installed, is several times faster than its default BLAS.
    """
    foreign = ("OMPI_", "PMIX_", "PMI_", "MPI_", "HYDRA_", "MPIR_", "HYDI_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    paths = [str(path) for path in sorted(Path("/usr/lib").glob("*/openblas-serial"))]
    paths += [kept["LD_LIBRARY_PATH"]] if kept.get("LD_LIBRARY_PATH") else []
    if paths:
        kept["LD_LIBRARY_PATH"] = ":".join(paths)
    return {**kept, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}


def die_with_parent():
    """Linux: the kernel kills this process when its parent ends, even by kill -9."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def file_hash(path):
    """SHA-256 of a file's content as hexadecimal text."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def describe_exit(status):
    if status < 0:
        return f"was ended by signal {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else "nothing on stderr"


def one_line(text, width=200):
    return " ".join(text.split())[:width]
