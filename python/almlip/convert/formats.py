# SPDX-License-Identifier: GPL-2.0-or-later
"""Which reader a file needs."""

import codecs
import os
from pathlib import Path

import ase.io
from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from .. import _core, extxyz
from ..frames import BadInput
from . import cp2k, espresso, sets, vasp
from .reading import EITHER, FREE, UNTOLD, Reading, name_of, open_binary


def read_extxyz(path, keys):
    """Extended XYZ by the rules of `almlip train`, with keys of other names; NEP's too."""
    reading = Reading()
    for index, content in enumerate(_core.read([os.fspath(path)], labels=True, **keys)):
        atoms = extxyz.to_atoms(content)
        named = EITHER if keys["energy_keys"] else _kind(content["energy_keys"], atoms.info)
        reading.take_ase(atoms, index, named)
    return reading


def _kind(names, info):
    """What a frame of extended XYZ tells about its energy: labels of `almlip label` are such that the
    forces belong to them."""
    if info.get("energy_kind") in (FREE, EITHER):
        return info["energy_kind"]
    if "free_energy" in names:
        return EITHER if "energy" in names else FREE
    return EITHER if "labelled_by" in info else UNTOLD


def read_by_ase(path, kind):
    """Whatever ASE reads. Only programs whose outputs are checked tell convergence."""
    reading = Reading()
    for index, atoms in enumerate(ase.io.read(path, index=":", format=kind)):
        reading.take_ase(atoms, index)
    if kind not in ("traj", "db", "json"):
        reading.notes[f"{kind} as ASE reads it: convergence not checked"] += len(reading.frames)
    return reading


# Name, what its beginning holds, reader of path and options.
FORMATS = {
    "outcar": (b" vasp.", lambda path, _: vasp.read_outcar(path)),
    "vasprun": (b"<modeling>", lambda path, _: vasp.read_vasprun(path)),
    "pwx": (b"Program PWSCF", lambda path, _: espresso.read_pwx(path)),
    "cp2k": (b"CP2K|", lambda path, _: cp2k.read_cp2k(path)),
    "mlip": (b"BEGIN_CFG", lambda path, options: sets.read_mlip(path, options.elements)),
    "fitsnap": (b'"Dataset"', lambda path, _: sets.read_fitsnap(path)),
    "deepmd": (None, lambda path, options: sets.read_deepmd(path, options.elements)),
    "extxyz": (None, lambda path, options: read_extxyz(path, options.keys)),
    "ase": (None, lambda path, _: read_by_ase(path, _ase_type(path))),
}
# Endings that folders are searched for.
OUTPUTS = ("OUTCAR*", "vasprun*.xml*", "*.out*", "*.pwo*", "*.log*", "*.cfg*", "*.json*", "*.traj",
           "*.db", "*.xyz*", "*.extxyz*")  # fmt: skip


def recognise(path):
    """Name of the format of a file or DeePMD system, from its content. Raises BadInput."""
    path = Path(path)
    if path.is_dir():
        if (path / "type.raw").is_file():
            return "deepmd"
        raise BadInput(f"{path}: is a folder without type.raw")
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    with open_binary(path) as file:
        begin = file.read(20000).removeprefix(codecs.BOM_UTF8)
    for name, (mark, _) in FORMATS.items():
        if mark is not None and mark in begin:
            return name
    second = begin.split(b"\n", 2)[1:2]
    if begin.split(b"\n", 1)[0].strip().isdigit() and second and b"roperties=" in second[0]:
        return "extxyz"
    _ase_type(path)
    return "ase"


def find(folder):
    """Files and systems below a folder that can be converted, in the order of their names.

    Beside a vasprun.xml, which has more digits, the OUTCAR of the same run is left out.
    """
    if (folder / "type.raw").is_file():
        return [folder]
    found = {path.parent for path in folder.rglob("type.raw")}
    for pattern in OUTPUTS:
        for path in folder.rglob(pattern):
            if path.is_file() and _holds_energies(path):
                found.add(path)
    for path in [path for path in found if name_of(path) == "OUTCAR"]:
        if any(name_of(other) == "vasprun.xml" and other.parent == path.parent for other in found):
            found.remove(path)
    return sorted(found)


def _holds_energies(path):
    try:
        return recognise(path) != "ase" or _ase_type(path) not in ("xyz", "extxyz", "cfg")
    except BadInput:
        return False


def _ase_type(path):
    """ASE's name of the format of a file that ASE can read. Raises BadInput."""
    try:
        kind = filetype(str(path), read=True)
        if not ioformats[kind].can_read:
            raise UnknownFileTypeError(kind)
        return kind
    except (KeyError, UnknownFileTypeError, OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path}: is none of the formats that are read; name it with --format if it is one of "
            f"{', '.join(FORMATS)}"
        ) from error


def read(path, kind, options):
    """Reading of one file. Raises BadInput, one line with its path."""
    try:
        return FORMATS[kind][1](path, options)
    except (BadInput, _core.Error):
        raise
    except Exception as error:  # readers raise many types on malformed or incomplete files
        raise BadInput(f"{path}: cannot be read as {kind} ({type(error).__name__}: {error})") from (
            error
        )
