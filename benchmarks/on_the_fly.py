#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a potential that chooses its own frames better than one from frames taken without looking?

    . scripts/env.sh && python benchmarks/on_the_fly.py --systems Si --seeds 5 --jobs 2
    python benchmarks/on_the_fly.py --quick          # minutes: does it run?

Active learning against analytic reference potentials of LAMMPS (`reference_systems.py`), which cost nothing, so that the true
errors are known. All arms get the same number of labels. At the end each is judged by a fit from scratch to its frames, with
the defaults of `almlip train`, on dynamics of the reference with other seeds. All fits of a seed have one cutoff, the one
chosen for its first frames. Silicon has 4.3 Angstrom in all arms: its reference reaches 3.77, the default is 5.43.

arms    default          the loop as it is shipped: runs of all kinds with `fix al_query`, then one choice over their spools by
                         `almlip select` with its default strategy
        STRATEGY         the same with a named strategy of `almlip select`
        even             frames at even times of the potential's own dynamics, without looking at sigma
        reference        frames at even times of dynamics of the reference
        random           frames at random from what the test is drawn from
starts  crystals         rattled and strained crystals
        phases           frames of all kinds

A round is one run of each kind. Runs of the same seed begin alike in all arms. Finished arms are kept in the folder and not
repeated. Errors: force MAE over components, mean length of the force error of the worst 1 % of atoms, energy MAE, all kinds with equal weight.
`hot` are runs at 1.2 times the highest temperature: how many break off, and errors on the way. `|e|/sigma` of kinds that were
never learned should have a median of 0.89 and a 90 % quantile of 1.44.
"""

import argparse
import concurrent.futures
import multiprocessing
import pathlib
import statistics
import sys

import results
from learning_loop import BASELINES, QUICK, Protocol, learn, pool_frames, test_frames, unseen_frames
from reference_systems import SYSTEMS

STRATEGIES = ["random", "uncertainty", "diversity", "hybrid", "alc", "alc_atoms"]
STRATEGIES += ["lcmd", "badge", "power"]
ARMS = ["default", *(f"select-{strategy}" for strategy in STRATEGIES), *BASELINES]
METRICS = {
    "force_mae": "eV/Angstrom",
    "worst": "eV/Angstrom",
    "energy_mae": "meV/atom",
}


def ratio(of, to):
    """Change in percent against another arm over paired seeds, with its standard error."""
    change = [100 * (a / b - 1) for a, b in zip(of, to)]
    error = statistics.stdev(change) / len(change) ** 0.5 if len(change) > 1 else None
    return statistics.fmean(change), error


def summary(found):
    """Columns of one arm; `found` are the results of its seeds."""
    row = {m: statistics.fmean(result["all"][m] for result in found) for m in METRICS}
    hot = [run for result in found for run in result["hot"].values()]
    row["hot_runs"] = len(hot)
    row["broken"] = sum(not run["stable"] for run in hot)
    reached = [run["worst"] for run in hot if "worst" in run]
    row["hot_worst"] = statistics.fmean(reached) if reached else None
    for key in ("median", "quantile90"):
        unseen = [kind[key] for result in found for kind in result["unseen"].values()]
        row[f"unseen_{key}"] = statistics.fmean(unseen)
    row["labelled"] = statistics.fmean(result["labelled"] for result in found)
    return row


def compare(arms):
    """{arm: columns} with changes against the baselines; `arms` is {arm: results of the seeds}."""
    table = {arm: summary(found) for arm, found in arms.items()}
    for arm, row in table.items():
        for baseline in [b for b in BASELINES if b in arms and b != arm]:
            for metric in METRICS:
                of, to = ([r["all"][metric] for r in arms[name]] for name in (arm, baseline))
                key = f"{metric}_to_{baseline}"
                row[key], row[f"{key}_error"] = ratio(of, to)
    return table


UNITS = {
    **METRICS,
    **{
        f"{metric}_to_{baseline}{error}": "%"
        for metric in METRICS
        for baseline in BASELINES
        for error in ("", "_error")
    },
    "hot_runs": "",
    "broken": "",
    "hot_worst": "eV/Angstrom",
    "unseen_median": "",
    "unseen_quantile90": "",
    "labelled": "frames",
}


def changed(row, key):
    if key not in row:
        return ""
    error = row[f"{key}_error"]
    return f"{row[key]:+.0f}" + ("" if error is None else f" ± {error:.0f}")


def print_table(title, table):
    print(f"\n{title}\n")
    against = [f"{m} to {b}, %" for b in BASELINES for m in ("F", "worst", "E")]
    print(f"| arm | F MAE | worst 1 % | E MAE | hot, broken | unseen | {' | '.join(against)} |")
    print("|---" * (6 + len(against)) + "|")
    for arm, row in table.items():
        cells = [f"{row['force_mae']:.4f}", f"{row['worst']:.3f}", f"{row['energy_mae']:.2f}"]
        cells.append(f"{row['broken']} of {row['hot_runs']}")
        cells.append(f"{row['unseen_median']:.2f}, {row['unseen_quantile90']:.2f}")
        for baseline in BASELINES:
            for metric in METRICS:
                key = f"{metric}_to_{baseline}"
                cells.append(changed(row, key))
        print(f"| {arm} | {' | '.join(cells)} |", flush=True)


def all_results(args, protocol):
    """{(system, start): {arm: results of the seeds}}; arms run at the same time in processes."""
    root = args.output_folder
    for name in args.systems:
        (root / name).mkdir(parents=True, exist_ok=True)
    seeds = range(1, args.seeds + 1)
    context = multiprocessing.get_context("spawn")  # LAMMPS does not survive a fork
    with concurrent.futures.ProcessPoolExecutor(args.jobs, mp_context=context) as pool:
        frames = [pool.submit(make, root, name, protocol) for name in args.systems for make in MADE]
        for done in frames:
            done.result()
        jobs = {
            (name, start, arm, seed): pool.submit(learn, root, name, start, arm, seed, protocol)
            for seed in seeds
            for name in args.systems
            for start in args.starts
            for arm in args.arms
        }
        for number, done in enumerate(concurrent.futures.as_completed(jobs.values()), 1):
            done.result()
            print(f"{number} of {len(jobs)}", file=sys.stderr, flush=True)
    return {
        (name, start): {
            arm: [jobs[name, start, arm, seed].result() for seed in seeds] for arm in args.arms
        }
        for name in args.systems
        for start in args.starts
    }


MADE = [test_frames, pool_frames, unseen_frames]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output-folder", default="on-the-fly", type=pathlib.Path)
    parser.add_argument("--systems", nargs="+", default=["Si"], choices=SYSTEMS)
    parser.add_argument("--starts", nargs="+", default=["crystals"], choices=["crystals", "phases"])
    parser.add_argument("--arms", nargs="+", default=["default", *BASELINES], choices=ARMS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="arms at a time")
    parser.add_argument("--quick", action="store_true", help="two short rounds, small fits")
    results.add_option(parser)
    return parser.parse_args()


def main():
    args = arguments()
    if args.quick:
        args.output_folder /= "quick"
    table = {}
    for (name, start), arms in all_results(args, QUICK if args.quick else Protocol()).items():
        rows = compare(arms)
        print_table(f"{name}, from {start}", rows)
        table |= {f"{name}, {start}, {arm}": row for arm, row in rows.items()}
    results.write(args.json, UNITS, table)


if __name__ == "__main__":
    main()
