#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of docs/good-potential.md: how well sigma tells the force errors of single atoms.

. scripts/env.sh && python benchmarks/sigma_picture.py Cu.almlip.json Cu_test.extxyz.gz --output docs/sigma.png
"""

import argparse
import json
import pathlib
import tempfile

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

from almlip.frames import read_frames
from shell import run

COLORS = ["#1f5fa8", "#c8442b", "#3a8a4d", "#8a5fa8", "#b8860b", "#555555"]
GREY = "#888888"
LEAST_SIGMA = 1e-3  # eV/Angstrom; below, forces vanish by symmetry


def errors_by_kind(potential, frames):
    """{config_type: (sigma, error)} of the atoms, eV/Angstrom."""
    with tempfile.TemporaryDirectory() as folder:
        predicted = pathlib.Path(folder) / "predicted.extxyz"
        run("almlip", "eval", potential, frames, "--output", predicted)
        kinds = {}
        for atoms in read_frames(predicted):
            error = np.linalg.norm(atoms.get_forces() - atoms.arrays["ref_forces"], axis=1)
            kind = atoms.info.get("config_type", "all")
            kinds.setdefault(kind, []).append((atoms.arrays["sigma"], error))
    return {kind: tuple(map(np.concatenate, zip(*parts))) for kind, parts in kinds.items()}


def draw_bound(axes, kinds, quantile):
    shown = {kind: pair for kind, pair in kinds.items() if np.median(pair[0]) > LEAST_SIGMA}
    for color, (kind, (sigma, error)) in zip(COLORS, shown.items()):
        within = np.mean(error < quantile * sigma)
        label = f"{kind}: {100 * within:.0f} % below the line"
        axes.plot(sigma, error, ".", ms=3, color=color, alpha=0.5, label=label)
    ends = np.array(
        [min(s.min() for s, _ in shown.values()), max(s.max() for s, _ in shown.values())]
    )
    axes.plot(ends, quantile * ends, color=GREY, label="90 % bound")
    axes.set(xscale="log", yscale="log", title="Errors beside their bound")
    axes.set(xlabel="sigma of an atom (eV/Å)", ylabel="its force error (eV/Å)")
    axes.legend(frameon=False, markerscale=3, loc="lower right")


def draw_recall(axes, kinds):
    sigma, error = map(np.concatenate, zip(*kinds.values()))
    worst = error >= np.quantile(error, 0.95)
    found = np.cumsum(worst[np.argsort(-sigma)]) / worst.sum()
    share = np.arange(1, len(sigma) + 1) / len(sigma)
    tenth = found[np.searchsorted(share, 0.1)]
    axes.plot(100 * share, 100 * found, color=COLORS[0])
    axes.plot([0, 100], [0, 100], "--", color=GREY, label="by chance")
    axes.plot([10], [100 * tenth], "o", color=COLORS[1], label=f"worst5_in_top10: {tenth:.2f}")
    axes.set(xlim=(0, 100), ylim=(0, 102), title="The worst 5 % of all atoms")
    axes.set(xlabel="atoms with the largest sigma (%)", ylabel="of the worst, found among them (%)")
    axes.legend(frameon=False, loc="lower right")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", type=pathlib.Path)
    parser.add_argument("frames", help="labelled frames that it has not learned")
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    kinds = errors_by_kind(args.potential, args.frames)
    quantile = json.loads(args.potential.read_text())["calibration"]["quantile90"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    draw_bound(left, kinds, quantile)
    draw_recall(right, kinds)
    figure.savefig(args.output, dpi=110)


if __name__ == "__main__":
    main()
