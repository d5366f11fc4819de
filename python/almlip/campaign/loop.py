# SPDX-License-Identifier: GPL-2.0-or-later
"""Active learning from the command line: explore, label, refit, test, and again.

    . scripts/env.sh && python -m almlip.campaign examples/silicon/loop.json --output demo-output

Every round runs molecular dynamics with the current potential until `fix al_query` has filled a
batch, labels the batch from first principles, refits, measures the error on the test set, and goes
on from where the dynamics stood. Each step leaves its product at once under OUTPUT/round-NN/ and is
skipped when the product is there and belongs to the same inputs: start the same command again after
any stop.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from ..frames import BadInput, read_frames, write_atomically, write_frames
from ..labels.batch import (
    label_batch,
    load_settings,
    make_report,
    print_progress,
    read_labeller,
    split_frames,
)
from .steps import StepFailed, hash_of, run_program, run_step
from .tables import format_table, read_trace

DEFAULTS = {
    "elements": None,  # list of symbols, in the order of the LAMMPS atom types
    "train": None,  # starting frames with labels, extended XYZ
    "test": None,  # independent frames with labels
    "label": None,  # settings of the labeller, JSON
    "fit": None,  # settings of `almlip train`, JSON
    "refit": "warm",  # "warm": from the last potential; "full": from scratch
    "input": None,  # LAMMPS input script
    "variables": {},  # given to the input script in every round
    "rounds": None,  # one object of variables per round
    "seed": 1,
}
FILES = ("train", "test", "label", "fit", "input")


class Campaign:
    """Settings, programs and the state that a round hands to the next one."""

    def __init__(self, settings_path, output, cache=None, workers=None):
        """Raises BadInput before any work if something is missing."""
        self.settings = read_settings(settings_path)
        self.output = Path(output).resolve()
        self.cache = Path(cache or default_cache(self.output)).resolve()
        self.programs = {name: find_program(name) for name in ("almlip", "lmp")}
        self.plugin = find_plugin()
        self.labeller = read_labeller(self.settings["label"], workers)
        self.labeller.check(self.settings["elements"])
        self.training = self.settings["train"]
        self.potential = None
        self.start = None  # LAMMPS data file; None: the input script builds the first structure
        self.rows = []
        self.seconds = 0.0  # spent on the steps of the current round

    def run(self):
        """All rounds; then the figure and the final potential. Raises StepFailed."""
        self.output.mkdir(parents=True, exist_ok=True)
        frames = len(read_frames(self.training))
        self.fit(0)
        self.evaluate(0)
        self.finish_round(0, {"labelled": frames, "max_sigma": None, "rejected": 0})
        for number, variables in enumerate(self.settings["rounds"], start=1):
            self.run_round(number, variables)
        final = self.output / ("".join(self.settings["elements"]) + ".almlip.json")
        write_atomically(final, self.potential.read_text())
        from ..report.campaign_figure import (
            draw_campaign,  # matplotlib takes a second to load; errors need not wait
        )

        draw_campaign(self.output, self.rows, self.settings["test"])
        print(
            f"\n{format_table(self.rows)}\n\n{final.name}, summary.json and campaign.png are in "
            f"{self.output}"
        )

    def run_round(self, number, variables):
        found = self.explore(number, variables)
        row = {
            "labelled": 0,
            "max_sigma": found["max_sigma"],
            "rejected": found["rejected"],
            "steps": found["steps"],
            "variables": variables,
        }
        if found["batches"]:
            row["labelled"], quarantined = self.label(number, found["batches"])
            row["rejected"] += quarantined
        else:
            print(f"round {number}: no candidate among {found['steps']} steps")
        if row["labelled"]:
            self.fit(number)
            self.evaluate(number)
        self.finish_round(number, row)

    def folder(self, number, step):
        return self.output / f"round-{number:02d}" / step

    def step(self, number, name, inputs, work):
        result, seconds, ran = run_step(self.folder(number, name), inputs, work)
        print(
            f"round {number}: {name} {'done in' if ran else 'was done before in'} {seconds:.1f} s",
            flush=True,
        )
        self.seconds += seconds
        return result

    def explore(self, number, variables):
        """Molecular dynamics until a batch is full; returns what summarise_dynamics found."""
        values = {
            **self.settings["variables"],
            **variables,
            "seed": self.settings["seed"] + number,
            "potential": self.potential,
            "start": self.start or "none",
        }
        inputs = {
            "variables": {**values, "potential": None, "start": None},
            "files": hash_of(
                self.settings["input"],
                self.potential,
                self.programs["lmp"],
                *self.plugin,
                *([self.start] if self.start else []),
            ),
        }
        folder = self.folder(number, "explore")

        def work(partial):
            flags = [part for key, value in values.items() for part in ("-var", key, value)]
            command = [self.programs["lmp"], "-in", self.settings["input"], "-log", "log.lammps"]
            failure = ""
            try:
                run_program([*command, *flags], partial, "screen.txt")
            except StepFailed as error:
                failure = str(error)
            return summarise_dynamics(partial, failure)

        found = self.step(number, "explore", inputs, work)
        if found["failure"]:
            print(
                f"round {number}: the dynamics broke off ({found['failure']}); its batch is used, "
                f"the next round starts where this one did"
            )
        elif found["above_hi"]:
            print(
                f"round {number}: the dynamics ended where the potential is not trusted; the next "
                f"round starts where this one did"
            )
        elif found["rejected"] and not found["batches"]:
            print(f"round {number}: nothing here was trusted; the next round starts afresh")
            self.start = None
        else:
            self.start = folder / "end.data"
        return {**found, "batches": [folder / name for name in found["batches"]]}

    def label(self, number, batches):
        """Labels the batches; returns how many were labelled and how many set aside."""
        inputs = {"files": hash_of(self.training, *batches), "settings": self.labeller.identity()}

        def work(partial):
            frames = [atoms for batch in batches for atoms in read_frames(batch)]
            results = label_batch(self.labeller, frames, self.cache, progress=print_progress)
            labelled, quarantined = split_frames(frames, results)
            write_frames(partial / "labelled.extxyz", labelled)
            write_frames(partial / "quarantine.extxyz", quarantined)
            report = make_report(self.labeller, results)
            write_atomically(partial / "report.json", json.dumps(report, indent=1) + "\n")
            write_frames(partial / "training.extxyz", read_frames(self.training) + labelled)
            return [len(labelled), len(quarantined)]

        counts = self.step(number, "label", inputs, work)
        self.training = self.folder(number, "label") / "training.extxyz"
        return counts

    def fit(self, number):
        """Fits a potential to all labelled frames."""
        warm = self.settings["refit"] == "warm" and self.potential is not None
        start = ["--start", self.potential] if warm else []
        inputs = {
            "files": hash_of(
                self.programs["almlip"], self.settings["fit"], self.training, *start[1:]
            ),
            "seed": self.settings["seed"],
            "warm": warm,
        }

        def work(partial):
            run_program(
                [
                    self.programs["almlip"],
                    "train",
                    self.settings["fit"],
                    "--train",
                    self.training,
                    "--seed",
                    self.settings["seed"],
                    "--output",
                    "potential.almlip.json",
                    *start,
                ],
                partial,
                "train.log",
            )

        self.step(number, "fit", inputs, work)
        self.potential = self.folder(number, "fit") / "potential.almlip.json"

    def evaluate(self, number):
        """Measures the error of the potential on the test set."""
        inputs = {"files": hash_of(self.programs["almlip"], self.potential, self.settings["test"])}

        def work(partial):
            run_program(
                [
                    self.programs["almlip"],
                    "eval",
                    self.potential,
                    self.settings["test"],
                    "--json",
                    "eval.json",
                    "--output",
                    "predicted.extxyz",
                ],
                partial,
                "eval.log",
            )

        self.step(number, "eval", inputs, work)

    def finish_round(self, number, row):
        """Adds the round to the table and to summary.json."""
        evaluated = self.potential.parent.parent / "eval" / "eval.json"
        groups = json.loads(evaluated.read_text())["groups"]
        total = sum(earlier["labelled"] for earlier in self.rows) + row["labelled"]
        self.rows.append(
            {
                "round": number,
                **row,
                "training_frames": total,
                "force_mae": groups["all"]["force_mae"],
                "energy_mae": groups["all"]["energy_mae"],
                "groups": {
                    name: {key: group[key] for key in ("force_mae", "energy_mae")}
                    for name, group in groups.items()
                    if name != "all"
                },
                "seconds": round(self.seconds, 2),
            }
        )
        self.seconds = 0.0
        write_atomically(
            self.output / "summary.json", json.dumps({"rounds": self.rows}, indent=1) + "\n"
        )
        print(format_table(self.rows[-1:]) if number else format_table(self.rows), flush=True)


def read_settings(path):
    """Settings of a campaign with absolute paths. Raises BadInput."""
    settings = load_settings(path)
    unknown = sorted(set(settings) - set(DEFAULTS))
    if unknown:
        raise BadInput(
            f'{path}: unknown setting "{unknown[0]}"; allowed: {", ".join(sorted(DEFAULTS))}'
        )
    settings = {**DEFAULTS, **settings}
    missing = [key for key, value in settings.items() if value is None]
    if missing:
        raise BadInput(f'{path}: setting "{missing[0]}" is missing')
    if settings["refit"] not in ("warm", "full"):
        raise BadInput(f'{path}: "refit" is "{settings["refit"]}", but it must be "warm" or "full"')
    for key in FILES:
        settings[key] = Path(path).resolve().parent / settings[key]
        if not settings[key].is_file():
            raise BadInput(f'{path}: "{key}" names {settings[key]}, which does not exist')
    return settings


def default_cache(output):
    """Labels outlive the output folder where scripts/env.sh has set a place for slow results."""
    shared = os.environ.get("ALMLIP_CACHE")
    return Path(shared, "labels") if shared else Path(output, "labels")


def find_program(name):
    found = shutil.which(name)
    if found is None:
        raise BadInput(f'program "{name}" not found; set up the shell with ". scripts/env.sh"')
    return Path(found).resolve()


def find_plugin():
    """Files of the plugin: the one that LAMMPS loads and the libraries beside it."""
    plugin = Path(os.environ.get("ALMLIP_PLUGIN", ""))
    if not plugin.is_file():
        raise BadInput(
            f'ALMLIP_PLUGIN is "{os.environ.get("ALMLIP_PLUGIN", "")}", which is no file; '
            f'set up the shell with ". scripts/env.sh"'
        )
    return sorted(plugin.parent.glob("*.so"))


def summarise_dynamics(folder, failure):
    """What a run left in its folder: batches, whether the last one was written because sigma was
    above the window, largest sigma (eV/Angstrom), frames rejected, steps.

    failure   the reason if the program failed, else ""
    Raises StepFailed if it failed before it had filled a batch.
    """
    batches = sorted(path.name for path in folder.glob("batch.*.extxyz"))
    if failure and not batches:
        raise StepFailed(failure)
    trace = read_trace(folder / "trace.dat")
    manifests = [json.loads(path.read_text()) for path in sorted(folder.glob("batch.*.json"))]
    return {
        "failure": failure,
        "batches": batches,
        "above_hi": bool(manifests) and manifests[-1]["reason"] == "above_hi",
        "max_sigma": float(trace["max_sigma"].max()) if len(trace["step"]) else None,
        "rejected": int(trace["rejected"][-1]) if len(trace["step"]) else 0,
        "steps": int(trace["step"][-1]) if len(trace["step"]) else 0,
    }


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m almlip.campaign", description=__doc__.splitlines()[0]
    )
    parser.add_argument("settings", help="JSON file, see docs/campaign.md")
    parser.add_argument("--output", required=True, help="folder of all results")
    parser.add_argument(
        "--cache", help="folder of labelled structures [$ALMLIP_CACHE/labels, else OUTPUT/labels]"
    )
    parser.add_argument("--workers", type=int, help="structures labelled at the same time")
    arguments = parser.parse_args(argv)
    try:
        Campaign(arguments.settings, arguments.output, arguments.cache, arguments.workers).run()
    except (BadInput, StepFailed) as error:
        print(f"almlip-loop: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("almlip-loop: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
