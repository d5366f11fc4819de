# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands train, eval and select as functions; each runs the program `almlip`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase

from . import _core
from .arguments import count_of, flags_of, frames_or_paths, json_of, path_of
from .extxyz import Paths, read, write_listed
from .processes import environment_without_mpi

Frames = Paths | ase.Atoms | Iterable[ase.Atoms]
Potential = str | os.PathLike[str]


@dataclass
class Evaluation:
    """What a potential says about frames with references.

    errors  {"all": {...}, "<config_type>": {...}}, each with `force_mae`, `energy_rmse`, ... as
            `almlip eval --json` writes them
    frames  the frames with the predictions as results, arrays `sigma`, `ref_forces`, ... and, in
            `info`, `ref_energy` (eV) and `ref_stress` (eV/Angstrom^3, ASE's order), where labelled
    """

    errors: dict[str, dict[str, Any]]
    frames: list[ase.Atoms]


def train(
    frames: Frames,
    output: Potential,
    *,
    validation: Frames | None = None,
    settings: dict[str, Any] | None = None,
    ranks: int = 1,
    verbose: bool = True,
    **flags: Any,
) -> Path:
    """Fits a potential to frames and returns its path.

    validation  frames that are held out; a part of `frames` if there are none
    settings    as the JSON file of `almlip train`
    ranks       processes that share the work
    flags       further ones of `almlip train`: preset="fast", members=5, max_seconds=60, ...
    Raises almlip.Error.
    """
    path = path_of("output", output)
    ranks = count_of("ranks", ranks, 1)
    with _scratch_folder() as folder:
        arguments = ["train"]
        if settings is not None:
            arguments.append(os.path.join(folder, "settings.json"))
            Path(arguments[-1]).write_text(json_of("settings", settings))
        arguments += ["--train", *_files("frames", frames, folder), "--output", path]
        if validation is not None:
            arguments += ["--validation", *_files("validation", validation, folder)]
        _run([*arguments, *flags_of(flags, ("train", "help"))], verbose, ranks)
    return Path(path)


def eval(potential: Potential, frames: Frames, *, verbose: bool = False) -> Evaluation:
    """Compares a potential with the references of frames. Raises almlip.Error."""
    path = path_of("potential", potential)
    with _scratch_folder() as folder:
        errors, predicted = (
            os.path.join(folder, name) for name in ("errors.json", "predicted.extxyz")
        )
        files = _files("frames", frames, folder)
        _run(["eval", path, *files, "--json", errors, "--output", predicted], verbose)
        groups = json.loads(Path(errors).read_text())["groups"]
        return Evaluation(groups, _with_references(read(predicted), read(files)))


def _with_references(predicted: list[ase.Atoms], labelled: list[ase.Atoms]) -> list[ase.Atoms]:
    """Adds energy and stress of the labels: `read` takes one label of each kind, the prediction."""
    for atoms, reference in zip(predicted, labelled, strict=True):
        results = reference.calc.results if reference.calc else {}
        for name in {"energy", "stress"} & results.keys():
            atoms.info[f"ref_{name}"] = results[name]
    return predicted


def select(
    potential: Potential,
    candidates: Frames,
    count: int,
    *,
    strategy: str | None = None,
    known: Frames | None = None,
    reference: Frames | None = None,
    seed: int = 12345,
    verbose: bool = False,
    **flags: Any,
) -> list[ase.Atoms]:
    """The candidates that are most worth a label, with `max_sigma` and why in `info`.

    strategy  how they are chosen; the command's default if None
    known     frames that must not be chosen again, beside those the potential was trained on
    reference frames of the intended use, at which the error is to become small
    flags     further ones of `almlip select`: alpha=0.6, clusters=15, threshold="auto"
    Raises almlip.Error.
    """
    path = path_of("potential", potential)
    number = str(count_of("count", count, 1))
    flags |= {"strategy": strategy, "seed": count_of("seed", seed, 0)}
    with _scratch_folder() as folder:
        batch = os.path.join(folder, "batch.extxyz")
        arguments = ["select", path, *_files("candidates", candidates, folder)]
        arguments += ["--count", number, "--output", batch]
        for name, frames in (("known", known), ("reference", reference)):
            files = [] if frames is None else _files(name, frames, folder, least=0)
            arguments += [f"--{name}", *files] if files else []
        _run([*arguments, *flags_of(flags, ("output", "manifest", "help"))], verbose)
        chosen = read(batch) if os.path.getsize(batch) else []
    for atoms in chosen:
        atoms.info["selected_from"] = atoms.info["selected_from"].removeprefix(f"{folder}/")
    return chosen


@contextmanager
def _scratch_folder() -> Iterator[str]:
    """A folder that goes away; errors name the arguments that were written into it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield folder
        except _core.Error as error:
            text = re.sub(rf"{re.escape(folder)}/(\w+)\.\w+", r"\1", str(error))
            raise _core.Error(text) from error


def _files(name: str, frames: Frames, folder: str, least: int = 1) -> list[str]:
    """Paths of frames; those in memory are written into the folder first."""
    each = frames_or_paths(name, frames)
    if len(each) < least:
        raise _core.Error(f"there is no frame in {name}; give ase.Atoms or files")
    if not each or isinstance(each[0], str):
        return each
    path = os.path.join(folder, f"{name}.extxyz")
    try:
        write_listed(path, each)
    except _core.Error as error:
        raise _core.Error(f"{name}, {error}") from error
    return [path]


def _program(name: str) -> str:
    """A program of the environment of this Python, else the one on PATH. Raises almlip.Error."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise _core.Error(f'program "{name}" is neither in {beside.parent} nor on PATH')
    return found


def _run(arguments: list[str], verbose: bool, ranks: int = 1) -> None:
    """Runs almlip; what it prints appears line by line if verbose. Raises almlip.Error."""
    command = [_program("mpirun"), "-n", str(ranks)] if ranks > 1 else []
    command += [_program("almlip"), *arguments]
    reason = ""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment_without_mpi(),
    ) as process:
        for line in process.stdout or []:
            if verbose:
                print(line, end="", flush=True)
            if line.startswith("almlip: "):
                reason = line.removeprefix("almlip: ").strip()
    if process.returncode != 0:
        raise _core.Error(reason or f"almlip {arguments[0]} ended with {process.returncode}")
