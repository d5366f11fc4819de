# SPDX-License-Identifier: GPL-2.0-or-later
"""The physical system that a frame stands for: what a code is given, and what names a result."""

import hashlib
import json

import numpy as np

from ..frames import BadInput

STATE = ("initial_magmoms", "initial_charges")  # columns that decide which electronic state


def with_vacuum(atoms, vacuum):
    """Copy whose open directions have `vacuum` Angstrom between the atoms and their images.

    Edges along open directions become perpendicular to the others, and the atoms are in the middle.
    So the result depends on the atoms alone, not on how large the box was that they were found in,
    and codes that take every cell for periodic see the same system. `pbc` stays what it was.
    Raises BadInput if a periodic direction has no edge.
    """
    if atoms.pbc.all():
        return atoms.copy()
    edges = open_edges(atoms)
    places = atoms.positions @ np.linalg.inv(edges)
    for d in np.flatnonzero(~atoms.pbc):
        low, high = places[:, d].min(), places[:, d].max()
        places[:, d] = 0.5 + (places[:, d] - 0.5 * (low + high)) / (high - low + vacuum)
        edges[d] *= high - low + vacuum
    closed = atoms.copy()
    closed.cell = edges
    closed.positions = np.round(places @ edges, 10)  # where the atoms were must not show
    return closed


def open_edges(atoms):
    """Cell vectors; along open directions of length 1 and perpendicular to those before."""
    edges = atoms.cell.array.copy()
    done = [edges[d] for d in np.flatnonzero(atoms.pbc)]
    if len(done) and np.linalg.matrix_rank(done) < len(done):
        raise BadInput("a periodic direction has no cell vector; give it, or set pbc to F there")
    for d in np.flatnonzero(~atoms.pbc):
        candidates = [edges[d], *np.roll(np.eye(3), -d, axis=0)] if done else [np.eye(3)[d]]
        units = (perpendicular(candidate, done) for candidate in candidates)
        edges[d] = next(unit for unit in units if unit is not None)
        done.append(edges[d])
    return edges


def perpendicular(vector, others):
    """Unit vector: the part of `vector` outside the span of `others`; None if there is none."""
    if others:
        basis = np.linalg.qr(np.transpose(others))[0]
        vector = vector - basis @ (basis.T @ vector)
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-3 else None


def total_charge(atoms):
    """In units of e: `charge` of the comment line, else the sum of the column initial_charges."""
    if "charge" in atoms.info:
        return float(atoms.info["charge"])
    return round(float(atoms.get_initial_charges().sum()), 6)


def moments(atoms):
    """Initial magnetic moments in Bohr magnetons, shape [num_atoms], or None if the frame has none.

    A column of zeros counts as none: it says nothing that a code would not assume.
    Raises BadInput for vectors.
    """
    values = atoms.arrays.get("initial_magmoms")
    if values is None or not np.any(values):
        return None
    if values.ndim != 1:
        raise BadInput(
            "initial_magmoms are vectors, but only collinear moments can be written here"
        )
    return values


def structure_key(atoms, identity):
    """Hexadecimal name of a structure under a labeller's identity: equal only if results are."""
    parts = {
        "symbols": list(atoms.symbols),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.array.tolist(),
        "pbc": atoms.pbc.tolist(),
        "charge": total_charge(atoms),
        "masses": atoms.get_masses().tolist() if atoms.has("masses") else None,
        **{name: atoms.arrays[name].tolist() for name in STATE if atoms.has(name)},
        "identity": identity,
    }
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
