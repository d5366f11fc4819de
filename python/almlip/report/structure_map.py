# SPDX-License-Identifier: GPL-2.0-or-later
"""A map of structures: the two directions in which what the potential sees of them differs most."""

import json
import os
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.data.colors import jmol_colors

from .._core import Error
from ..calculator import Calculator
from ..campaign.judge import force_errors
from ..campaign.plan import Plan, round_folder
from ..frames import read_frames
from .page import colour_of, figure

MAX_START, MAX_CANDIDATES = 400, 1200  # frames on the map; more are thinned out at random
MAX_ATOMS = 40000  # that the page may show; structures beyond it have no picture
START, CANDIDATES = "to begin with", "candidates not chosen"


@dataclass
class Point:
    """A structure of the map. file, index: where it lies; error: of the largest force, or None."""

    round: int | None  # that it was labelled in
    kind: str
    atoms: Atoms
    file: str
    index: int
    scenario: str = ""
    error: float | None = None
    sigma: float | None = None

    def title(self, folder):
        parts = [self.kind, self.scenario, self.atoms.get_chemical_formula()]
        if self.error is not None:
            parts.append(f"largest force error {self.error:.3g} eV/Å, sigma {self.sigma:.3g}")
        place = os.path.relpath(self.file, folder)
        return {"text": ", ".join(filter(None, parts)), "file": place, "index": self.index}


def collect(output, rows, news):
    """Points of a campaign: frames of round 0, new labels, and candidates that were not chosen.

    news   as `new_labels` of the report makes them, one for each row
    """
    rng = np.random.default_rng(1)
    points = thin_out(starting_points(output), MAX_START, rng)
    for each in news:
        for index, atoms in enumerate(each["frames"]):
            errors, sigmas = force_errors([atoms])
            points.append(
                Point(
                    each["round"],
                    f"round {each['round']}",
                    atoms,
                    str(each["file"]),
                    index,
                    atoms.info.get("config_type", ""),
                    float(errors.max()),
                    float(sigmas.max()),
                )
            )
    return points + thin_out(candidates(output, rows), MAX_CANDIDATES, rng)


def thin_out(points, count, rng):
    if len(points) <= count:
        return points
    return [points[i] for i in sorted(rng.choice(len(points), count, replace=False))]


def starting_points(output):
    plan = Plan.read(round_folder(output, 0) / "plan.json")
    labelled = plan.step_folder("judge") / "labelled.extxyz"
    files = [*plan.training, *([str(labelled)] if labelled.stat().st_size else [])]
    return [
        Point(None, START, atoms, file, index, str(atoms.info.get("config_type", "")))
        for file in files
        for index, atoms in enumerate(read_frames(file))
    ]


def candidates(output, rows):
    """Those in the spools of all runs; chosen ones lie under the new labels."""
    found = []
    for row in rows:
        plan = Plan.read(round_folder(output, row["round"]) / "plan.json")
        for name, run in row["runs"].items():
            folder = plan.step_folder(f"explore.{name}")
            for spool in run["spools"]:
                for file in sorted((folder / spool).glob("*.extxyz")):
                    found += [
                        Point(None, CANDIDATES, atoms, str(file), index, run["scenario"])
                        for index, atoms in enumerate(
                            read_frames(file) if file.stat().st_size else []
                        )
                    ]
    return found


def fingerprints(potential, frames):
    """One row per frame: descriptors summed over the atoms of each element, over the number of atoms."""
    calculator = Calculator(potential)
    found = []
    for atoms in frames:
        atoms = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        descriptors = calculator.get_property("descriptors", atoms)
        symbols = np.array(atoms.get_chemical_symbols())
        parts = [descriptors[symbols == each].sum(axis=0) for each in calculator.elements]
        found.append(np.concatenate(parts) / len(atoms))
    return np.array(found)


def principal_components(features):
    """Coordinates [num_frames, 2] on the first two, and the share of the variance of each."""
    centered = features - features.mean(axis=0)
    left, values, _ = np.linalg.svd(centered, full_matrices=False)
    shares = values**2 / max(float((values**2).sum()), 1e-300)
    return (left * values)[:, :2], shares[:2]


def structure_map(potential, points, folder):
    """(figure, data of the viewer as JSON), or None: too few structures, or no potential to see them.

    folder   of the page, which names of files are relative to
    """
    if len(points) < 3:
        return None
    try:
        features = fingerprints(potential, [each.atoms for each in points])
    except Error:
        return None  # the other parts of a report need no potential
    xy, shares = principal_components(features)
    titles = [point.title(folder) for point in points]
    axes = [
        f"component {k + 1} ({100 * share:.0f} % of the variance)" for k, share in enumerate(shares)
    ]
    found = figure("Map of structures", *axes)
    found.update_layout(height=450)
    kinds = list(dict.fromkeys(point.kind for point in points))
    for kind in sorted(kinds, key=lambda kind: (kind != CANDIDATES, kind != START)):
        numbers = [n for n, point in enumerate(points) if point.kind == kind]
        found.add_scattergl(
            x=xy[numbers, 0],
            y=xy[numbers, 1],
            mode="markers",
            name=kind,
            customdata=numbers,
            text=[titles[n]["text"] for n in numbers],
            hovertemplate="%{text}<extra></extra>",
            marker=marker_of(points[numbers[0]]),
        )
    return found, viewer_data(points, titles)


def marker_of(point):
    if point.kind == CANDIDATES:
        return {"size": 4, "color": "#c9ced3"}
    if point.kind == START:
        return {"size": 7, "color": "#444", "symbol": "diamond"}
    return {"size": 9, "color": colour_of(point.round), "line": {"width": 1, "color": "white"}}


def viewer_data(points, titles):
    """JSON of what the viewer draws, safe inside a script element."""
    elements = sorted({symbol for point in points for symbol in point.atoms.symbols})
    left, structures = MAX_ATOMS, []
    for point, title in zip(points, titles):
        left -= len(point.atoms)
        structures.append({**title, **(geometry(point.atoms) if left >= 0 else {})})
    data = {"elements": {each: look_of(each) for each in elements}, "structures": structures}
    data["first"] = max(
        range(len(points)), key=lambda n: -1.0 if points[n].error is None else points[n].error
    )
    return json.dumps(data, separators=(",", ":")).replace("</", "<\\/")


def geometry(atoms):
    """Symbols, positions inside the cell and, if there is one, cell; Angstrom."""
    atoms = atoms.copy()
    cell = atoms.cell.array
    if atoms.cell.rank == 3:
        atoms.wrap()
    return {
        "symbols": atoms.get_chemical_symbols(),
        "positions": np.round(atoms.positions, 2).tolist(),
        "cell": np.round(cell, 3).tolist() if atoms.cell.rank == 3 else None,
    }


def look_of(symbol):
    number = atomic_numbers[symbol]
    red, green, blue = (int(255 * each) for each in jmol_colors[number])
    return {"colour": f"rgb({red},{green},{blue})", "radius": float(covalent_radii[number])}
