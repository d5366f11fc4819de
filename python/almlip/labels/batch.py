# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels a batch of structures with energies, forces and stresses from first principles.

    python -m almlip.labels SETTINGS.json BATCH.extxyz --output LABELLED.extxyz

Every structure ends with one verdict (see labeller.VERDICTS). Good ones go to the output, in the
order of the batch; the others are set aside in a quarantine file with verdict and reason, and never
stop the batch. A report in JSON lists all of them.

Results are kept per structure in a cache, under a key made of the structure and the settings. A
folder of the cache appears by one rename, when its work is finished: after a crash or kill -9 the
same command goes on with what is left.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np

from ..frames import BadInput, read_frames, with_results, write_atomically, write_frames
from ..processes import describe_exit, die_with_parent, one_line
from .labeller import VERDICTS, Rejected
from .labellers import make_labeller


def label_batch(labeller, frames, cache, retry_failed=False, progress=None):
    """Computes what is not in the cache yet; returns one result per frame, in their order.

    cache         folder of finished structures; made if missing
    retry_failed  forget all earlier verdicts other than ok, not only "timeout": how long a
                  calculation takes depends on the machine and on what else it does
    progress      called with (number done, number to do, result) after each structure
    Each result is a dict: key, verdict, reason, seconds, cached; energy, forces, stress if ok.
    Raises BadInput before any work.
    """
    labeller.check({symbol for atoms in frames for symbol in atoms.symbols})
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    remove_abandoned(cache)
    identity = labeller.identity()
    keys = [structure_key(atoms, identity) for atoms in frames]
    forget(cache, set(keys), set(VERDICTS) - {"ok"} if retry_failed else {"timeout"})

    todo = {key: atoms for key, atoms in zip(keys, frames) if not (cache / key).is_dir()}
    for count, key in enumerate(compute_all(labeller, todo, cache), start=1):
        if progress:
            progress(count, len(todo), read_result(cache / key))
    return [{"key": key, "cached": key not in todo, **read_result(cache / key)} for key in keys]


def structure_key(atoms, identity):
    """Hexadecimal name for a structure under given settings: equal only if results are."""
    parts = {
        "symbols": list(atoms.symbols),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.array.tolist(),
        "pbc": atoms.pbc.tolist(),
        "settings": identity,
    }
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def compute_all(labeller, todo, cache):
    """Runs one process per structure, `workers` at a time; yields each key as it is finished.

    todo is {key: atoms}. A process of its own keeps a crash inside one structure and lets any
    calculator be stopped at the time limit.
    """
    waiting, running = list(todo.items()), {}
    try:
        while waiting or running:
            while waiting and len(running) < labeller.settings["workers"]:
                job = Job(labeller, *waiting.pop(0), cache)
                running[job.process.sentinel] = job
            left = min(job.deadline for job in running.values()) - time.monotonic()
            wait(list(running), timeout=max(0.0, left))
            for sentinel, job in list(running.items()):
                if job.finished():
                    del running[sentinel]
                    yield job.key
    finally:
        for job in running.values():
            job.kill()


class Job:
    """One structure in a process of its own, in its own process group and folder."""

    context = multiprocessing.get_context("fork")

    def __init__(self, labeller, key, atoms, cache):
        self.key = key
        self.target = cache / key
        self.driver = os.getpid()
        self.folder = cache / f"{key}.{self.driver}.tmp"
        self.timeout = labeller.settings["timeout"]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.start = time.monotonic()
        self.deadline = self.start + self.timeout
        self.process = self.context.Process(target=self.work, args=(labeller, atoms))
        self.process.start()
        try:  # both sides set the group, so that it exists whoever comes first
            os.setpgid(self.process.pid, self.process.pid)
        except OSError:
            pass

    def work(self, labeller, atoms):
        os.setpgid(0, 0)
        die_with_parent(self.driver)
        try:
            result = {"verdict": "ok", "reason": "", **labeller.label(atoms, self.folder)}
        except Rejected as rejection:
            result = {"verdict": rejection.verdict, "reason": rejection.reason}
        except Exception as error:  # noqa: BLE001  (whatever it is, the other structures go on)
            result = {"verdict": "crashed", "reason": one_line(f"{type(error).__name__}: {error}")}
        self.publish(result)

    def publish(self, result):
        """Writes the result, then gives the folder its final name: the structure is finished."""
        result["seconds"] = round(time.monotonic() - self.start, 3)
        write_atomically(self.folder / "result.json", json.dumps(result))
        os.replace(self.folder, self.target)

    def finished(self):
        """True once the process has ended or was stopped at its limit; a result is then there."""
        if self.process.is_alive() and time.monotonic() < self.deadline:
            return False
        late = self.process.is_alive()
        self.kill()
        if not self.target.is_dir():
            how = describe_exit(self.process.exitcode)
            verdict, reason = (
                ("timeout", f"not done after {self.timeout:g} s")
                if late
                else ("crashed", f"the worker {how}")
            )
            self.publish({"verdict": verdict, "reason": reason})
        return True

    def kill(self):
        """Ends the worker and everything it started."""
        if self.process.is_alive():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()


def remove_abandoned(cache):
    """Removes half-done work of drivers that no longer run."""
    for folder in cache.glob("*.tmp"):
        pid = folder.suffixes[-2].lstrip(".") if len(folder.suffixes) > 1 else ""
        if not pid.isdigit() or not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def forget(cache, keys, verdicts):
    for key in keys:
        if (cache / key).is_dir() and read_result(cache / key)["verdict"] in verdicts:
            shutil.rmtree(cache / key)


def read_result(folder):
    return json.loads((folder / "result.json").read_text())


def split_frames(frames, results):
    """(labelled, quarantined) frames; the latter carry verdict and reason instead of results."""
    labelled, quarantined = [], []
    for atoms, result in zip(frames, results):
        if result["verdict"] == "ok":
            labelled.append(
                with_results(atoms, *(result[k] for k in ("energy", "forces", "stress")))
            )
        else:
            bad = atoms.copy()
            bad.info.update(verdict=result["verdict"], reason=result["reason"])
            quarantined.append(bad)
    return labelled, quarantined


def make_report(labeller, results):
    """JSON data: settings, number of each verdict, one entry per structure."""
    kept = ("key", "verdict", "reason", "seconds", "cached", "code")
    verdicts = [result["verdict"] for result in results]
    structures = [
        {"index": index, **{k: result[k] for k in kept if k in result}}
        for index, result in enumerate(results)
    ]
    return {
        "settings": labeller.settings,
        "verdicts": {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))},
        "largest_force": max(
            (
                np.linalg.norm(result["forces"], axis=1).max()
                for result in results
                if result["verdict"] == "ok"
            ),
            default=None,
        ),
        "structures": structures,
    }


def load_settings(path):
    """A JSON object from a file. Raises BadInput."""
    try:
        settings = json.loads(Path(path).read_text())
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path}: not valid JSON ({error})") from error
    if not isinstance(settings, dict):
        raise BadInput(f"{path}: holds {type(settings).__name__}, but settings are a JSON object")
    return settings


def read_labeller(path, workers=None):
    """The labeller that a settings file describes; `workers` wins over it. Raises BadInput."""
    settings = load_settings(path)
    if workers is not None:
        settings["workers"] = workers
    try:
        return make_labeller(settings)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def label_files(arguments):
    """The command: reads settings and batch, labels, writes output, quarantine and report."""
    labeller = read_labeller(arguments.settings, arguments.workers)
    frames = read_frames(arguments.batch)
    output = Path(arguments.output)
    quarantine = Path(arguments.quarantine or output.with_suffix(".quarantine.extxyz"))
    results = label_batch(labeller, frames, arguments.cache, arguments.retry_failed, print_progress)

    labelled, quarantined = split_frames(frames, results)
    write_frames(output, labelled)
    write_frames(quarantine, quarantined)
    report = make_report(labeller, results)
    write_atomically(
        arguments.report or output.with_suffix(".report.json"), json.dumps(report, indent=1) + "\n"
    )
    counts = ", ".join(f"{count} {verdict}" for verdict, count in report["verdicts"].items())
    print(f"{len(frames)} structures: {counts}; {sum(r['cached'] for r in results)} from the cache")


def print_progress(count, total, result):
    reason = f": {result['reason']}" if result["reason"] else ""
    print(f"[{count}/{total}] {result['verdict']} in {result['seconds']:.1f} s{reason}", flush=True)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m almlip.labels",
        description="Label a batch of structures with a first-principles code.",
    )
    parser.add_argument("settings", help="JSON file, see docs/campaign.md")
    parser.add_argument("batch", help="extended XYZ, plain or gzip")
    parser.add_argument("--output", required=True, help="labelled frames, extended XYZ")
    parser.add_argument("--quarantine", help="failed frames [OUTPUT.quarantine.extxyz]")
    parser.add_argument("--report", help="verdicts, JSON [OUTPUT.report.json]")
    parser.add_argument("--cache", default="labels", help="folder of finished structures [labels]")
    parser.add_argument(
        "--workers", type=int, help="structures at the same time; wins over SETTINGS"
    )
    parser.add_argument(
        "--retry-failed", action="store_true", help="compute failed structures again"
    )
    return parser.parse_args(argv)


def main(argv=None):
    arguments = parse_arguments(argv)
    try:
        label_files(arguments)
    except BadInput as error:
        print(f"almlip-label: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("almlip-label: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
