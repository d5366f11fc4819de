# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands train, eval and select as functions; each runs the program `almlip`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase

from . import _core
from .extxyz import Paths, read, write
from .processes import environment_without_mpi

Frames = Paths | ase.Atoms | Sequence[ase.Atoms]
Potential = str | os.PathLike[str]


@dataclass
class Evaluation:
    """What a potential says about frames with references.

    errors  {"all": {...}, "<config_type>": {...}}, each with `force_mae`, `energy_rmse`, ... as
            `almlip eval --json` writes them
    frames  the frames with the predictions as results, arrays `sigma`, `ref_forces`, ...
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
    with tempfile.TemporaryDirectory() as folder:
        arguments: list[Any] = ["train"]
        if settings is not None:
            path = Path(folder, "settings.json")
            path.write_text(json.dumps(settings))
            arguments += [path]
        arguments += ["--train", *_files(frames, folder, "train"), "--output", output]
        if validation is not None:
            arguments += ["--validation", *_files(validation, folder, "validation")]
        _run([*arguments, *_flags(flags)], verbose, ranks)
    return Path(output)


def eval(potential: Potential, frames: Frames, *, verbose: bool = False) -> Evaluation:
    """Compares a potential with the references of frames. Raises almlip.Error."""
    with tempfile.TemporaryDirectory() as folder:
        errors, predicted = Path(folder, "errors.json"), Path(folder, "predicted.extxyz")
        files = _files(frames, folder, "frames")
        _run(["eval", potential, *files, "--json", errors, "--output", predicted], verbose)
        return Evaluation(json.loads(errors.read_text())["groups"], read(predicted))


def select(
    potential: Potential,
    candidates: Frames,
    count: int,
    *,
    strategy: str | None = None,
    known: Frames | None = None,
    seed: int = 12345,
    verbose: bool = False,
    **flags: Any,
) -> list[ase.Atoms]:
    """The candidates that are most worth a label, with `max_sigma` and why in `info`.

    strategy  how they are chosen; the command's default if None
    known     frames that must not be chosen again, beside those the potential was trained on
    flags     further ones of `almlip select`: alpha=0.6, clusters=15, reference="use.extxyz"
    Raises almlip.Error.
    """
    with tempfile.TemporaryDirectory() as folder:
        batch = Path(folder, "batch.extxyz")
        arguments = ["select", potential, *_files(candidates, folder, "candidates")]
        arguments += ["--count", count, "--seed", seed, "--output", batch]
        if strategy is not None:
            arguments += ["--strategy", strategy]
        if known is not None:
            arguments += ["--known", *_files(known, folder, "known")]
        _run([*arguments, *_flags(flags)], verbose)
        chosen = read(batch)
    for atoms in chosen:
        atoms.info["selected_from"] = atoms.info["selected_from"].removeprefix(f"{folder}/")
    return chosen


def _files(frames: Frames, folder: str, name: str) -> list[str]:
    """Paths of frames; those in memory are written into the folder first."""
    if isinstance(frames, (str, os.PathLike)):
        return [os.fspath(frames)]
    if isinstance(frames, ase.Atoms):
        frames = [frames]
    if all(isinstance(each, ase.Atoms) for each in frames):
        path = os.path.join(folder, f"{name}.extxyz")
        write(path, frames)
        return [path]
    return [os.fspath(path) for path in frames]


def _flags(flags: dict[str, Any]) -> list[Any]:
    """["--max-seconds", 60] from max_seconds=60; True stands for a flag without a value."""
    arguments: list[Any] = []
    for name, value in flags.items():
        if value is None or value is False:
            continue
        arguments.append("--" + name.replace("_", "-"))
        if isinstance(value, (list, tuple)):
            arguments += value
        elif value is not True:
            arguments.append(value)
    return arguments


def _program(name: str) -> str:
    """A program of the environment of this Python, else the one on PATH. Raises almlip.Error."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise _core.Error(f'program "{name}" is neither in {beside.parent} nor on PATH')
    return found


def _run(arguments: list[Any], verbose: bool, ranks: int = 1) -> None:
    """Runs almlip; what it prints appears line by line if verbose. Raises almlip.Error."""
    command = [_program("mpirun"), "-n", str(ranks)] if ranks > 1 else []
    command += [_program("almlip"), *map(str, arguments)]
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
