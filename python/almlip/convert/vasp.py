# SPDX-License-Identifier: GPL-2.0-or-later
"""VASP: OUTCAR and vasprun.xml."""

import os
import re
from xml.etree import ElementTree

from ase.io.vasp import read_vasp_xml
from ase.io.vasp_parsers import vasp_outcar_parsers as outcar

from ..frames import BadInput
from .reading import UNFINISHED, Reading, open_binary, open_text

_UNREADABLE = "its numbers cannot be read: a run was killed, or appended to another one"
_UNCONVERGED = "electrons not converged"
_OWN_FORCE_FIELD = "predicted by VASP's own force field"
_ITERATION = re.compile(r"Iteration\s+\d+\(\s*(\d+)\)")
_FREE = re.compile(r"free\s+energy\s+TOTEN\s*=\s*(\S+)")
_ZERO = re.compile(r"energy\(sigma->0\)\s*=\s*(\S+)")
_ENERGY_LINES = 6  # of the block that ends a step


class _MostIterations(outcar.SimpleVaspHeaderParser):
    LINE_DELIMITER = "NELM   ="

    def parse(self, cursor, lines):
        return {"nelm": int(self.get_line(cursor, lines).split("=")[1].split(";")[0])}


class _Lines:
    """Lines of a file, and whether electronic iterations have begun since `begun` was last set."""

    def __init__(self, file, path):
        self.name = os.fspath(path)  # ASE asks for it
        self.begun = False
        self._file = file

    def __iter__(self):
        return self

    def __next__(self):
        line = next(self._file)
        self.begun = self.begun or bool(_ITERATION.search(line))
        return line


def read_outcar(path):
    """Energies are "free energy TOTEN". Steps whose electrons stopped at NELM are left out."""
    reading = Reading()
    parsers = [
        outcar.Cell(),
        outcar.PositionsAndForces(),
        outcar.Stress(),
        outcar.Magmoms(),
    ]
    header_parsers = [outcar.SpeciesTypes(), outcar.IonsPerSpecies(), _MostIterations()]
    with open_text(path) as file:
        header = outcar.OutcarHeaderParser(parsers=header_parsers, workdir=None)
        lines = _Lines(file, path)
        chunks = outcar.outcarchunks(lines, outcar.OutcarChunkParser(parsers=parsers), header)
        for index, chunk in enumerate(chunks):
            lines.begun = False
            if any("ML TOTEN" in line for line in chunk.lines):
                reading.left_out[_OWN_FORCE_FIELD] += 1
            elif not _converged(chunk):
                reading.left_out[_UNCONVERGED] += 1
            elif not any("TOTAL-FORCE" in line for line in chunk.lines):
                reading.left_out["no positions and forces printed (NWRITE = 0)"] += 1
            elif (atoms := _built(chunk)) is None:
                reading.left_out[_UNREADABLE] += 1
            else:
                reading.take_ase(atoms, index)
    if lines.begun:
        reading.left_out[UNFINISHED] += 1
    return reading


def _built(chunk):
    """The frame of a step; None if its lines are not those of one step, or a number is none."""
    if sum("TOTAL-FORCE" in line and "(ML)" not in line for line in chunk.lines) != 1:
        return None
    try:
        atoms = chunk.build()
        atoms.calc.results.update(_energies(chunk.lines))
    except (ValueError, TypeError, IndexError):
        return None
    return atoms


def _converged(chunk):
    """VASP 5 tells that EDIFF is reached after NELM iterations, too."""
    counts = [int(found[1]) for found in map(_ITERATION.search, chunk.lines) if found]
    reached = any("EDIFF is reached" in line for line in chunk.lines)
    return reached and (not counts or counts[-1] < chunk.header.get("nelm", 60))


def _energies(lines):
    """ASE's takes the words of a line by their places, which differ with van der Waals terms."""
    text = "".join(lines[-_ENERGY_LINES:])
    return {"free_energy": float(_FREE.search(text)[1]), "energy": float(_ZERO.search(text)[1])}


def read_vasprun(path):
    """Energies are e_fr_energy. Steps with NELM electronic iterations are left out.

    Of a file that ends too early, the complete steps are read.
    """
    reading = Reading()
    with open_binary(path) as file:
        iterations, most, unfinished = _iterations(file)
    with open_binary(path) as file:
        frames = list(read_vasp_xml(file, index=slice(None)))
    if not iterations or len(frames) < len(iterations):
        raise BadInput(f"{path}: holds no complete step")
    for index, (atoms, count) in enumerate(zip(frames, iterations)):
        if count == 0:
            reading.left_out[_OWN_FORCE_FIELD] += 1
        elif count >= most:
            reading.left_out[_UNCONVERGED] += 1
        else:
            reading.take_ase(atoms, index)
    if unfinished:
        reading.left_out[UNFINISHED] += 1
    return reading


def _iterations(file):
    """Electronic iterations of every complete ionic step, how many there may be, and whether another step has begun."""
    counts, most, unfinished = [], 60, False
    try:
        for _, element in ElementTree.iterparse(file):
            unfinished = element.tag == "scstep" or (unfinished and element.tag != "calculation")
            if element.tag == "calculation":
                counts.append(len(element.findall("scstep")))
                element.clear()
            elif element.tag == "parameters":
                # another NELM stands further below, among the settings of GW
                most = int(element.find(".//i[@name='NELM']").text)
    except ElementTree.ParseError:
        pass  # the calculation was ended, or still runs
    return counts, most, unfinished
