# SPDX-License-Identifier: GPL-2.0-or-later
"""Running programs: clean environments, ends that are told, hashes of what went in."""

import ctypes
import hashlib
import os
import signal
from pathlib import Path

C_LIBRARY = ctypes.CDLL(None)  # loaded here, since nothing may be loaded between fork and exec


def environment_without_mpi():
    """Environment in which a program does not join a surrounding MPI job, often of another MPI.

    What a user sets for Open MPI stays, unless this is itself a rank, which is given such settings.
    """
    foreign = ("OMPI_", "PMIX_", "PMI_", "MPI_", "HYDRA_", "MPIR_", "HYDI_")
    users = "OMPI_ALLOW_RUN_AS_ROOT" if "OMPI_COMM_WORLD_SIZE" in os.environ else "OMPI_"
    return {
        key: value
        for key, value in os.environ.items()
        if key.startswith(users) or not key.startswith(foreign)
    }


def serial_environment(threads):
    """Environment for a serial DFT process.

    Debian's OpenBLAS, where installed, is several times faster than its default BLAS.
    """
    kept = environment_without_mpi()
    paths = [str(path) for path in sorted(Path("/usr/lib").glob("*/openblas-serial"))]
    paths += [kept["LD_LIBRARY_PATH"]] if kept.get("LD_LIBRARY_PATH") else []
    if paths:
        kept["LD_LIBRARY_PATH"] = ":".join(paths)
    return {**kept, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}


def die_with_parent(parent):
    """Linux: the kernel kills this process when its parent ends, even by kill -9.

    parent  its process id, taken before the fork: a parent that has already ended since then kills
            this process at once
    """
    set_parent_death_signal = 1
    C_LIBRARY.prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


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
