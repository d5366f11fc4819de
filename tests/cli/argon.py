# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of argon under a smooth Lennard-Jones pair potential, and small fits to them."""

import json
import os
import shutil
import subprocess

import numpy as np

ALMLIP = os.environ.get("ALMLIP_EXECUTABLE") or shutil.which("almlip")
# a build whose fits take many times as long
IS_SLOW = "asan" in os.environ.get("LD_PRELOAD", "") or "/coverage/" in str(ALMLIP)

CUTOFF = 4.0  # Angstrom
QUICK = [
    "--preset",
    "fast",
    "--cutoff",
    str(CUTOFF),
    "--members",
    "2",
    "--epochs",
    "12",
    "--batch",
    "4",
    "--warmup-steps",
    "10",
    "--precision",
    "double",
]


def smooth_lennard_jones(distance):
    """Energy and slope of a Lennard-Jones pair that ends smoothly at the cutoff; eV, Angstrom."""
    depth, size = 0.1, 2.2
    s6 = (size / distance) ** 6
    x = (distance / CUTOFF) ** 2
    ramp, ramp_slope = (1 - x) ** 3, -6 * distance / CUTOFF**2 * (1 - x) ** 2
    energy, slope = 4 * depth * (s6**2 - s6), 4 * depth * (6 * s6 - 12 * s6**2) / distance
    return energy * ramp, slope * ramp + energy * ramp_slope


def label(cell, positions):
    """Energy, forces and virial (-dE/dstrain) of a periodic cell."""
    shifts = (
        np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) @ cell
    )
    energy, forces, virial = 0.0, np.zeros_like(positions), np.zeros((3, 3))
    for i, here in enumerate(positions):
        bond = (positions[:, None, :] + shifts[None, :, :] - here).reshape(-1, 3)
        distance = np.linalg.norm(bond, axis=1)
        bond, distance = (
            bond[(distance > 1e-6) & (distance < CUTOFF)],
            distance[(distance > 1e-6) & (distance < CUTOFF)],
        )
        value, slope = smooth_lennard_jones(distance)
        pull = (slope / distance)[:, None] * bond
        energy += value.sum() / 2
        forces[i] = pull.sum(axis=0)
        virial -= pull.T @ bond / 2
    return energy, forces, virial


def frame_text(cell, positions, energy, forces, virial, symbol="Ar", config_type="rattled"):
    def row(numbers):
        return " ".join(repr(float(number)) for number in numbers)

    lines = [
        str(len(positions)),
        (
            f'Lattice="{row(cell.ravel())}" Properties=species:S:1:pos:R:3:forces:R:3 '
            f'energy={float(energy)!r} virial="{row(virial.ravel())}" '
            f'config_type={config_type} pbc="T T T"'
        ),
    ]
    lines += [f"{symbol} " + row((*x, *f)) for x, f in zip(positions, forces)]
    return "\n".join(lines) + "\n"


def make_frames(count, seed=0, rattle=0.15):
    """Rattled face-centred cubic cells of 4 atoms, as texts."""
    random = np.random.default_rng(seed)
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    texts = []
    for n in range(count):
        cell = 3.6 * np.eye(3) + random.normal(0, 0.08, (3, 3))
        positions = corners @ cell + random.normal(0, rattle, (4, 3))
        texts.append(
            frame_text(
                cell, positions, *label(cell, positions), config_type="cold" if n % 3 else "hot"
            )
        )
    return texts


def train(*arguments, launcher=(), folder=None, timeout=120):
    return subprocess.run(
        [*launcher, ALMLIP, "train", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        timeout=timeout,
    )


def fit(frames, output, *arguments, launcher=()):
    done = train("--train", frames, "--output", output, *QUICK, *arguments, launcher=launcher)
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())


def hidden_weights(potential):
    return np.array(potential["committees"][0]["hidden"])
