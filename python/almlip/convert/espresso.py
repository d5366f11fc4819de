# SPDX-License-Identifier: GPL-2.0-or-later
"""Quantum ESPRESSO: the output of pw.x."""

import re

from ase.io.espresso import read_espresso_out, units

from ..frames import BadInput
from .reading import Reading, open_text

_NUMBER = r"([-+.\dEeDd]+)"
_THRESHOLD = re.compile(rf"scf convergence threshold\s*=\s*{_NUMBER}")
_ENERGY = re.compile(rf"^(!+) +total energy +=\s*{_NUMBER}", re.MULTILINE)
_FORCES = re.compile(r"Forces acting on atoms")
_ACCURACY = re.compile(rf"estimated scf accuracy\s*<\s*{_NUMBER}")
_SMEARING = re.compile(rf"smearing contrib\. \(-TS\)\s*=\s*{_NUMBER}")
_NEXT_LINES = 400  # characters, of the table that begins with the energy
_ROUNDING = 1.05  # both numbers are printed with two digits


def read_pwx(path):
    """Energies are those after "!", with -TS: the last one before the forces. Without smearing they
    would be higher by TS/2, which is what VASP calls sigma -> 0.

    With scf_must_converge=.false., pw.x calls any step converged, so that the estimated accuracy is
    compared with the threshold.
    """
    reading = Reading()
    with open_text(path) as file:
        text = file.read()
        file.seek(0)
        frames = [atoms for atoms in read_espresso_out(file) if "energy" in atoms.calc.results]
    energies = list(_ENERGY.finditer(text))
    if any(found[1] == "!!" for found in energies):
        raise BadInput(f"{path}: hybrid functionals (lines that begin with !!) are not read")
    reading.left_out["electrons not converged"] += text.count("convergence NOT achieved")
    forces = [found.start() for found in _FORCES.finditer(text)]
    if len(forces) == len(frames):
        energies = [[e for e in energies if e.start() < place][-1] for place in forces]
    if len(frames) != len(energies):
        raise BadInput(f"{path}: {len(energies)} energies, but {len(frames)} configurations")
    for index, (atoms, energy) in enumerate(zip(frames, energies)):
        threshold = _last(_THRESHOLD, text[: energy.start()])
        accuracy = _ACCURACY.search(text, energy.start())
        if accuracy and threshold and _float(accuracy[1]) > _ROUNDING * threshold:
            reading.left_out["electrons not converged"] += 1
        else:
            free = _float(energy[2]) * units["Ry"]
            smearing = _SMEARING.search(text, energy.end(), energy.end() + _NEXT_LINES)
            half = _float(smearing[1]) * units["Ry"] / 2 if smearing else 0.0
            atoms.calc.results.update(energy=free - half, free_energy=free)
            reading.take_ase(atoms, index)
    return reading


def _last(pattern, text):
    found = pattern.findall(text)
    return _float(found[-1]) if found else None


def _float(text):
    return float(text.lower().replace("d", "e"))
