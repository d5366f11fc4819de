# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a potential beside its references."""

from math import erf, sqrt

import numpy as np
from plotly import graph_objects

from .page import COLOURS, figure

MAX_POINTS = 3000  # of a figure; a page stays small
SMALLEST = 1e-4  # eV/Angstrom, of logarithmic axes


def parity(comparison):
    """Three figures: energies, forces, stresses."""
    panels = (
        ("Energy above free atoms", "eV/atom", comparison.energy),
        ("Force components", "eV/Å", comparison.forces),
        ("Stress components", "GPa", comparison.stress),
    )
    return [
        parity_panel(*panel, comparison) for panel in panels if any(v is not None for v in panel[2])
    ]


def parity_panel(title, unit, values, comparison):
    found = figure(title, f"reference, {unit}", f"predicted, {unit}")
    pairs = comparison.pairs(values)
    for kind, (reference, prediction) in pairs.items():
        keep = thin_out(np.abs(prediction - reference), share(pairs, kind))
        add_points(found, kind, reference[keep], prediction[keep])
    ends = [
        f(np.concatenate([part for pair in pairs.values() for part in pair]))
        for f in (np.min, np.max)
    ]
    add_line(found, ends, ends)
    return found


def share(pairs, kind):
    """Points that a kind may have, as many as are its due."""
    total = sum(len(pair[0]) for pair in pairs.values())
    return max(50, MAX_POINTS * len(pairs[kind][0]) // total)


def thin_out(badness, count):
    """Which points to draw: the worst tenth of those allowed, and others at random."""
    if len(badness) <= count:
        return np.arange(len(badness))
    order = np.argsort(badness)[::-1]
    worst, rest = order[: count // 10], order[count // 10 :]
    return np.concatenate([worst, np.random.default_rng(1).choice(rest, count - len(worst), False)])


def add_points(found, name, x, y, **more):
    marker = {"size": 4, "opacity": 0.6}
    found.add_trace(
        graph_objects.Scatter(x=x, y=y, mode="markers", name=name, marker=marker, **more)
    )


def add_line(found, x, y, name=None, dash="dash"):
    line = {"color": "#888", "dash": dash, "width": 1.5}
    found.add_trace(
        graph_objects.Scatter(
            x=x,
            y=y,
            mode="lines",
            name=name,
            line=line,
            showlegend=name is not None,
            hoverinfo="skip",
        )
    )


def sigma_and_error(comparison):
    """Sigma beside the true error of each atom."""
    atoms = comparison.uncertain_atoms()
    if not atoms:
        return []
    found = figure("Sigma against error, per atom", "sigma, eV/Å", "length of force error, eV/Å")
    for kind, (sigma, error) in atoms.items():
        keep = thin_out(error, share(atoms, kind))
        add_points(found, kind, sigma[keep], np.maximum(error[keep], SMALLEST))
    ends = np.array(
        [f(np.concatenate([pair[0] for pair in atoms.values()])) for f in (np.min, np.max)]
    )
    add_line(found, ends, ends, "error = sigma")
    if comparison.quantile90:
        add_line(found, ends, comparison.quantile90 * ends, "90 % bound", "dot")
    found.update_xaxes(type="log")
    found.update_yaxes(type="log")
    return [found]


def reliability(comparison):
    """Which share of force components is within the interval that should hold a given share."""
    found = figure("Reliability", "share that should be within", "share that is within")
    size = np.abs(comparison.scaled_components())
    widths = np.linspace(0.05, 3.0, 60)  # in standard deviations
    expected = [erf(width / sqrt(2.0)) for width in widths]
    if len(size):
        observed = [float((size < width).mean()) for width in widths]
        line = {"color": COLOURS[0], "width": 3}
        found.add_trace(
            graph_objects.Scatter(x=expected, y=observed, name="force components", line=line)
        )
    add_line(found, [0, 1], [0, 1], "as it should be")
    return found


def calibration(comparison, num_bins=10):
    """Root mean square of the error in bins of sigma with equally many atoms."""
    found = figure("Calibration", "rms of sigma, eV/Å", "rms of the force error, eV/Å")
    atoms = comparison.uncertain_atoms()
    if not atoms:
        return found
    sigma, error = (np.concatenate(each) for each in zip(*atoms.values()))
    bins = [part for part in np.array_split(np.argsort(sigma), num_bins) if len(part)]
    x, y = ([float(np.sqrt((v[part] ** 2).mean())) for part in bins] for v in (sigma, error))
    found.add_trace(
        graph_objects.Scatter(x=x, y=y, mode="lines+markers", name="a tenth of the atoms each")
    )
    add_line(found, [min(x), max(x)], [min(x), max(x)], "as it should be")
    found.update_xaxes(type="log")
    found.update_yaxes(type="log")
    return found


def errors_by_kind(groups):
    """Bars of the force error per config_type."""
    names = [name for name in groups if name != "all" and groups[name]["force_mae"] is not None]
    found = figure("Force error by config_type", "", "meV/Å")
    for label, key in (("MAE", "force_mae"), ("RMSE", "force_rmse")):
        heights = [1e3 * groups[name][key] for name in names]
        found.add_trace(graph_objects.Bar(x=names, y=heights, name=label))
    return found
