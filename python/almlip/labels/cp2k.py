# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels from CP2K, with an input in CP2K's own words."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase.units import create_units

from ..frames import BadInput
from ..processes import file_hash, one_line
from .labeller import Rejected
from .program import ProgramLabeller, reject_separate_copies
from .structure import moments, total_charge

CODATA = create_units("2006")  # what CP2K computes with
DATA_FILES = ("BASIS_SET_FILE_NAME", "POTENTIAL_FILE_NAME", "PARAMETER_FILE_NAME")
START = r"PROGRAM STARTED AT"


class Cp2kLabeller(ProgramLabeller):
    """CP2K.

    input      file with an input for CP2K; &CELL, &COORD and what must be printed are put in
    data_dir   folder of basis sets and potentials that are not beside the input
    """

    defaults = {
        **ProgramLabeller.defaults,
        "command": "cp2k.psmp",
        "input": None,
        "data_dir": os.environ.get("CP2K_DATA_DIR", "/usr/share/cp2k"),
    }
    probe = (["--version"], r"CP2K version\s+(\S+)")
    package = "install CP2K (Debian packages cp2k, cp2k-data) or "

    def __init__(self, settings):
        super().__init__(settings)
        if not self.settings["input"]:
            raise BadInput('"input" is missing, a file with an input for CP2K')
        path = self.folder / self.settings["input"]
        try:
            self.text = path.read_text()
        except OSError as error:
            raise BadInput(f'"input": {path}: {error.strerror}') from error
        self.sections = parse_input(self.text, path)
        if self.sections.find("FORCE_EVAL", "DFT") is None:
            raise BadInput(f"{path} has no &FORCE_EVAL with &DFT")

    def identity(self):
        kept = super().identity()
        for key in ("input", "data_dir"):
            kept.pop(key)
        files = {key: file_hash(path) for key, path in self.data_files() if path.is_file()}
        return {**kept, "input": "\n".join(self.sections.lines()), "files": files}

    def data_files(self):
        """(name in the input, path) of all files that the input names."""
        found = []
        for line in self.sections.find("FORCE_EVAL", "DFT").walk():
            word, _, name = line.strip().partition(" ")
            if word.upper() in DATA_FILES:
                beside = self.folder / name.strip()
                path = beside if beside.is_file() else Path(self.settings["data_dir"], name.strip())
                found.append((name.strip(), path))
        return found

    def check(self, symbols):
        super().check(symbols)
        for name, path in self.data_files():
            if not path.is_file():
                raise BadInput(f'{name} is neither beside the input nor in "data_dir": {path}')
        subsystem = self.sections.find("FORCE_EVAL", "SUBSYS")
        kinds = {element_of(kind) for kind in subsystem.children if kind.name == "KIND"}
        if "DEFAULT" not in kinds and (missing := sorted(set(symbols) - kinds)):
            raise BadInput(
                f"the input has no &KIND {missing[0]} (it has {', '.join(sorted(kinds))})"
            )

    def compute(self, atoms, folder):
        (folder / "cp2k.inp").write_text(self.write_input(atoms))
        data = {"CP2K_DATA_DIR": str(self.settings["data_dir"])}
        status = self.run(folder, ["-i", "cp2k.inp"], "cp2k.out", environment=data)
        text = (folder / "cp2k.out").read_text(errors="replace")
        reject_separate_copies(text, START, self.words[0])
        reject_failed_run(text, status, self.broken_off(folder, status))
        version = re.search(r"CP2K version\s+(\S+)", text)
        return {
            **read_results(text, len(atoms)),
            "code": f"cp2k {version.group(1) if version else 'of unknown version'}",
        }

    def write_input(self, atoms):
        """The user's input with this structure in it."""
        root = parse_input(self.text, self.settings["input"])
        root.section("GLOBAL").set("RUN_TYPE", "ENERGY_FORCE")
        root.section("GLOBAL").set("PROJECT", "almlip")
        force = root.section("FORCE_EVAL")
        if atoms.pbc.any() and not force.has("STRESS_TENSOR"):
            force.set("STRESS_TENSOR", "ANALYTICAL")
        for name in ("FORCES", "STRESS_TENSOR"):
            force.section("PRINT").replace(Section(name, "ON"))
        for name, path in self.data_files():
            force.section("DFT").rename(name, str(path))
        charge = total_charge(atoms)
        if charge:
            force.section("DFT").set("CHARGE", str(round(charge)))
        subsystem = force.section("SUBSYS")
        rows = [" ".join(repr(float(x)) for x in edge) for edge in atoms.cell.array]
        cell = [f"{name} {row}" for name, row in zip("ABC", rows)]
        subsystem.replace(Section("CELL", content=[*cell, "PERIODIC XYZ"]))
        names = self.split_kinds(force, atoms)
        places = [" ".join(repr(float(x)) for x in place) for place in atoms.positions]
        subsystem.replace(Section("COORD", content=[f"{n} {x}" for n, x in zip(names, places)]))
        return "\n".join(root.lines()) + "\n"

    def split_kinds(self, force, atoms):
        """The kind of each atom; with initial moments there is one kind for each of them."""
        values = moments(atoms)
        if values is None:
            return list(atoms.symbols)
        if not force.section("DFT").has("UKS", "LSD"):
            force.section("DFT").set("UKS", "T")
        subsystem = force.section("SUBSYS")
        given = {element_of(each): each for each in subsystem.children if each.name == "KIND"}
        pairs = list(zip(atoms.symbols, values.tolist()))
        names = {}
        for symbol, value in dict.fromkeys(pairs):
            number = sum(symbol == other for other, _ in names)
            names[symbol, value] = name = f"{symbol}{number}" if number else symbol
            kind = Section("KIND", name, list(given.get(symbol, given.get("DEFAULT")).content))
            kind.set("ELEMENT", symbol)
            kind.set("MAGNETIZATION", repr(value))
            if name == symbol and symbol in given:
                subsystem.content.remove(given[symbol])
            subsystem.content.append(kind)
        return [names[pair] for pair in pairs]


@dataclass
class Section:
    """A section of a CP2K input: its name, what follows on its line, its lines and sections."""

    name: str
    parameter: str = ""
    content: list = field(default_factory=list)  # str, Section

    @property
    def children(self):
        return [each for each in self.content if isinstance(each, Section)]

    def find(self, *names):
        """The section under these names, or None."""
        found = self
        for name in names:
            found = next((each for each in found.children if each.name == name), None)
            if found is None:
                return None
        return found

    def section(self, name):
        """The section of this name, made if it is not there."""
        found = self.find(name)
        if found is None:
            found = Section(name)
            self.content.append(found)
        return found

    def has(self, *keywords):
        words = [each.split()[0].upper() for each in self.content if isinstance(each, str)]
        return any(keyword in words for keyword in keywords)

    def set(self, keyword, value):
        """Gives a keyword a value, in place of any that it had."""
        kept = [
            each
            for each in self.content
            if isinstance(each, Section) or each.split()[0].upper() != keyword
        ]
        self.content = [f"{keyword} {value}", *kept]

    def replace(self, section):
        kept = [e for e in self.content if not isinstance(e, Section) or e.name != section.name]
        self.content = [*kept, section]

    def rename(self, old, new):
        """Puts another file name behind the keywords of data files."""
        for n, each in enumerate(self.content):
            if isinstance(each, Section):
                each.rename(old, new)
            elif each.split()[0].upper() in DATA_FILES and each.split(None, 1)[1].strip() == old:
                self.content[n] = f"{each.split()[0]} {new}"

    def walk(self):
        """All lines of this section and those below."""
        for each in self.content:
            if isinstance(each, Section):
                yield from each.walk()
            else:
                yield each

    def lines(self, depth=0):
        for each in self.content:
            if isinstance(each, Section):
                yield "  " * depth + f"&{each.name} {each.parameter}".rstrip()
                yield from each.lines(depth + 1)
                yield "  " * depth + f"&END {each.name}"
            else:
                yield "  " * depth + each


def parse_input(text, path):
    """The sections of a CP2K input, without comments. Raises BadInput."""
    open_sections = [Section("")]
    for number, line in enumerate(text.splitlines(), start=1):
        line = re.split(r"[!#]", line)[0].strip()
        if not line:
            continue
        if line.startswith("@"):
            raise BadInput(f"{path}, line {number}: {line.split()[0]} is not supported here")
        if line.upper().startswith("&END"):
            if len(open_sections) == 1:
                raise BadInput(f"{path}, line {number}: &END without a section")
            open_sections.pop()
        elif line.startswith("&"):
            name, _, parameter = line[1:].partition(" ")
            section = Section(name.upper(), parameter.strip())
            open_sections[-1].content.append(section)
            open_sections.append(section)
        else:
            open_sections[-1].content.append(line)
    if len(open_sections) > 1:
        raise BadInput(f"{path}: &{open_sections[-1].name} has no &END")
    return open_sections[0]


def element_of(kind):
    """Symbol of a &KIND."""
    for line in kind.content:
        if isinstance(line, str) and line.split()[0].upper() == "ELEMENT":
            return line.split()[1].capitalize()
    return kind.parameter.capitalize() if kind.parameter.upper() != "DEFAULT" else "DEFAULT"


def reject_failed_run(text, exit_status, broken_off):
    """Raises Rejected unless CP2K ended well; an unconverged run exits with 0."""
    if "SCF run NOT converged" in text:
        steps = re.findall(r"Leaving inner SCF loop after reaching\s+(\d+) steps", text)
        after = f" after {steps[-1]} steps" if steps else ""
        raise Rejected("scf_not_converged", f"not converged{after}")
    if "[ABORT]" in text:
        box = text.split("[ABORT]", 1)[1].splitlines()[:8]
        words = " ".join(line.strip(" *|\\/_O.") for line in box)
        raise Rejected("crashed", one_line(f"CP2K: {words}"))
    if exit_status != 0:
        raise broken_off
    if "PROGRAM ENDED" not in text:
        raise Rejected("parse_error", "CP2K output lacks: PROGRAM ENDED")


def read_results(text, num_atoms):
    """Energy, forces and stress of a CP2K output. Raises Rejected if something is not there."""
    energy = re.findall(r"ENERGY\| Total FORCE_EVAL .* energy \S*:?\s+(\S+)\n", text)
    table = text.partition("ATOMIC FORCES in [a.u.]")[2].partition("SUM OF ATOMIC FORCES")[0]
    old, new = r"\d+\s+\d+\s+\S+", r"FORCES\|\s+\d+"  # up to 2024, from 2025 on
    row = rf"^\s*(?:{new if 'FORCES| Atomic forces' in text else old})" + r"\s+(\S+)" * 3
    forces = np.array(re.findall(row, table or text, re.MULTILINE), dtype=float)
    signs = {
        "SCF run converged": re.search(r"SCF (?:run|loop) converged", text),
        "energy": energy,
        "forces": len(forces) == num_atoms,
    }
    absent = [name for name, found in signs.items() if not found]
    if absent:
        raise Rejected("parse_error", f"CP2K output lacks: {', '.join(absent)}")
    results = {"energy": float(energy[-1]) * CODATA["Hartree"]}
    results["forces"] = forces * (CODATA["Hartree"] / CODATA["Bohr"])
    stress = re.search(
        r"STRESS\| Analytical stress tensor \[(\w+)\]\n.*\n"
        + r"\s*STRESS\|\s+[xyz]\s+(\S+)\s+(\S+)\s+(\S+)\s*\n" * 3,
        text,
    )
    if stress:
        unit = {"GPa": CODATA["GPa"], "bar": 1e-4 * CODATA["GPa"]}[stress[1]]
        full = -np.array(stress.groups()[1:], dtype=float).reshape(3, 3) * unit
        results["stress"] = full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    return results
