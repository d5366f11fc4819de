#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign's choice is worth: the same number of labels taken from the same dynamics without looking.

    . scripts/env.sh && python benchmarks/campaign_labels.py examples/silicon --campaign demo-output --output work --json FILE

The runs of a finished campaign are repeated with their own potentials and seeds. Of each round's trajectories as many
frames are taken as the campaign had labels, evenly in time or at random; all of them if there are no more.
They are labelled by its labeller. After each round the frames of all three ways are learned from scratch, with the
settings of the campaign. Errors are those on its test frames, or on those of `--test`, which have labels.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from ase.io import read

import results
from almlip.campaign.driver import output_folder, read_rows
from almlip.campaign.explore import END, sources, work
from almlip.campaign.plan import Plan, round_folder
from almlip.campaign.settings import inline, read_settings
from almlip.frames import read_frames, write_frames

INTERVAL = 10  # steps between two frames of a trajectory, as between looks in the examples
FIRST_SEED = 11  # of the random choice
WAYS = ("campaign", "evenly", "at random")


def trajectory(plan, name, folder, interval=INTERVAL):
    """Frames of a run of the campaign, repeated; the first is left out if the round before ended with it."""
    frames = folder / "frames.dump"
    if not frames.exists():
        folder.mkdir(parents=True, exist_ok=True)
        run = dict(plan.runs[name])
        script = Path(run["input"])
        dump = f"dump frames all custom {interval} frames.dump id element x y z\n"
        dump += f"dump_modify frames sort id element {' '.join(plan.settings['elements'])}\n"
        lines = script.read_text().splitlines(keepends=True)
        last = max(i for i, line in enumerate(lines) if line.split()[:1] == ["run"])
        with_dump = folder / script.name
        with_dump.write_text("".join([*lines[:last], dump, *lines[last:]]))
        beside = [path for path in sources(run).values() if path != str(script)]
        run |= {"input": str(with_dump), "files": beside}
        work(Plan(**{**vars(plan), "runs": {**plan.runs, name: run}}), make(folder / "run"), name)
        (folder / "run/frames.dump").rename(frames)
    found = read(frames, index=":", format="lammps-dump-text")
    return found[goes_on(plan.runs[name]) :]


def goes_on(run):
    """Whether a run began where one of the round before ended."""
    return bool(run["structure"]) and Path(run["structure"]["file"]).name == END


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def evenly(total, count):
    """Indices of frames evenly in time: the middle of each of `count` equal parts."""
    return ((np.arange(count) + 0.5) * total / count).astype(int)


def choose(frames, count, how, rng):
    """Frames of a list, in its order, none twice; all of them if there are not more than `count`."""
    count = min(count, len(frames))
    if how == "evenly":
        return [frames[i] for i in evenly(len(frames), count)]
    return [frames[i] for i in sorted(rng.choice(len(frames), count, replace=False))]


def take(arguments, how, row):
    """As many frames of a round as the campaign has labelled, from all of its runs."""
    plan, found = read_plan(arguments, row), []
    for name in plan.runs:
        folder = arguments.output / "trajectories" / f"{row['round']:02d}-{name}"
        for atoms in trajectory(plan, name, folder):
            atoms.info = {"config_type": plan.runs[name]["scenario"]}
            found.append(atoms)
    return choose(found, row["labelled"], how, np.random.default_rng(FIRST_SEED + row["round"]))


def label(arguments, frames, target):
    """Labels of the frames by the campaign's labeller; those without a label are left out."""
    if target.exists():
        return
    batch = target.with_suffix(".batch.extxyz")
    write_frames(batch, frames)
    labeller = arguments.settings["label"]["labeller"]
    if isinstance(labeller, dict):
        labeller = arguments.output / "labeller.json"
        inside = {
            "folder": arguments.settings["folder"],
            **inline(arguments.settings["label"]["labeller"]),
        }
        labeller.write_text(json.dumps(inside))
    command = [sys.executable, "-m", "almlip.labels", batch, "--output", target]
    subprocess.run(
        [*command, "--labeller", labeller, "--cache", arguments.output / "labels"], check=True
    )


def fit(arguments, training, folder):
    """Test errors by group of a potential of these files, from scratch."""
    make(folder)
    settings = folder / "fit.json"
    settings.write_text(json.dumps(inline(arguments.settings["fit"]["settings"])))
    potential = folder / "potential.almlip.json"
    if not potential.exists():
        command = ["almlip", "train", settings, "--train", *training, "--output", potential]
        command += ["--elements", *arguments.settings["elements"]]
        with open(folder / "train.log", "w") as log:
            subprocess.run(
                [*command, "--seed", str(arguments.settings["seed"])], check=True, stdout=log
            )
    return errors(arguments, potential, folder)


def errors(arguments, potential, folder):
    make(folder)
    command = ["almlip", "eval", potential, *arguments.test, "--json", folder / "test.json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    groups = json.loads((folder / "test.json").read_text())["groups"]
    return {
        name: {key: group[key] for key in ("force_mae", "energy_mae")}
        for name, group in groups.items()
    }


def start_files(plan):
    """What round 0 has learned."""
    return [*plan.training, *labelled(plan)]


def labelled(plan):
    """The labels of a round of the campaign, as a list of one file or none."""
    file = plan.step_folder("judge") / "labelled.extxyz"
    return [str(file)] if file.stat().st_size else []


def new_files(arguments, way, row):
    """The labels that a round adds in one of WAYS."""
    if way == "campaign":
        return labelled(read_plan(arguments, row))
    target = make(arguments.output / way.replace(" ", "-")) / f"{row['round']:02d}.extxyz"
    label(arguments, take(arguments, way, row), target)
    return [str(target)]


def read_plan(arguments, row):
    return Plan.read(round_folder(arguments.campaign, row["round"]) / "plan.json")


def compare(arguments, rows):
    """{"WAY, N labels": {column: figure}}, after each round with labels."""
    found, first = {}, start_files(read_plan(arguments, rows[0]))
    for way in arguments.ways:
        files = list(first)
        for row in rows[1:]:
            if row["labelled"]:
                files += new_files(arguments, way, row)
                folder = arguments.output / way.replace(" ", "-") / f"fit-{row['round']:02d}"
                name, figures = columns(way, files, first, fit(arguments, files, folder))
                print(name, figures, flush=True)
                found[name] = figures
    return found


def columns(way, files, first, groups):
    labels = sum(len(read_frames(file)) for file in files if file not in first)
    figures = {"labels": labels, "force_mae": groups["all"]["force_mae"]}
    figures |= {name: group["force_mae"] for name, group in groups.items() if name != "all"}
    figures["energy_mae"] = 1000 * groups["all"]["energy_mae"]
    return f"{way}, {labels} labels", figures


def units(rows):
    columns = {key: "eV/Angstrom" for row in rows.values() for key in row}
    return {**columns, "labels": "frames", "energy_mae": "meV/atom"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", type=Path, help="campaign.yaml, or its folder")
    parser.add_argument("--campaign", type=Path, help="folder of its results")
    parser.add_argument("--test", type=Path, nargs="*", default=[], help="test frames with labels")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="what is compared")
    parser.add_argument("--output", type=Path, required=True, help="folder of the work")
    results.add_option(parser)
    arguments = parser.parse_args()
    path = arguments.settings
    path = path / "campaign.yaml" if path.is_dir() else path
    arguments.settings = read_settings(path)
    arguments.campaign = output_folder(path, arguments.campaign)
    arguments.output = arguments.output.resolve()
    arguments.test = arguments.test or arguments.settings["test"]
    if not arguments.test:
        raise SystemExit(f"{path} has no test frames; give some with labels: --test FILE")
    found = compare(arguments, read_rows(arguments.campaign))
    results.write(arguments.json, units(found), found)


if __name__ == "__main__":
    main()
