# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a pool study: `python -m almlip.report.pool_figures OUTPUT` draws from the tables in the folder that `almlip pool` wrote.

learning_curves, savings, calibration and map, each as SVG and PNG, beside the tables; the HTML summary shows them.
"""

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLORS = [
    "#9a9a9a",
    "#e0a030",
    "#3a8f5c",
    "#8a5fb0",
    "#c8442b",
    "#1f5fa8",
    "#2aa5a5",
    "#d07aa8",
    "#6b4b2a",
    "#a0b040",
    "#404040",
    "#70a0e0",
]
MAX_MAP_SERIES = 5  # panels of the map


def read_table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def in_order(rows, key):
    """Values of a column, each once, in the order of the table."""
    return list(dict.fromkeys(row[key] for row in rows))


def save(figure, folder, name):
    for kind in ("svg", "png"):
        figure.savefig(folder / f"{name}.{kind}", dpi=160)
    plt.close(figure)


def draw_learning_curves(folder, curves, metric):
    """Mean absolute error against labels with a band of one standard error, a panel per system."""
    systems, series = in_order(curves, "system"), in_order(curves, "series")
    figure, axes = plt.subplots(
        1,
        len(systems),
        figsize=(3.4 * len(systems) + 1.8, 3.4),
        layout="constrained",
        squeeze=False,
    )
    for axis, system in zip(axes[0], systems):
        for color, name in zip(COLORS, series):
            rows = [
                row
                for row in curves
                if (row["system"], row["series"], row["metric"]) == (system, name, metric)
            ]
            labels, mean, error = (
                np.array([float(row[key]) for row in rows])
                for key in ("labels", "mae", "mae_error")
            )
            axis.fill_between(
                labels, mean - error, mean + error, color=color, alpha=0.2, linewidth=0
            )
            axis.plot(labels, mean, "o-", color=color, markersize=3, linewidth=1.3, label=name)
        axis.set(title=system, xlabel="labels")
    axes[0][0].set_ylabel(f'MAE on "{metric}" (eV/atom)')
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False)
    save(figure, folder, "learning_curves")


def draw_savings(folder, summary, metric):
    """Labels saved by every series on every system, with the bootstrap interval."""
    rows = [row for row in summary if row["metric"] == metric]
    systems, series = in_order(rows, "system"), in_order(rows, "series")
    by_place = {(row["system"], row["series"]): row for row in rows}
    figure, axis = plt.subplots(
        figsize=(1.2 + 0.16 * len(systems) * len(series) + len(systems) * 0.5, 3.4),
        layout="constrained",
    )
    width = 0.85 / len(series)
    for s, name in enumerate(series):
        found = [by_place[system, name] for system in systems]
        value, low, high = (
            np.array([float(row[key]) for row in found])
            for key in ("saving_percent", "saving_low", "saving_high")
        )
        place = np.arange(len(systems)) + (s - (len(series) - 1) / 2) * width
        axis.bar(place, value, width, color=COLORS[s % len(COLORS)], label=name)
        axis.vlines(place, low, high, color="black", linewidth=0.8)
    axis.axhline(0, color="black", linewidth=0.6)
    axis.set_xticks(range(len(systems)), systems)
    axis.set_ylabel("labels saved (%)")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right center", frameon=False)
    save(figure, folder, "savings")


def draw_calibration(folder, calibration):
    """Share of errors within the spread against the share that is expected of normal errors, with one fitted factor."""
    systems, series = in_order(calibration, "system"), in_order(calibration, "series")
    figure, axes = plt.subplots(
        1,
        len(systems),
        figsize=(3.0 * len(systems) + 1.8, 3.2),
        layout="constrained",
        squeeze=False,
    )
    for axis, system in zip(axes[0], systems):
        for color, name in zip(COLORS, series):
            rows = [row for row in calibration if (row["system"], row["series"]) == (system, name)]
            level, share, scaled = (
                np.array([float(row[key]) for row in rows])
                for key in ("level", "share", "scaled_share")
            )
            axis.plot(level, scaled, "-", color=color, linewidth=1.3, label=name)
            axis.plot(level, share, ":", color=color, linewidth=1.0)
        axis.plot([0, 1], [0, 1], color="black", linewidth=0.6)
        axis.set(title=system, xlabel="expected share", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes[0][0].set_ylabel("observed share\n(dotted: spread as it is)")
    figure.legend(
        *axes[0][0].get_legend_handles_labels(), loc="outside right center", frameon=False
    )
    save(figure, folder, "calibration")


def draw_map(folder, points, picks):
    """What the series choose from the pool of the first seed, on the two principal axes of the descriptors."""
    systems = in_order(points, "system")
    seed = picks[0]["seed"]
    chosen = defaultdict(dict)
    for row in picks:
        if row["seed"] == seed:
            chosen[row["system"], row["series"]][row["id"]] = int(row["round"])
    series = in_order(picks, "series")[: MAX_MAP_SERIES - 1]
    if "alc" in in_order(picks, "series") and "alc" not in series:
        series.append("alc")
    figure, axes = plt.subplots(
        len(systems),
        len(series),
        figsize=(2.4 * len(series), 2.4 * len(systems)),
        layout="constrained",
        squeeze=False,
    )
    for row_axes, system in zip(axes, systems):
        place = {
            row["id"]: (float(row["axis1"]), float(row["axis2"]))
            for row in points
            if row["system"] == system
        }
        everything = np.array(list(place.values()))
        for axis, name in zip(row_axes, series):
            axis.scatter(*everything.T, s=3, color="#cccccc", linewidths=0)
            rounds = chosen[system, name]
            here = np.array([place[key] for key in rounds if key in place])
            number = [rounds[key] for key in rounds if key in place]
            axis.scatter(*here.T, s=9, c=number, cmap="viridis", linewidths=0)
            axis.set(xticks=[], yticks=[], title=f"{system}: {name}")
            axis.title.set_fontsize(8)
    save(figure, folder, "map")


def main():
    parser = argparse.ArgumentParser(
        prog="python -m almlip.report.pool_figures", description=__doc__.splitlines()[0]
    )
    parser.add_argument("output", type=Path, help="folder that almlip pool wrote")
    folder = parser.parse_args().output
    missing = [
        name
        for name in ("curves.csv", "summary.csv", "calibration.csv", "map.csv", "picks.csv")
        if not (folder / name).exists()
    ]
    if missing:
        sys.exit(
            f"almlip.report.pool_figures: {folder} has no {', '.join(missing)}; give the folder that almlip pool wrote"
        )
    plt.rcParams.update({"font.size": 8.5, "axes.spines.top": False, "axes.spines.right": False})
    summary = read_table(folder / "summary.csv")
    metric = summary[0]["metric"]
    draw_learning_curves(folder, read_table(folder / "curves.csv"), metric)
    draw_savings(folder, summary, metric)
    draw_calibration(folder, read_table(folder / "calibration.csv"))
    draw_map(folder, read_table(folder / "map.csv"), read_table(folder / "picks.csv"))


if __name__ == "__main__":
    main()
