# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of molecular dynamics with the current potential, which leaves candidates in spools."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from ase.io.lammpsdata import write_lammps_data

from ..frames import BadInput, read_frames
from .programs import Killed, StepFailed, find_lammps, launched, run_program
from .steps import hash_of

TRACE = "trace.txt"
END = "end.data"
SCREEN = "screen.txt"
LOG = "log.lammps"
LEFT = (TRACE, END, SCREEN, LOG)  # what a run leaves; of an earlier one it would deceive
BUILDS_ITSELF = "none"


def inputs(plan, name):
    run = plan.runs[name]
    structure = run["structure"]
    files = [*sources(run).values(), plan.potential]
    return {
        "run": {**run, "structure": structure and {**structure, "file": None}, "files": None},
        "files": hash_of(*files, *([structure["file"]] if structure else [])),
        "program": plan.settings["explore"]["program"],
    }


def work(plan, folder, name):
    """Runs LAMMPS in `folder`. Raises StepFailed if it did not get to look at anything, or was killed."""
    run, resources = plan.runs[name], plan.resources("explore")
    for target, source in sources(run).items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / target)
    start, boundary = BUILDS_ITSELF, "p p p"
    if run["structure"]:
        start, boundary = "start.data", write_start(run["structure"], plan, folder / "start.data")
    values = {
        **run["variables"],
        "potential": plan.potential,
        "start": start,
        "boundary": boundary,
        "seed": run["seed"],
        "trace": TRACE,
        "elements": " ".join(plan.settings["elements"]),
        "round": plan.number,
    }
    flags = [part for key, value in values.items() for part in ("-var", key, value)]
    program = find_lammps(plan.settings["explore"]["program"])
    command = [program, "-in", Path(run["input"]).name, "-log", LOG]
    failure, told = "", False
    try:
        told = run_program(
            launched(resources, [*command, *flags]), folder, SCREEN, resources["threads"]
        )
    except Killed:
        raise
    except StepFailed as error:
        failure = str(error)
    found = summarise(folder, run["input"], failure)
    return {
        **found,
        "out_of_time": told,
        "scenario": run["scenario"],
        "goes_on_from": next_start(found, run["structure"], plan.step_folder(f"explore.{name}")),
    }


def sources(run):
    """{name in the folder of the run: file}: the input, what it mentions beside it, further files."""
    files = {Path(path).name: path for path in run["files"]}
    folder, todo = Path(run["input"]).parent, [Path(run["input"]).name]
    while todo:
        name = todo.pop()
        path = folder / name
        if files.get(name) == str(path):
            continue
        files[name] = str(path)
        todo += mentioned(path, folder, run["variables"])
    return files


def mentioned(script, folder, variables):
    """Names of files in or below a folder that are words of a script, or values of its variables."""
    text = re.sub(r"#.*", "", script.read_text(errors="replace"))
    words = {*re.findall(r"[^\s\"']+", text), *(str(value) for value in variables.values())}
    beside = {entry.name for entry in os.scandir(folder) if entry.is_file()} - set(LEFT)
    below = {word for word in words if "/" in word and is_below(word) and (folder / word).is_file()}
    found = sorted(words & beside | below)  # in one order, as the hash of all depends on it
    return [name for name in found if (folder / name).stat().st_size < 1 << 24]


def is_below(name):
    return not name.startswith("/") and ".." not in name.split("/") and len(name) < 200


def write_start(structure, plan, target):
    """Writes a LAMMPS data file; returns the boundary. Raises StepFailed."""
    if structure["index"] is None:
        shutil.copyfile(structure["file"], target)
        return "p p p"
    atoms = read_frames(structure["file"])[structure["index"]]
    elements = plan.settings["elements"]
    unknown = sorted(set(atoms.symbols) - set(elements))
    if unknown or atoms.cell.rank < 3:
        what = (
            f"has {', '.join(unknown)}, which is none of {elements}" if unknown else "has no cell"
        )
        raise StepFailed(f"{structure['file']}: frame {structure['index']} {what}")
    plain = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    write_lammps_data(target, plain, specorder=elements, units="metal", atom_style="atomic")
    masses = "".join(
        f"{number} {atomic_masses[atomic_numbers[symbol]]:.6g}\n"
        for number, symbol in enumerate(elements, start=1)
    )
    text = target.read_text()
    if "Masses" not in text:
        target.write_text(text.replace("\nAtoms", f"\nMasses\n\n{masses}\nAtoms", 1))
    return " ".join("p" if periodic else "f" for periodic in atoms.pbc)


def summarise(folder, script, failure):
    """What a run left; JSON data. Raises StepFailed if it left not what it must.

    failure   the reason if LAMMPS failed, else ""
    """
    trace = read_trace(folder / TRACE, script, failure)
    spools = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.spool"))
    if not spools and trace["candidates"][-1] > 0:
        raise StepFailed(f"{script}: the run left no spool; do not turn it off in fix al_query")
    if not failure and not (folder / END).is_file():
        raise StepFailed(f"{script}: the run left no {END}; end it with: write_data {END} nocoeff")
    sigma, untrusted = trace["max_sigma"], trace["untrusted"]
    return {
        "failure": failure,
        "spools": spools,
        "looks": len(sigma),
        "steps": int(trace["step"][-1]),
        "max_sigma": float(sigma.max()),
        "sigma": [float(np.quantile(sigma, q)) for q in (0.5, 0.9, 0.99)],
        "candidates": int(trace["candidates"][-1]),
        "above_hi": bool(len(untrusted) > 1 and untrusted[-1] > untrusted[-2]),
        "nothing_trusted": bool(untrusted[0] > 0),
        "rejected": int(trace["flagged"][-1] - trace["candidates"][-1]),
    }


def read_trace(path, script, failure):
    """Columns of the trace of fix al_query, {name: array}. Raises StepFailed."""
    if not path.is_file():
        advice = f"the run left no {TRACE}; give fix al_query the keyword: trace ${{trace}}"
        raise StepFailed(failure or f"{script}: {advice}")
    header, *lines = path.read_text().splitlines() or [""]
    names = [re.sub(r"\(.*\)", "", name) for name in header.lstrip("# ").split()]
    rows = [line.split() for line in lines]
    rows = [row for row in rows if len(row) == len(names)]
    needed = {"step", "max_sigma", "flagged", "untrusted", "candidates"}
    if not needed <= set(names):
        raise StepFailed(f"{script}: {TRACE} is not that of fix al_query (columns {names})")
    if not rows:
        raise StepFailed(failure or f"{script}: fix al_query did not look at anything")
    return dict(zip(names, np.array(rows, dtype=float).T))


def next_start(found, structure, folder):
    """Where the next round goes on: the end of this run, where it began, or None for afresh."""
    if found["nothing_trusted"]:
        return None
    if found["failure"] or found["above_hi"]:
        return structure
    return {"file": str(folder / END), "index": None}


def check_structures(settings):
    """Raises BadInput if structures of scenarios cannot be used, before any work."""
    for name, scenario in settings["explore"]["scenarios"].items():
        for file in scenario["structures"]:
            if not file.endswith((".extxyz", ".xyz", ".gz")):
                continue
            for number, atoms in enumerate(read_frames(file)):
                unknown = sorted(set(atoms.symbols) - set(settings["elements"]))
                if unknown:
                    raise BadInput(
                        f"{file}: frame {number} has {unknown[0]}, but the elements are "
                        f"{', '.join(settings['elements'])}"
                    )
                if atoms.cell.rank < 3:
                    raise BadInput(
                        f"{file}: frame {number} has no cell, which scenario {name} needs"
                    )
