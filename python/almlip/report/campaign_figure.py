# SPDX-License-Identifier: GPL-2.0-or-later
"""The figure of a campaign."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from ..campaign.tables import read_trace
from ..frames import read_frames

BLUE, RED, GREY = "#1f5fa8", "#c8442b", "#9a9a9a"


def draw_campaign(output, rows, test):
    """Writes output/campaign.png: learning curves, uncertainty along the dynamics, parity."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    draw_learning_curve(axes[0], rows)
    draw_uncertainty(axes[1], output, rows)
    draw_parity(axes[2], output, rows, test)
    figure.savefig(output / "campaign.png", dpi=160)
    plt.close(figure)


def draw_learning_curve(axes, rows):
    """Force error (left axis) and energy error (right axis) on the test set per round."""
    frames = [row["training_frames"] for row in rows]
    axes.plot(frames, [row["force_mae"] for row in rows], "o-", color=BLUE)
    axes.set(xlabel="training frames", title="Error on the test set")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("force MAE (eV/Å)", color=BLUE)
    right = axes.twinx()
    right.spines["right"].set_visible(True)
    right.plot(frames, [1000 * row["energy_mae"] for row in rows], "s--", color=RED)
    right.set_ylim(bottom=0)
    right.set_ylabel("energy MAE (meV/atom)", color=RED)


def draw_uncertainty(axes, output, rows):
    """Largest predicted force error along the dynamics of all rounds, with the temperature."""
    right = axes.twinx()
    right.spines["right"].set_visible(True)
    offset = 0.0
    for row in rows[1:]:
        trace = read_trace(output / f"round-{row['round']:02d}" / "explore" / "trace.dat")
        if not len(trace["step"]):
            continue
        steps = offset + trace["step"] - trace["step"][0]
        right.plot(steps, trace["temperature"], color=GREY, linewidth=0.5, alpha=0.6)
        axes.plot(steps, trace["max_sigma"], color=BLUE, linewidth=0.8)
        axes.axvline(steps[-1], color="black", linewidth=0.6, linestyle=":")
        axes.annotate(
            str(row["round"]),
            (steps.mean(), 0.97),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            weight="bold",
        )
        offset = steps[-1]
    axes.set(xlabel="MD step", title="Uncertainty met in each round")
    axes.set(yscale="log", ylim=(0.01, None))  # the perfect crystal has no uncertainty at all
    axes.set_ylabel("max sigma (eV/Å)", color=BLUE)
    axes.set_zorder(right.get_zorder() + 1)
    axes.patch.set_visible(False)
    right.set_ylim(bottom=0)
    right.set_ylabel("temperature (K)", color=GREY)


def draw_parity(axes, output, rows, test):
    """Predicted against reference force components, with the first and the last potential."""
    reference = np.concatenate([atoms.get_forces().ravel() for atoms in read_frames(test)])
    last = max(row["round"] for row in rows if row["round"] == 0 or row["labelled"])
    for number, color in ((0, RED), (last, BLUE)):
        predicted = read_frames(output / f"round-{number:02d}" / "eval" / "predicted.extxyz")
        forces = np.concatenate([atoms.get_forces().ravel() for atoms in predicted])
        axes.plot(
            reference, forces, ".", color=color, markersize=2.5, alpha=0.6, label=f"round {number}"
        )
    limit = 1.05 * np.abs(reference).max()
    axes.plot([-limit, limit], [-limit, limit], color="black", linewidth=0.6)
    axes.set(
        xlim=(-limit, limit),
        ylim=(-limit, limit),
        aspect="equal",
        title="Forces of the test set",
        xlabel="first principles (eV/Å)",
        ylabel="predicted (eV/Å)",
    )
    axes.legend(frameon=False, markerscale=4)
