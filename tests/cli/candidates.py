# SPDX-License-Identifier: GPL-2.0-or-later
"""Candidates for `almlip select` in all kinds of files, and what it has chosen."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest

ALMLIP = os.environ.get("ALMLIP_EXECUTABLE") or shutil.which("almlip")
read = pytest.importorskip("ase.io").read


def frames_text(count, seed):
    """Displaced diamond cells of 8 silicon atoms, with energies as if they had been labelled."""
    random = np.random.default_rng(seed)
    corners = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0]])
    diamond = np.concatenate([corners, corners + 1]) / 4 * 5.43
    text = ""
    for k in range(count):
        rows = "\n".join(
            f"Si {x:.8f} {y:.8f} {z:.8f}" for x, y, z in diamond + random.normal(0.0, 0.1, (8, 3))
        )
        text += f'8\nLattice="5.43 0 0 0 5.43 0 0 0 5.43" Properties=species:S:1:pos:R:3 energy={-40 - k} config_type=md pbc="T T T"\n{rows}\n'
    return text


def fnv1a(text):
    """64-bit hash by its definition, as 16 hexadecimal digits."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def spool_text(frames, first=1, **keys):
    """The frames as docs/spool.md has them."""
    text, lines = "", frames.splitlines()
    for number, start in enumerate(range(0, len(lines), 10), first):
        count, comment, *atoms = lines[start : start + 10]
        comment = re.sub(" energy=\\S+", "", comment)  # nothing in a spool is a label
        for key, value in {"candidate": number, "run": "r1", "step": 10 * number, **keys}.items():
            comment += f" {key}={value}"
        tail = "\n" + "\n".join(atoms) + "\n"
        frame = f"{count}\n{comment}"
        text += frame + f" check={fnv1a(frame + tail)}" + tail
    return text


def dump_text(frames):
    """The frames as a LAMMPS dump with scaled positions; type 2 is silicon, atoms are out of order."""
    text, lines = "", frames.splitlines()
    for step, start in enumerate(range(0, len(lines), 10)):
        text += f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n8\nITEM: BOX BOUNDS pp pp pp\n"
        text += "1.0 6.43\n" * 3 + "ITEM: ATOMS id type xs ys zs\n"
        for i in reversed(range(8)):
            scaled = [repr(float(x) / 5.43) for x in lines[start + 2 + i].split()[1:]]
            text += f"{i + 1} 2 {' '.join(scaled)}\n"
    return text


def chosen(select):
    return [
        atoms.info["energy"] if "energy" in atoms.info else atoms.get_potential_energy()
        for atoms in read(select.folder / "batch.extxyz", index=":")
    ]


def sources(select):
    return [
        atoms.info["selected_from"] for atoms in read(select.folder / "batch.extxyz", index=":")
    ]


def evaluated(select):
    """The frames of the pool with what eval finds."""
    subprocess.run(
        [ALMLIP, "eval", "Si.json", "pool.extxyz", "--output", "eval.extxyz"],
        cwd=select.folder,
        check=True,
        capture_output=True,
    )
    return read(select.folder / "eval.extxyz", index=":")


def largest_sigmas(select):
    return np.array([atoms.arrays["sigma"].max() for atoms in evaluated(select)])
