# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels from Quantum ESPRESSO's pw.x."""

import re
from pathlib import Path

import numpy as np
from ase.data import atomic_masses, chemical_symbols
from ase.io.espresso_namelist.namelist import Namelist
from ase.units import create_units

from ..frames import BadInput
from ..processes import file_hash, one_line
from .kpoints import check_kpoints, kpoint_grid
from .labeller import Rejected
from .program import ProgramLabeller, reject_separate_copies
from .structure import moments, total_charge

CODATA = create_units("2006")  # what pw.x computes with
NAMELISTS = ("control", "system", "electrons", "ions", "cell")
OF_SPECIES = re.compile(r"^(\w+)\((?:.*,\s*)?(\d+)\)$")  # name(i), name(j, i): i is a species
POOLS = ": -nk is above the number of processes, or mpirun belongs to another MPI than pw.x"


class EspressoLabeller(ProgramLabeller):
    """Quantum ESPRESSO's pw.x.

    pseudo_dir         folder of the pseudopotentials
    pseudopotentials   {element: file}; numbers of species in input_data count these
    input_data         {"system": {...}, "electrons": {...}, ...} in pw.x's own names and units
    kpoints            see kpoints.py
    cards              more cards of the input, as text, such as HUBBARD
    """

    defaults = {
        **ProgramLabeller.defaults,
        "command": "pw.x",
        "pseudo_dir": "/usr/share/espresso/pseudo",
        "pseudopotentials": {},
        "input_data": {},
        "kpoints": {"spacing": 0.25, "shift": [0, 0, 0]},
        "cards": "",
    }
    probe = (["-in", "/dev/null"], r"Program PWSCF\s+v\.(\S+)")
    package = "install Quantum ESPRESSO (Debian package quantum-espresso) or "

    def __init__(self, settings):
        super().__init__(settings)
        self.input = lower(self.settings["input_data"])
        unknown = sorted(set(self.input) - set(NAMELISTS))
        if unknown:
            raise BadInput(f'"input_data" has "{unknown[0]}"; allowed: {", ".join(NAMELISTS)}')
        if "ecutwfc" not in self.input["system"]:
            raise BadInput('"input_data" needs "system": {"ecutwfc": ...}, the cutoff in Ry')
        check_kpoints(self.settings["kpoints"])
        self.known = self.settings["pseudopotentials"]
        self.pseudo_dir = self.folder / self.settings["pseudo_dir"]

    def identity(self):
        kept = super().identity()
        del kept["pseudo_dir"]
        hashes = [
            [symbol, file_hash(self.pseudo_dir / name)] for symbol, name in self.known.items()
        ]
        return {**kept, "pseudopotentials": hashes}  # their order counts

    def check(self, symbols):
        super().check(symbols)
        for element, name in self.known.items():
            if element not in chemical_symbols:
                raise BadInput(f'"pseudopotentials" names "{element}", which is no element')
            if not (self.pseudo_dir / name).is_file():
                raise BadInput(
                    f"pseudopotential {self.pseudo_dir / name} of {element} not found; "
                    f'set "pseudo_dir" or "pseudopotentials"'
                )
        missing = sorted(set(symbols) - set(self.known))
        if missing:
            raise BadInput(
                f'no pseudopotential for {missing[0]} in "pseudopotentials" '
                f"(it has {', '.join(sorted(self.known)) or 'none'})"
            )

    def compute(self, atoms, folder):
        (folder / "pw.in").write_text(self.write_input(atoms))
        status = self.run(folder, ["-in", "pw.in"], "pw.out")
        text = (folder / "pw.out").read_text(errors="replace")
        reject_separate_copies(text, r"Program PWSCF", self.words[0])
        reject_failed_run(text, status, self.broken_off(folder, status))
        version = re.search(r"Program PWSCF\s+v\.(\S+)", text)
        return {
            **read_results(text, len(atoms)),
            "code": f"pw.x {version.group(1) if version else 'of unknown version'}",
        }

    def write_input(self, atoms):
        """Input of pw.x: what the user wrote, and the structure."""
        names, species = self.species(atoms)
        namelists = {name: dict(self.input[name]) for name in NAMELISTS}
        namelists["control"] |= {
            "calculation": "scf",
            "tprnfor": True,
            "disk_io": "none",
            "outdir": "./",
            "pseudo_dir": str(self.pseudo_dir),
        }
        namelists["control"].setdefault("tstress", bool(atoms.pbc.any()))
        namelists["system"] = self.system_namelist(atoms, species)
        grid, shift = kpoint_grid(atoms.cell, self.settings["kpoints"], atoms.pbc)
        rows = [f"{n} {format_numbers(x)}" for n, x in zip(names, atoms.positions)]
        cards = [
            "ATOMIC_SPECIES",
            *(f"{name} {each['mass']!r} {self.known[each['element']]}" for name, each in species),
            "CELL_PARAMETERS angstrom",
            *(format_numbers(edge) for edge in atoms.cell.array),
            "ATOMIC_POSITIONS angstrom",
            *rows,
            "K_POINTS automatic",
            " ".join(str(n) for n in (*grid, *shift)),
            self.settings["cards"],
        ]
        kept = {name: each for name, each in namelists.items() if each or name in NAMELISTS[:3]}
        return Namelist(kept).to_string() + "\n".join(cards) + "\n"

    def species(self, atoms):
        """The species of each atom, and [(name, {element, moment, mass})] of all in their order.

        Atoms of an element are of one species if their moments and masses are equal. Elements are
        in the order of "pseudopotentials"; those that the frame lacks are left out.
        """
        values = moments(atoms)
        values = [None] * len(atoms) if values is None else values.tolist()
        masses = (
            atoms.get_masses().tolist()
            if atoms.has("masses")
            else [float(atomic_masses[n]) for n in atoms.numbers]
        )
        kinds = list(zip(atoms.symbols, values, masses))
        names, species = {}, []
        for element in self.known:
            own = dict.fromkeys(kind for kind in kinds if kind[0] == element)
            for number, kind in enumerate(own):
                names[kind] = element + (str(number) if number else "")
                each = {"element": element, "moment": kind[1], "mass": kind[2]}
                species.append((names[kind], each))
        return [names[kind] for kind in kinds], species

    def system_namelist(self, atoms, species):
        """&SYSTEM of the user, with its numbers of species turned into those of this frame."""
        system, elements = {}, list(self.known)
        for key, value in self.input["system"].items():
            match = OF_SPECIES.match(key)
            if not match:
                system[key] = value
                continue
            if int(match[2]) > len(elements):
                raise Rejected("crashed", f'"{key}": there are {len(elements)} pseudopotentials')
            for number, (_, each) in enumerate(species, start=1):
                if each["element"] == elements[int(match[2]) - 1]:
                    system[re.sub(r"\d+\)$", f"{number})", key)] = value
        for number, (_, each) in enumerate(species, start=1):
            if each["moment"] is not None:
                electrons = valence_electrons(self.pseudo_dir / self.known[each["element"]])
                if not system.get("noncolin"):
                    system["nspin"] = 2
                fraction = max(-1.0, min(1.0, each["moment"] / electrons))
                system[f"starting_magnetization({number})"] = fraction
        charge = total_charge(atoms)
        if charge:
            system["tot_charge"] = charge
        return {**system, "ibrav": 0, "nat": len(atoms), "ntyp": len(species)}


def lower(input_data):
    """Namelists and their keys in lower case, as pw.x takes them; all namelists are there."""
    given = {name.lower(): values for name, values in input_data.items()}
    return {
        **{name: {} for name in NAMELISTS},
        **{name: {k.lower(): v for k, v in values.items()} for name, values in given.items()},
    }


def format_numbers(values):
    return " ".join(repr(float(x)) for x in values)


def valence_electrons(path):
    """Number of a UPF file. Raises Rejected."""
    text = Path(path).read_text(errors="replace")
    found = re.search(r'z_valence\s*=\s*"\s*([^"]+)"', text) or re.search(
        r"(\S+)\s+Z valence", text
    )
    if not found:
        raise Rejected("crashed", f"{path} tells no number of valence electrons")
    return float(found[1])


def reject_failed_run(text, exit_status, broken_off):
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
        advice = POOLS if "mp_start_pools" in routine.group(1) else ""
        raise Rejected("crashed", one_line(f"pw.x: {routine.group(1)}: {routine.group(2)}{advice}"))
    if exit_status != 0:
        raise broken_off


def read_results(text, num_atoms):
    """Energy, forces and stress of a pw.x output. Raises Rejected if something is not there."""
    energy = re.search(r"^!\s+total energy\s+=\s+(\S+) Ry", text, re.MULTILINE)
    pattern = r"^\s+atom\s+\d+\s+type\s+\d+\s+force =\s+(\S+)\s+(\S+)\s+(\S+)"
    forces = np.array(re.findall(pattern, text, re.MULTILINE)[:num_atoms], dtype=float)
    number = r"\s+(\S+)"
    stress = re.search(r"total\s+stress .*P=.*\n" + (number * 6 + r"\n") * 3, text)
    signs = {
        "convergence has been achieved": "convergence has been achieved" in text,
        "final energy": energy,
        "forces": len(forces) == num_atoms,
    }
    absent = [name for name, found in signs.items() if not found]
    if absent:
        raise Rejected("parse_error", f"pw.x output lacks: {', '.join(absent)}")
    results = {"energy": float(energy[1]) * CODATA["Ry"]}
    results["forces"] = forces * (CODATA["Ry"] / CODATA["Bohr"])
    if stress:
        rows = np.array(stress.groups(), dtype=float).reshape(3, 6)[:, :3]  # Ry/bohr^3
        full = -rows * (CODATA["Ry"] / CODATA["Bohr"] ** 3)
        results["stress"] = full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    return results
