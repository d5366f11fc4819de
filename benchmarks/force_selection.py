#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which strategy of `almlip select` needs the fewest labels for a force error?

    . scripts/env.sh && python benchmarks/force_selection.py --output-folder selection --jobs 2

From pools of labelled frames, 20 at random come first; then six times the present potential chooses 10 more and a new one
is fitted. Its force errors are taken on frames of the intended use. Half of these frames, without their labels, are what
`alc` and `alc_atoms` may be told of as reference frames (`alc-use`, `alc_atoms-use`); the other half is the test. All strategies of a seed start from the
same frames. Finished runs are kept in the folder and not repeated.

saving: share of the 80 labels that a strategy needs less than random selection to reach the force MAE that this has at
the end, read off mean curves; if it never gets there, minus the share that random selection needs less to reach the
strategy's last error. In brackets, where 90 % of bootstrap samples over seeds are.
area: relative change of the mean error over the rounds, with its standard error over seeds.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import random
import statistics
import sys

import datasets
import results
from shell import run

STRATEGIES = [
    "random",
    "uncertainty",
    "diversity",
    "hybrid",
    "lcmd",
    "badge",
    "power",
    "alc",
    "alc-use",
    "alc_atoms",
    "alc_atoms-use",
]
FIRST, BATCH, ROUNDS = 20, 10, 6
STEPS = 400  # of a fit
METRICS = ["force_mae", "force_rmse"]
SAVING = ["saving", "saving_low", "saving_high"]
UNITS = {
    **{name: "%" for name in SAVING},
    **{f"area_{name}": "%" for name in ("mae", "mae_error", "rmse", "rmse_error")},
    "last_mae": "eV/Angstrom",
    "last_rmse": "eV/Angstrom",
}


def frames_of(*names):
    root = datasets.folder()
    return [frame for name in names for frame in datasets.read_frames(root / f"{name}.extxyz.gz")]


def rare_events():
    """Frames with defects and of bulk, each once; intended use: defects that migrate."""
    folder = "silicon_rare_events_liu2023/Si_"
    pool = frames_of(f"{folder}train_interstitial_enhanced", f"{folder}train_vacancy_enhanced")
    once = {frame.split("\n", 2)[2]: frame for frame in pool}
    use = frames_of(f"{folder}test_rare_event_interstitial", f"{folder}test_rare_event_vacancy")
    return list(once.values()), use


SETS = {
    "Si": lambda: (frames_of("mlearn_zuo2020/Si_train"), frames_of("mlearn_zuo2020/Si_test")),
    "Si rare events": rare_events,
    "C": lambda: (frames_of("carbon_wang2024/C_train"), frames_of("carbon_wang2024/C_test")),
    "TiO2": lambda: (
        frames_of("tio2_artrith2016/TiO2_train"),
        frames_of("tio2_artrith2016/TiO2_test"),
    ),
}


def write(path, frames):
    path.write_text("".join(frames))
    return path


def fit(folder, labelled, seed):
    epochs = math.ceil(STEPS / math.ceil(0.9 * len(labelled) / 8))
    potential = folder / "potential.json"
    words = ["--preset", "fast", "--epochs", epochs, "--seed", seed, "--output", potential]
    run("almlip", "train", "--train", write(folder / "labelled.extxyz", labelled), *words)
    return potential


def error_of(folder, potential, test):
    run("almlip", "eval", potential, test, "--json", folder / "errors.json")
    errors = json.loads((folder / "errors.json").read_text())["groups"]["all"]
    return [errors[metric] for metric in METRICS]


def chosen(folder, potential, left, reference, strategy, seed):
    """Positions in `left` of the next batch."""
    marked = [f.replace("\n", f"\n candidate={n} ", 1) for n, f in enumerate(left)]
    words = ["--strategy", strategy.split("-")[0], "--count", BATCH, "--seed", seed]
    if strategy.endswith("-use"):
        words += ["--reference", reference]
    candidates = write(folder / "candidates.extxyz", marked)
    run("almlip", "select", potential, candidates, *words, "--output", folder / "batch.extxyz")
    headers = [f.split("\n", 2)[1] for f in datasets.read_frames(folder / "batch.extxyz")]
    return {int(h.split("candidate=")[1].split()[0]) for h in headers}


def learn(root, name, seed, strategy):
    """Curves by METRICS: errors after every round, in eV/Angstrom."""
    folder = root / f"{name}.{seed}.{strategy}".replace(" ", "-")
    result = folder / "curve.json"
    if result.exists():
        return json.loads(result.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    pool, use = SETS[name]()
    draw = random.Random(seed)
    draw.shuffle(pool)
    draw.shuffle(use)
    use = use[:200]
    pool = pool[:400]
    reference = write(folder / "reference.extxyz", use[: len(use) // 2])
    test = write(folder / "test.extxyz", use[len(use) // 2 :])
    labelled, left, errors = pool[:FIRST], pool[FIRST:], []
    for step in range(ROUNDS + 1):
        potential = fit(folder, labelled, seed)
        errors.append(error_of(folder, potential, test))
        if step == ROUNDS:
            break
        batch = chosen(folder, potential, left, reference, strategy, seed + 1000 * step)
        labelled = labelled + [f for n, f in enumerate(left) if n in batch]
        left = [f for n, f in enumerate(left) if n not in batch]
    curves = dict(zip(METRICS, zip(*errors)))
    result.write_text(json.dumps(curves))
    for path in folder.glob("*.extxyz"):
        path.unlink()
    return curves


def mean_curve(curves):
    return [statistics.fmean(errors) for errors in zip(*curves)]


def labels_to(curve, level):
    """First number of labels at which the error is down to a level; None if it never is."""
    if curve[0] <= level:
        return FIRST
    for step, error in enumerate(curve[1:], 1):
        before = curve[step - 1]
        if error <= level:
            return FIRST + BATCH * (step - (level - error) / (before - error))
    return None


def saving(strategy, baseline):
    """Share of all labels, as `almlip pool` has it."""
    total = FIRST + BATCH * ROUNDS
    needed = labels_to(strategy, baseline[-1])
    if needed is not None:
        return 1 - needed / total
    return labels_to(baseline, strategy[-1]) / total - 1


def interval(strategy, baseline, draws=2000):
    """Label saving of the mean curves, in percent, and where 90 % of bootstrap samples over seeds are."""
    generator = random.Random(1)
    count = len(baseline)

    def of(seeds):
        return 100 * saving(*(mean_curve([c[n] for n in seeds]) for c in (strategy, baseline)))

    samples = sorted(of(generator.choices(range(count), k=count)) for _ in range(draws))
    return of(range(count)), samples[draws // 20], samples[-draws // 20]


def area(strategy, baseline):
    """Relative change of the mean error over the rounds, in percent, and its standard error over seeds."""
    change = [100 * (sum(a[1:]) / sum(b[1:]) - 1) for a, b in zip(strategy, baseline)]
    return statistics.fmean(change), statistics.stdev(change) / len(change) ** 0.5


def figures(strategy, baseline):
    """Columns of one row; both are {metric: curves of all seeds}."""
    row = dict(zip(SAVING, interval(strategy["force_mae"], baseline["force_mae"])))
    for metric in METRICS:
        name = metric.removeprefix("force_")
        row[f"area_{name}"], row[f"area_{name}_error"] = area(strategy[metric], baseline[metric])
        row[f"last_{name}"] = mean_curve(strategy[metric])[-1]
    return row


def tables(curves, sets, seeds, strategies):
    """{"SET, STRATEGY": figures}"""
    found = {}
    for name in sets:
        of = {
            s: {m: [curves[name, seed, s][m] for seed in seeds] for m in METRICS}
            for s in strategies
        }
        for strategy in strategies:
            found[f"{name}, {strategy}"] = figures(of[strategy], of["random"])
    return found


def line(label, row):
    return (
        f"| {label} | {row['saving']:+.0f} ({row['saving_low']:+.0f}, {row['saving_high']:+.0f}) "
        f"| {row['area_mae']:+.1f} ± {row['area_mae_error']:.1f} | {row['last_mae']:.4f} "
        f"| {row['area_rmse']:+.1f} ± {row['area_rmse_error']:.1f} | {row['last_rmse']:.4f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output-folder", default="selection", type=pathlib.Path)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES, choices=STRATEGIES)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    results.add_option(parser)
    args = parser.parse_args()

    seeds = range(1, args.seeds + 1)
    strategies = ["random"] + [s for s in args.strategies if s != "random"]
    runs = [(n, seed, s) for seed in seeds for n in args.sets for s in strategies]
    curves = {}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        done = {pool.submit(learn, args.output_folder, *run): run for run in runs}
        for n, future in enumerate(concurrent.futures.as_completed(done), 1):
            curves[done[future]] = future.result()
            print(f"{n} of {len(runs)}: {done[future]}", file=sys.stderr, flush=True)
    table = tables(curves, args.sets, seeds, strategies)
    print("| set, strategy | saving % | area MAE % | last MAE | area RMSE % | last RMSE |")
    print("|---" * 6 + "|")
    for label, row in table.items():
        print(line(label, row))
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
