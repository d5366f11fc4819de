#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture of the silicon campaign in README: errors, sigma in its dynamics, forces of the test frames.

. scripts/env.sh && almlip campaign run examples/silicon --output demo-output
python benchmarks/campaign_picture.py demo-output --output docs/silicon-campaign.png
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

from almlip.campaign.driver import read_rows
from almlip.campaign.plan import Plan, round_folder
from almlip.frames import read_frames

BLUE, RED, GREY = "#1f5fa8", "#c8442b", "#999999"


def draw_errors(axes, rows):
    frames = [row["training_frames"] for row in rows]
    axes.plot(frames, [row["force_mae"] for row in rows], "o-", color=BLUE)
    axes.set(xlabel="training frames", title="Error on the test set", ylim=(0, None))
    axes.set_ylabel("force MAE (eV/Å)", color=BLUE)
    right = axes.twinx()
    right.plot(frames, [1e3 * row["energy_mae"] for row in rows], "s--", color=RED)
    right.set_ylim(0, None)
    right.set_ylabel("energy MAE (meV/atom)", color=RED)
    right.spines["top"].set_visible(False)


def draw_sigma(axes, output, rows):
    """The largest sigma of each look, all rounds one after the other, replicas above each other."""
    begin = 0.0
    for row in rows[1:]:
        plan = Plan.read(round_folder(output, row["round"]) / "plan.json")
        length = max(run["steps"] for run in row["runs"].values()) / 1000
        for shade, name in zip((BLUE, "#7fa8d8", "#b9cfe9"), row["runs"]):
            step, _, sigma = np.loadtxt(
                plan.step_folder(f"explore.{name}") / "trace.txt", usecols=(0, 1, 2)
            ).T
            axes.plot(begin + step / 1000, np.maximum(sigma, 1e-3), color=shade, lw=0.8)
        variables = next(iter(plan.runs.values()))["variables"]
        axes.text(
            begin + length / 2,
            4,
            f"{variables['from']}–{variables['to']} K",
            ha="center",
            fontsize=8,
        )
        begin += length
        axes.axvline(begin, color="black", lw=0.8, ls=":")
    axes.axhline(variables["lo"], color=GREY, lw=0.8, ls="--")
    axes.set(xlabel="time (ps)", ylabel="largest sigma (eV/Å)", yscale="log", ylim=(1e-2, 6))
    axes.set_title("Uncertainty met in the dynamics")


def draw_forces(axes, output, rows):
    for row, colour in ((rows[0], RED), (rows[-1], BLUE)):
        frames = read_frames(round_folder(output, row["round"]) / "fit/predicted.extxyz")
        reference = np.concatenate([atoms.arrays["ref_forces"].ravel() for atoms in frames])
        predicted = np.concatenate([atoms.get_forces().ravel() for atoms in frames])
        axes.plot(
            reference, predicted, ".", ms=3, alpha=0.6, color=colour, label=f"round {row['round']}"
        )
    ends = [reference.min(), reference.max()]
    axes.plot(ends, ends, color="black", lw=0.8)
    axes.set(
        xlabel="first principles (eV/Å)",
        ylabel="predicted (eV/Å)",
        ylim=(1.2 * ends[0], 1.2 * ends[1]),
    )
    axes.set_title("Forces of the test set")
    axes.legend(frameon=False, markerscale=3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("campaign", type=Path, help="results of examples/silicon")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    rows = read_rows(arguments.campaign)
    pyplot.rcParams.update({"axes.spines.top": False, "font.size": 9})
    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    draw_errors(left, rows)
    draw_sigma(middle, arguments.campaign, rows)
    draw_forces(right, arguments.campaign, rows)
    figure.savefig(arguments.output, dpi=140)


if __name__ == "__main__":
    main()
