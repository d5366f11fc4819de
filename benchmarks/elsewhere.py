#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does sigma hold on kinds of frames that were not learned?

    . scripts/env.sh && python benchmarks/elsewhere.py --sets Si MoNbTaW
    python benchmarks/elsewhere.py --sets Si -- --preset fast --epochs 60

One kind of frames after the other is left out, a potential is fitted to the rest and judged by that kind, and by further
frames of the kinds that it knows. Kinds are config_types; those of MoNbTaW and InP are made of several, and alloys of
MoNbTaW that hold more of their first element are a kind too. Flags for `almlip train` follow `--`. `--picture` draws the
rows of a table that is there already (--json) without a fit:

    python benchmarks/elsewhere.py --json elsewhere.json --picture elsewhere.png
"""

import argparse
import collections
import json
import pathlib
import random
import tempfile

import numpy as np

import datasets
import results
from shell import run

SETS = ["Si", "Mo", "Cu", "MoNbTaW", "InP"]
INP = {
    "antisite": ("aIn", "aP", "aa"),
    "interstitial": ("iIn", "iP"),
    "vacancy": ("vIn", "vP", "vv"),
}
UNITS = {
    "energy_rmse": "meV/atom",
    "energy_sigma": "meV/atom",
    "energy_coverage90": "",
    "force_rmse": "eV/Angstrom",
    "coverage90": "",
    "worst5_in_top10": "",
}
MOST_TEST, MOST_LIKE = 60, 12  # frames of a kind, of a config_type


def kind_of(name, frame):
    """What is left out together with the frame."""
    config_type = datasets.config_type(frame)
    if name == "InP":
        defect = config_type.removeprefix("s_")
        return next((kind for kind, types in INP.items() if defect in types), "strain")
    if name != "MoNbTaW":
        return config_type
    if not config_type.endswith("_SS"):
        return config_type.split("_")[1]
    symbols = [line.split()[0] for line in frame.splitlines()[2:]]
    return "rich" if 2 * symbols.count(min(symbols)) > len(symbols) else "other alloys"


def parts(name, most, seed=1):
    """For each kind: frames to learn without it, the kind itself, further frames like those to learn."""
    groups = collections.defaultdict(list)
    for frame in datasets.train_frames(name):
        groups[kind_of(name, frame), datasets.config_type(frame)].append(frame)
    for group in groups.values():
        random.Random(seed).shuffle(group)
    for left_out in sorted({kind for kind, _ in groups} - {"other alloys"}):
        learn, like, test = [], [], []
        for (kind, _), frames in groups.items():
            count = min(most, len(frames) * 3 // 4) if len(frames) > 15 else len(frames)
            if kind != left_out:
                learn += frames[:count]
                like += frames[count : count + MOST_LIKE]
            else:
                test += frames
        random.Random(seed).shuffle(test)
        yield left_out, learn, test[:MOST_TEST], like


def errors(potential, frames, folder):
    """Errors of the potential over all these frames, energies in meV/atom."""
    (folder / "frames.extxyz").write_text("".join(frames))
    run("almlip", "eval", potential, folder / "frames.extxyz", "--json", folder / "errors.json")
    group = json.loads((folder / "errors.json").read_text())["groups"]["all"]
    found = {key: group[key] for key in UNITS}
    for key in ("energy_rmse", "energy_sigma"):
        found[key] = None if found[key] is None else 1000 * found[key]
    return found


def line(name, left_out, judged, figures):
    """Row of the table."""
    digits = {"energy_rmse": 1, "energy_sigma": 1, "force_rmse": 3}
    cells = [
        "-" if value is None else f"{value:.{digits.get(key, 2)}f}"
        for key, value in figures.items()
    ]
    return f"| {name} | {left_out} | {judged} | {' | '.join(cells)} |"


def pairs(rows, first, second):
    """Two columns of the rows that have both."""
    found = [(row[first], row[second]) for row in rows]
    return [pair for pair in found if None not in pair]


def draw(path, table):
    """Energy errors beside their sigma, and the shares of frames and atoms within the bounds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    kinds = {
        "it": ("#c8442b", "o", "on kinds not learned"),
        "the others": ("#1f5fa8", "s", "on kinds learned"),
    }
    ends = []
    for judged, (color, marker, label) in kinds.items():
        rows = [row for name, row in table.items() if name.endswith(f"judged by {judged}")]
        style = {"color": color, "marker": marker, "ls": "none", "alpha": 0.75, "label": label}
        points = np.array(pairs(rows, "energy_sigma", "energy_rmse")).reshape(-1, 2)
        ends.extend(points.flat)
        left.plot(*points.T, **style)
        right.plot(
            *np.array(pairs(rows, "energy_coverage90", "coverage90")).reshape(-1, 2).T, **style
        )
    limits = (min(ends) / 1.3, max(ends) * 1.3) if ends else (1, 10)
    left.plot(limits, limits, color="#888888", lw=0.8, label="error = sigma")
    left.set(xscale="log", yscale="log", xlim=limits, ylim=limits)
    left.set(xlabel="sigma of energies (meV/atom)", ylabel="error of energies, RMSE (meV/atom)")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(ticker.NullFormatter())
    line = {"color": "#888888", "lw": 0.8}
    right.axvline(0.9, label="should be: 0.9", **line)
    right.axhline(0.9, **line)
    right.set(xlabel="share of frames whose energy is within its 90 % bound")
    right.set(ylabel="share of atoms whose force is within its 90 % bound")
    right.set(xlim=(0, 1.03), ylim=(0, 1.03))
    for axes in (left, right):
        axes.set_aspect("equal")
        axes.legend(frameon=False)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--frames", type=int, default=25, help="to learn of each config_type")
    parser.add_argument("--output-folder", help="keeps frames and potentials here")
    parser.add_argument("flags", nargs="*", help="flags for almlip train, after --")
    parser.add_argument("--picture", metavar="FILE", help="draw the table that --json names")
    results.add_option(parser)
    args = parser.parse_args()
    if args.picture:
        if args.json is None or not args.json.is_file():
            parser.error("--picture draws the table of an earlier run: name its file with --json")
        draw(args.picture, json.loads(args.json.read_text())["rows"])
        return

    folder = pathlib.Path(args.output_folder or tempfile.mkdtemp(prefix="elsewhere."))
    folder.mkdir(exist_ok=True)
    print("Energies in meV/atom, forces in eV/Angstrom; sigma is a root mean square.\n")
    print(
        "| set | left out | judged by | E RMSE | E sigma | E bound | F RMSE | F bound | worst 5 % |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    table = {}
    for name in args.sets:
        for left_out, learn, test, like in parts(name, args.frames):
            potential = folder / f"{name}.{left_out}.almlip.json"
            if not potential.exists():
                (folder / "learn.extxyz").write_text("".join(learn))
                files = ["--train", folder / "learn.extxyz", "--output", potential]
                run("almlip", "train", *files, *args.flags)
            for judged, frames in (("it", test), ("the others", like)):
                figures = errors(potential, frames, folder)
                print(line(name, left_out, judged, figures), flush=True)
                table[f"{name} without {left_out}, judged by {judged}"] = figures
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
