# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip label`: labels a batch of structures. What it takes and leaves: labels/__init__.py.

Every structure ends with one verdict (labeller.VERDICTS). Results are kept per structure in a
folder (store.py), so that the same command goes on after a crash or kill -9 with what is left.
"""

import argparse
import json
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from ..frames import (
    BadInput,
    read_frames,
    try_to_write,
    with_results,
    write_atomically,
    write_frames,
)
from .jobs import compute_all, is_kept
from .labeller import ABOUT_FRAME, Rejected
from .settings_file import load_settings, read_labeller
from .store import Store
from .structure import structure_key

__all__ = [
    "label_batch",
    "load_settings",
    "make_report",
    "print_progress",
    "read_labeller",
    "split_frames",
]


def label_batch(labeller, frames, cache, retry_failed=False, progress=None, **store_options):
    """Computes what is not in the cache yet; returns one result per frame, in their order.

    cache         folder of finished structures; made if missing
    retry_failed  forget all earlier verdicts other than ok, not only "timeout" and "killed" (how
                  long a calculation takes depends on the machine and on what else it does) and those
                  of programs that were started by another command
    progress      called with (number done, number to do, result) after each structure
    Each result is a dict: key, verdict, reason, seconds, cached; energy, forces, stress if ok.
    Raises BadInput before any work.
    """
    labeller.check({symbol for atoms in frames for symbol in atoms.symbols})
    store = Store(Path(cache).resolve(), **store_options)
    identity = labeller.identity()
    results, systems = [], {}
    for atoms in frames:
        results.append(prepare(labeller, atoms, identity, systems))
    keys = list(systems)
    earlier = {key: result for key in keys if (result := store.read(key))}
    again = {
        key: result["attempt"]
        for key, result in earlier.items()
        if not is_kept(result, labeller) or (retry_failed and result["verdict"] != "ok")
    }
    todo = {key: systems[key] for key in keys if key not in earlier or key in again}

    def is_done(key, result):
        return result["attempt"] != again.get(key)

    for count, key in enumerate(compute_all(labeller, todo, store, is_done), start=1):
        if progress:
            progress(count, len(todo), labeller.judge(store.read(key)))
    for result in results:
        if not result["verdict"]:
            key = result["key"]
            result |= {**labeller.judge(store.read(key)), "cached": key not in todo}
    return results


def prepare(labeller, atoms, identity, systems):
    """The start of a frame's result. Its system goes into {key: system} unless it is none."""
    try:
        system = labeller.system(atoms)
    except Rejected as rejection:
        end = {"verdict": rejection.verdict, "reason": rejection.reason}
        return {"key": structure_key(atoms, identity), **end, "seconds": 0.0, "cached": False}
    key = structure_key(system, identity)
    systems.setdefault(key, system)
    return {"key": key, "verdict": None}


def split_frames(frames, results):
    """(labelled, quarantined) frames; the latter carry verdict and reason instead of results."""
    labelled, quarantined = [], []
    for atoms, result in zip(frames, results):
        if result["verdict"] == "ok":
            stress = stress_in(atoms, result)
            each = with_results(atoms, result["energy"], result["forces"], stress)
            each.info["labelled_by"] = result["code"]
            labelled.append(each)
        else:
            bad = atoms.copy()
            bad.info.update(verdict=result["verdict"], reason=result["reason"])
            quarantined.append(bad)
    return labelled, quarantined


def stress_in(atoms, result):
    """Stress in the frame's own cell: that of the code has other vacuum, but the same virial."""
    if result["stress"] is None or atoms.cell.rank < 3 or atoms.pbc.all():
        return result["stress"] if atoms.pbc.all() else None
    return np.array(result["stress"]) * (result["volume"] / atoms.get_volume())


def make_report(labeller, results):
    """JSON data: settings, number of each verdict and reason, one entry per structure."""
    kept = ("key", "verdict", "reason", "seconds", "cached", "code", "host")
    structures = [
        {"index": index, **{k: result[k] for k in kept if k in result}}
        for index, result in enumerate(results)
    ]
    forces = [
        float(np.linalg.norm(result["forces"], axis=1).max())
        for result in results
        if result["verdict"] == "ok"
    ]
    computed = {each["key"]: each["seconds"] for each in structures if not each["cached"]}
    return {
        "settings": labeller.settings,
        "verdicts": dict(sorted(Counter(each["verdict"] for each in results).items())),
        "reasons": dict(
            Counter(each["reason"] for each in results if each["reason"]).most_common()
        ),
        "seconds": round(sum(computed.values()), 3),
        "cached": sum(each["cached"] for each in structures),
        "largest_force": max(forces, default=None),
        "structures": structures,
    }


def label_files(arguments):
    """The command: reads settings and batch, labels, writes output, quarantine and report.

    Returns the exit status.
    """
    inputs = [arguments.batch, arguments.labeller]
    output = Path(arguments.output)
    try_to_write(output, inputs)
    quarantine = Path(arguments.quarantine or output.with_suffix(".quarantine.extxyz"))
    report_file = Path(arguments.report or output.with_suffix(".report.json"))
    for file in (quarantine, report_file):
        try_to_write(file, inputs)
    launcher, workers = arguments.launcher, arguments.workers
    labeller = read_labeller(arguments.labeller, workers=workers, launcher=launcher)
    frames = read_frames(arguments.batch)
    cache = arguments.cache or output.resolve().parent / "labels"
    results = label_batch(labeller, frames, cache, arguments.retry_failed, print_progress)

    labelled, quarantined = split_frames(frames, results)
    write_frames(output, labelled)
    write_frames(quarantine, quarantined)
    report = make_report(labeller, results)
    write_atomically(report_file, json.dumps(report, indent=1) + "\n")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in report["verdicts"].items())
    print(f"{len(frames)} structures: {counts}; {report['cached']} from the cache")
    if labelled or set(report["verdicts"]) <= set(ABOUT_FRAME):
        return 0
    reason, count = next(iter(report["reasons"].items()))
    print(
        f"almlip: not one of {len(frames)} structures was labelled; {count} times: {reason}",
        file=sys.stderr,
    )
    return 1


def print_progress(count, total, result):
    reason = f": {result['reason']}" if result["reason"] else ""
    print(f"[{count}/{total}] {result['verdict']} in {result['seconds']:.1f} s{reason}", flush=True)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="almlip label", description="Labels a batch of structures with any code."
    )
    parser.add_argument("batch", help="extended XYZ, plain or gzip")
    parser.add_argument("-o", "--output", required=True, help="labelled frames, extended XYZ")
    parser.add_argument("--labeller", required=True, help="YAML or JSON file, see docs/labels.md")
    parser.add_argument("--cache", help="folder of finished structures [labels, beside OUTPUT]")
    parser.add_argument("--launcher", help='put before the program: "mpirun -n 4"')
    parser.add_argument(
        "--workers", type=int, help="structures at the same time; wins over the file"
    )
    parser.add_argument(
        "--retry-failed", action="store_true", help="compute failed structures again"
    )
    parser.add_argument("--quarantine", help="failed frames [OUTPUT.quarantine.extxyz]")
    parser.add_argument("--report", help="verdicts, JSON [OUTPUT.report.json]")
    return parser.parse_args(argv)


def main(argv=None):
    arguments = parse_arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # gives back what is at work
    try:
        return label_files(arguments)
    except (BadInput, OSError) as error:  # a full disk, a folder that cannot be written
        print(f"almlip: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("almlip: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
