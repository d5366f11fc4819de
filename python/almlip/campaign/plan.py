# SPDX-License-Identifier: GPL-2.0-or-later
"""What a round does, decided before it begins: plan.json, which all of its steps read."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..frames import read_frames, write_atomically
from .programs import StepFailed
from .settings import RESOURCES

FRAMES = (".extxyz", ".xyz", ".gz")
QUICK = {"launcher": None, "cores": 1, "threads": 1}


@dataclass
class Plan:
    """A round of a campaign.

    runs        {name: {"scenario", "input", "files", "variables", "structure", "seed"}}; structure is
                {"file", "index"} or None. Empty in round 0
    parts       jobs that share the labelling
    training    files of all frames that are labelled before this round
    refused     files of structures that could not be labelled
    potential   file of the round before, or None
    label_again files of refused structures that are labelled once more in this round
    previous    what is known of that potential: its held-out error, frames of the last full fit
    """

    number: int
    output: str
    settings: dict
    runs: dict
    parts: int
    training: list
    refused: list = field(default_factory=list)
    potential: str | None = None
    previous: dict = field(default_factory=dict)
    label_again: list = field(default_factory=list)

    @property
    def folder(self):
        return round_folder(self.output, self.number)

    @property
    def path(self):
        return self.folder / "plan.json"

    @classmethod
    def read(cls, path):
        return cls(**json.loads(Path(path).read_text()))

    def write(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, json.dumps(asdict(self), indent=1))

    def resources(self, kind):
        """Launcher, cores, memory, ... of a kind of step."""
        section = self.settings.get(kind, self.settings["select"])
        found = {**QUICK, **{key: section[key] for key in RESOURCES if key in section}}
        found["slurm"] = {**self.settings.get("slurm", {}), **section.get("slurm", {})}
        return found

    def step_folder(self, name):
        kind, _, argument = name.partition(".")
        return self.folder / kind / argument if argument else self.folder / kind

    def result(self, name):
        """The record of a finished step. Raises StepFailed if it is not finished."""
        try:
            return json.loads((self.step_folder(name) / "step.json").read_text())
        except FileNotFoundError as error:
            raise StepFailed(f"{name} has left nothing, though its job is over") from error

    def explores(self):
        return [f"explore.{run}" for run in self.runs]

    def labels(self):
        return [f"label.{part}" for part in range(self.parts)]

    def steps(self):
        """All steps, in an order in which they can be done."""
        return [*self.explores(), "select", *self.labels(), "judge", "fit"]


def round_folder(output, number):
    return Path(output) / "rounds" / f"{number:02d}"


def make_plan(settings, output, number):
    """The plan of a round, after those before it are done."""
    done = [read_round(output, earlier) for earlier in range(number)]
    labelled = [round_folder(output, row["round"]) / "judge" for row in done]
    plan = Plan(
        number=number,
        output=str(output),
        settings=settings,
        runs={},
        parts=settings["label"]["jobs"],
        training=[
            *settings["start"]["train"],
            *(
                str(f / "labelled.extxyz")
                for f in labelled
                if (f / "labelled.extxyz").stat().st_size
            ),
        ],
        refused=[
            str(f / "quarantine.extxyz")
            for f in labelled
            if (f / "quarantine.extxyz").stat().st_size
        ],
        label_again=read_label_again(output, number),
    )
    if number:
        last = Plan.read(round_folder(output, number - 1) / "plan.json")
        plan.potential = str(last.step_folder("fit") / "potential.almlip.json")
        plan.previous = last.result("fit")["result"]
        plan.runs = {
            name: with_start(run, last, done[-1], name)
            for name, run in plan_runs(settings, number).items()
        }
    return plan


def read_label_again(output, number):
    """What `almlip campaign retry --labels` has left for this round."""
    path = Path(output, "label-again.json")
    if not path.is_file():
        return []
    found = json.loads(path.read_text())
    return found["files"] if found["round"] == number else []


def read_round(output, number):
    return json.loads((round_folder(output, number) / "round.json").read_text())


def plan_runs(settings, number):
    """All runs of a round, each from the structures of its scenario."""
    explore, runs = settings["explore"], {}
    for name, scenario in explore["scenarios"].items():
        structures = list(expand(scenario.get("structures", [])))
        for replica in range(scenario["replicas"]):
            turn = (number - 1) * scenario["replicas"] + replica
            runs[f"{name}-{replica + 1}"] = {
                "scenario": name,
                "input": scenario.get("input", explore["input"]),
                "files": [*explore["files"], *scenario["files"]],
                "variables": {
                    key: value_in_round(value, number)
                    for key, value in {**explore["variables"], **scenario["variables"]}.items()
                },
                "structure": structures[turn % len(structures)] if structures else None,
                "resume": scenario["resume"],
                "seed": settings["seed"] + 1000 * number + len(runs),
            }
    return runs


def expand(files):
    """A structure for each frame of the files; a LAMMPS data file is one."""
    for file in files:
        if file.endswith(FRAMES):
            for index in range(len(read_frames(file))):
                yield {"file": file, "index": index}
        else:
            yield {"file": file, "index": None}


def value_in_round(value, number):
    """A list has a value for each round; the last one stays."""
    return value[min(number, len(value)) - 1] if isinstance(value, list) else value


def with_start(run, last, row, name):
    """The run, from where that of the round before ended, if it ended well."""
    before = row["runs"].get(name)
    if run["resume"] and before and before["goes_on_from"]:
        run = {**run, "structure": before["goes_on_from"]}
    return run
