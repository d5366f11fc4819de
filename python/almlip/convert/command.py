# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip convert FILES... -o FRAMES.extxyz`."""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

from .. import _core
from ..frames import BadInput, format_frame, try_to_write, write_atomically
from .formats import FORMATS, find, read, recognise
from .reading import EITHER, FREE, UNTOLD

DESCRIPTION = """Makes frames for `almlip train` of OUTCAR, vasprun.xml, outputs of pw.x and CP2K,
ASE trajectories and databases, DeePMD systems, MLIP configurations, FitSNAP files, and extended XYZ
(also NEP's). Files may be compressed; folders are searched. The energy is the one that the forces
belong to. Steps that are not converged are left out and counted."""


def main(arguments):
    """Returns the exit status."""
    options = _parse(arguments)
    try:
        _convert(options)
    except (BadInput, _core.Error, OSError) as error:
        print(f"almlip: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="almlip convert", description=DESCRIPTION)
    parser.add_argument("files", nargs="+", metavar="FILES", help="files or folders")
    parser.add_argument("-o", "--output", required=True, metavar="FRAMES.extxyz")
    parser.add_argument(
        "--format", choices=FORMATS, help="format of all files, if their content does not tell it"
    )
    parser.add_argument(
        "--elements", nargs="+", metavar="SYMBOL", help="in the order of types that are numbers"
    )
    parser.add_argument(
        "--config-type", metavar="NAME", help="kind of all frames, for error tables"
    )
    parser.add_argument(
        "--config-type-from-folder", action="store_true", help="kind is the name of the folder"
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th frame")
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="go on without files that cannot be read"
    )
    parser.add_argument(
        "--mix-energies",
        action="store_true",
        help="take free energies and energies of files that do not tell their kind into one set",
    )
    for name in ("energy", "forces", "stress"):
        parser.add_argument(
            f"--{name}-key", nargs="+", default=[], metavar="KEY", help="of extended XYZ, in order"
        )
    options = parser.parse_args(arguments)
    if options.every < 1:
        parser.error(f"argument --every: is {options.every}, but it must be at least 1")
    options.keys = {f"{name}_keys": getattr(options, f"{name}_key")
                    for name in ("energy", "forces", "stress")}  # fmt: skip
    return options


def _convert(options):
    try_to_write(options.output)
    paths = _files(options.files, options.output)
    total, texts, frames, unreadable = _Total(), [], [], []
    for path in paths:
        try:
            kind = options.format or recognise(path)
            reading = read(path, kind, options)
        except (BadInput, _core.Error) as error:
            if not options.skip_unreadable:
                raise BadInput(f"{error}; --skip-unreadable goes on without it") from error
            unreadable.append(str(error))
            continue
        kept = reading.frames[:: options.every]
        reading.left_out[f"between every {options.every}th"] += len(reading.frames) - len(kept)
        for atoms in kept:
            _name(atoms, path, options)
            texts.append(format_frame(atoms))
        frames += kept
        total.add(path, reading, reading.kinds[:: options.every])
        print(_line(path, kind, len(kept), reading), file=sys.stderr)
    for text in unreadable:
        print(f"not read: {text}", file=sys.stderr)
    if not frames:
        raise BadInput(
            f"no frame with an energy is left of {len(paths)} files; "
            f"{options.output} is not written"
        )
    if total.is_mixed() and not options.mix_energies:
        raise BadInput(f"{total.mixture()}; {options.output} is not written")
    write_atomically(options.output, "".join(texts))
    if not any("forces" in atoms.calc.results for atoms in frames):
        total.notes[_no_forces(frames)] += len(frames)
    for line in total.lines():
        print(line, file=sys.stderr)
    print(_summary(options.output, frames))


class _Total:
    """What all files together should tell."""

    def __init__(self):
        self.dropped, self.notes, self.zero_smearing = Counter(), Counter(), 0.0
        self.files = {FREE: Counter(), EITHER: Counter(), UNTOLD: Counter()}  # frames of each

    def add(self, path, reading, kinds):
        for kind in kinds:
            self.files[kind][path] += 1
        self.dropped += reading.dropped
        self.notes += reading.notes
        self.zero_smearing = max(self.zero_smearing, reading.zero_smearing)

    def is_mixed(self):
        """Whether energies that may differ come together, which `almlip train` refuses of keys."""
        return bool(self.files[FREE] and self.files[UNTOLD])

    def mixture(self):
        free, untold = (_frames_of(self.files[kind]) for kind in (FREE, UNTOLD))
        off = f" (up to {1000 * self.zero_smearing:.2f} meV/atom from that without smearing)"
        return (
            f"the energies may be of two kinds: {free} have the free energy"
            f"{off if self.zero_smearing else ''}, but {untold} do not tell theirs. Convert the "
            "outputs that the latter were made of; or, if theirs are the energies that the forces "
            "belong to, say so with --mix-energies"
        )

    def lines(self):
        if self.zero_smearing > 1e-6:
            yield (
                "energy: the free energy, to which the forces belong; extrapolated to zero "
                f"smearing it differs by up to {1000 * self.zero_smearing:.2f} meV/atom"
            )
        for text, count in self.notes.items():
            yield f"note: {text} ({count})"
        if self.dropped:
            names = (f"{name} ({count} frames)" for name, count in self.dropped.items())
            yield f"dropped: {', '.join(names)}"


def _frames_of(counts):
    """ "12 frames of a.db and 3 other files" """
    first, *others = counts
    more = f" and {len(others)} other file{'' if len(others) == 1 else 's'}" if others else ""
    return f"{counts.total()} frames of {first}{more}"


def _files(names, output):
    """The files to read, without the output of a run before; folders are searched."""
    paths = []
    for name in map(Path, names):
        if name.resolve() == Path(output).resolve():
            raise BadInput(f"{name} is to be read, so that it cannot be --output; name another")
        if not name.is_dir():
            paths.append(name)
            continue
        found = find(name)
        if not found:
            raise BadInput(f"{name}: holds no file of a format that is read")
        paths += [path for path in found if path.resolve() != Path(output).resolve()]
    return list(dict.fromkeys(paths))


def _name(atoms, path, options):
    """Where the frame is from; what a set itself says about it goes before."""
    atoms.info["source_file"] = os.fspath(path)
    if options.config_type:
        atoms.info["config_type"] = options.config_type
    elif options.config_type_from_folder:
        atoms.info["config_type"] = path.absolute().parent.name


def _line(path, kind, count, reading):
    text = f"{path} ({kind}): {count} frame{'' if count == 1 else 's'}"
    reasons = [f"{number} {reason}" for reason, number in reading.left_out.items() if number]
    return text + (f"; left out: {', '.join(reasons)}" if reasons else "")


def _no_forces(frames):
    columns = sorted({name for atoms in frames for name in atoms.arrays} - {"numbers", "positions"})
    text = "no frame has forces, but `almlip train` needs them in 4 frames at least"
    if columns:
        text += f"; other columns are {', '.join(columns)}: name the forces with --forces-key"
    return text


def _summary(output, frames):
    kinds = Counter(atoms.get_chemical_formula(empirical=True) for atoms in frames)
    named = ", ".join(f"{formula} {count}" for formula, count in kinds.most_common(8))
    if len(kinds) > 8:
        named += f", {len(kinds) - 8} more"
    forces, stress = (
        sum(key in atoms.calc.results for atoms in frames) for key in ("forces", "stress")
    )
    return (
        f"wrote {output}: {len(frames)} frames ({named}), {forces} with forces, "
        f"{stress} with stress"
    )
