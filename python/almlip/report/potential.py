# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip report`: how good a potential is on frames with labels, as one HTML file."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .. import __version__
from ..commands import _program
from ..frames import BadInput, read_frames, try_to_write
from ..processes import environment_without_mpi, file_hash
from .page import write_page
from .potential_data import Comparison
from .potential_figures import calibration, errors_by_kind, parity, reliability, sigma_and_error
from .potential_issues import check_frames, find_issues

NUM_WORST = 15
COLUMNS = (
    ("config_type", lambda name, group: name),
    ("frames", lambda name, group: group["frames"]),
    ("atoms", lambda name, group: group["atoms"]),
    ("energy MAE, meV/atom", lambda name, group: scaled(group["energy_mae"], 1e3)),
    ("force MAE, meV/Å", lambda name, group: scaled(group["force_mae"], 1e3)),
    ("force RMSE, meV/Å", lambda name, group: scaled(group["force_rmse"], 1e3)),
    ("stress MAE, GPa", lambda name, group: group["stress_mae"]),
    ("rank correlation", lambda name, group: group["spearman"]),
    ("within 90 % bound", lambda name, group: group["coverage90"]),
)


def write_report(potential, files, path):
    """Writes the page. Raises BadInput."""
    try_to_write(path, [potential, *files])
    with tempfile.TemporaryDirectory() as folder:
        errors, predicted = Path(folder, "errors.json"), Path(folder, "predicted.extxyz")
        run("eval", potential, *files, "--json", errors, "--output", predicted)
        groups = json.loads(errors.read_text())["groups"]
        frames = read_frames(predicted)
    info = json.loads(run("info", potential, "--json"))
    comparison = Comparison(frames, info)
    if not comparison.has_labels():
        raise BadInput(f"{', '.join(map(str, files))}: not one frame has energy or forces")
    groups = {name: groups[name] for name in sorted(groups, key=lambda name: (name == "all", name))}
    write_page(
        path,
        "potential.html",
        name=Path(potential).name,
        made=time.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
        facts=facts(groups["all"]),
        issues=find_issues(comparison, groups, info),
        columns=[name for name, _ in COLUMNS],
        rows=[[value(name, group) for _, value in COLUMNS] for name, group in groups.items()],
        parity=parity(comparison),
        uncertainty=[
            *sigma_and_error(comparison),
            reliability(comparison),
            calibration(comparison),
        ],
        kinds=errors_by_kind(groups),
        worst=worst_frames(comparison, files),
        checks=check_frames(comparison, info),
        findings=findings(potential, files),
        provenance=provenance(potential, files, info),
        settings=json.dumps(info["provenance"].get("settings", {}), indent=1),
    )


def run(*arguments):
    """What almlip prints. Raises BadInput with the reason that it gives."""
    done = subprocess.run(
        [_program("almlip"), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment_without_mpi(),
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"almlip {arguments[0]} failed"]
        raise BadInput(lines[-1].removeprefix("almlip: "))
    return done.stdout


def findings(potential, files):
    """What `almlip check` says about the labels, or why it cannot."""
    try:
        return run("check", *files, "--potential", potential)
    except BadInput as error:  # frames without energies can be compared, but not checked
        return str(error)


def scaled(value, factor):
    return None if value is None else value * factor


def facts(group):
    return [
        (scaled(group["force_mae"], 1e3), "force MAE, meV/Å"),
        (scaled(group["energy_mae"], 1e3), "energy MAE, meV/atom"),
        (group["stress_mae"], "stress MAE, GPa"),
        (scaled(group["coverage90"], 1e2), "% of atoms within the 90 % bound"),
        (group["spearman"], "rank correlation of sigma and error"),
        (group["frames"], "frames"),
    ]


def worst_frames(comparison, files):
    """Rows of the frames with the largest force errors: where they are and what is wrong there."""
    places = frame_places(files, comparison)
    rows = []
    for n in comparison.worst(NUM_WORST):
        file, index = places[n]
        atom, error = comparison.worst_atom(n)
        sigma = comparison.sigma[n]
        rows.append(
            [
                Path(file).name,
                index,
                comparison.kinds[n],
                comparison.formula(n),
                atom,
                error,
                None if sigma is None else float(sigma[atom]),
                scaled(comparison.energy_error(n), 1e3),
            ]
        )
    return rows


def frame_places(files, comparison):
    """(file, index in it) of each frame."""
    if len(files) == 1:
        return [(files[0], n) for n in range(len(comparison.kinds))]
    return [(file, n) for file in files for n in range(len(read_frames(file)))]


def provenance(potential, files, info):
    made = info["provenance"]
    rows = [
        ["potential", str(potential)],
        ["hash of the potential", info["hash"]],
        ["fitted by", made["program"]],
        ["hash of the training data", made["training_data_hash"]],
        ["frames learned, held out", f"{made['training_frames']}, {made['held_out_frames']}"],
        ["force MAE on its held-out frames, eV/Å", held_out(made)],
        ["elements", " ".join(info["elements"])],
        ["cutoff, Å", info["cutoff"]],
        ["members", info["network"]["num_members"]],
    ]
    return rows + [[f"SHA-256 of {file}", file_hash(file)] for file in files]


def held_out(made):
    """Force error that the fit itself has found on frames that it did not learn, or None."""
    return made.get("errors", {}).get("held_out", {}).get("all", {}).get("force_mae")


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="almlip report",
        description="How good a potential is on frames with labels, as one HTML file.",
    )
    parser.add_argument("potential", help="file that almlip train wrote")
    parser.add_argument("frames", nargs="+", help="extended XYZ with labels, plain or gzip")
    parser.add_argument("-o", "--output", default="report.html", help="[report.html]")
    return parser.parse_args(argv)


def main(argv=None):
    arguments = parse_arguments(argv)
    try:
        write_report(arguments.potential, arguments.frames, arguments.output)
    except (BadInput, OSError) as error:
        print(f"almlip: {error}", file=sys.stderr)
        return 1
    print(f"wrote {arguments.output}")
    return 0
