# SPDX-License-Identifier: GPL-2.0-or-later
"""The report of a campaign: one HTML file."""

import json
import os
import platform
import time
from itertools import cycle
from math import erf, exp, pi, sqrt
from pathlib import Path

import numpy as np

from .. import __version__
from ..campaign.driver import final_name, read_rows
from ..campaign.fit import POTENTIAL, training
from ..campaign.judge import force_errors
from ..campaign.plan import Plan, round_folder
from ..campaign.stop import reason_to_stop
from ..frames import BadInput, read_frames
from .issues import find_issues
from .page import COLOURS, colour_of, figure, write_page
from .potential import findings
from .structure_map import collect, structure_map

MAX_POINTS = 5000  # of the parity plot
NUM_WORST = 12
STEPS = ("explore", "select", "label", "judge", "fit")


def write_campaign_report(settings, output, path=None):
    """Writes OUTPUT/report.html, or `path`; returns it. Raises BadInput before the first round is done."""
    rows = read_rows(output)
    if not rows:
        raise BadInput(f"{output}: no round is done yet, so that there is nothing to report")
    path = Path(path or output / "report.html")
    judged = [judgement(output, row) for row in rows]
    news = [new_labels(output, row) for row in rows]
    potential = round_folder(output, rows[-1]["round"]) / "fit" / POTENTIAL
    points = collect(output, rows, news)
    rejected = rejections(output, rows, judged)
    reason = reason_to_stop(settings, rows)
    write_page(
        path,
        "campaign.html",
        name=output.parent.name if output.name == "campaign" else output.name,
        state=f"Done: {reason}"
        if reason
        else f"{len(rows) - 1} rounds after round 0; not done yet",
        made=time.strftime("%Y-%m-%d %H:%M"),
        version=__version__,
        facts=facts(rows),
        issues=find_issues(settings, rows, judged),
        learning=[learning_by_labels(rows), learning_by_hours(rows)],
        round_columns=ROUND_COLUMNS,
        round_rows=[round_row(row) for row in rows],
        uncertainty=[reliability(rows, judged), calibration(news), sigma_by_round(rows)],
        parity=[parity(news), *parity_of_test(output, rows)],
        choice=[labels_by_scenario(rows), *rejections_by_reason(rows, rejected)],
        map=structure_map(potential, points, path.parent),
        worst=worst_frames(points, path.parent),
        rejected_columns=("round", "by", "reason", "how many"),
        rejected=rejected,
        checks=findings(potential, training_files(output, rows)),
        timing=[seconds_by_step(rows), hours_by_step(rows)],
        provenance=provenance(output, settings, rows),
        settings=json.dumps(settings, indent=1),
    )
    return path


def judgement(output, row):
    path = round_folder(output, row["round"]) / "judge" / "step.json"
    return json.loads(path.read_text())["result"]


def new_labels(output, row):
    """{"round", "file", "frames"} with predictions before the frames were learned."""
    folder = round_folder(output, row["round"]) / "judge"
    predicted = folder / "predicted.extxyz"
    frames = read_frames(predicted) if predicted.is_file() else []
    return {"round": row["round"], "file": folder / "labelled.extxyz", "frames": frames}


def facts(rows):
    last = rows[-1]
    new = [row["new_force_mae"] for row in rows if row["new_force_mae"] is not None]
    return [
        (last["training_frames"], "labelled frames"),
        (sum(row["labelled"] for row in rows[1:]), "of them by the campaign"),
        (last["force_mae"], f"eV/Å, force MAE on {last['measured_on']}"),
        (new[-1] if new else None, "eV/Å, force MAE on the last new labels"),
        (sum(sum(row["core_hours"].values()) for row in rows), "core hours"),
    ]


ROUND_COLUMNS = (
    "round",
    "labelled",
    "training",
    "fit",
    "force MAE, eV/\u2060Å",
    "on new labels, eV/\u2060Å",
    "energy MAE, meV/\u2060atom",
    "candidates",
    "largest sigma, eV/\u2060Å",
    "without label",
    "seconds",
)  # fmt: skip; U+2060: no line ends there


def round_row(row):
    energy = 1000 * row["energy_mae"]
    return [
        *(row[key] for key in ("round", "labelled", "training_frames", "fit", "force_mae")),
        *(row["new_force_mae"], energy, row["candidates"], row["max_sigma"], row["refused"]),
        row["seconds"],
    ]


def learning_by_labels(rows):
    found = figure("Force error against labels", "labelled frames", "MAE, eV/Å")
    add_errors(found, rows, [row["training_frames"] for row in rows])
    return found


def learning_by_hours(rows):
    hours = np.cumsum([sum(row["core_hours"].values()) for row in rows])
    found = figure("Force error against cost", "core hours", "MAE, eV/Å")
    add_errors(found, rows, hours.tolist())
    return found


def add_errors(found, rows, x):
    """Errors after each refit, and on new labels where these were not learned yet."""
    name = rows[-1]["measured_on"]
    found.add_scatter(x=x, y=[row["force_mae"] for row in rows], mode="lines+markers", name=name)
    new = [(x[i - 1], row["new_force_mae"]) for i, row in enumerate(rows) if row["new_force_mae"]]
    if new:
        found.add_scatter(
            x=[each[0] for each in new],
            y=[each[1] for each in new],
            mode="lines+markers",
            name="new labels, before they are learned",
        )
    found.update_yaxes(rangemode="tozero")


def ideal_share(scale):
    """Share of errors below scale * sigma, if their components are normal and sigma is their rms length."""
    return erf(scale * sqrt(1.5)) - sqrt(6 / pi) * scale * exp(-1.5 * scale**2)


def reliability(rows, judged):
    found = figure("Is sigma right?", "multiple of sigma", "share of atoms with a smaller error")
    scales = np.linspace(0.05, 3, 60)
    found.add_scatter(
        x=scales,
        y=[ideal_share(scale) for scale in scales],
        mode="lines",
        name="ideal",
        line={"dash": "dash", "color": "#888"},
    )
    for row, result in zip(rows, judged):
        calibration = result["calibration"]
        if calibration:
            found.add_scatter(
                x=calibration["scales"],
                y=calibration["within"],
                mode="lines+markers",
                line={"color": colour_of(row["round"])},
                name=f"round {row['round']}",
            )
    found.update_yaxes(range=[0, 1.02])
    return found


def sigma_by_round(rows):
    found = figure("Sigma met by the dynamics", "round", "largest sigma of a look, eV/Å")
    scenarios = sorted({run["scenario"] for row in rows for run in row["runs"].values()})
    for scenario in scenarios:
        points = [
            (row["round"], *run["sigma"])
            for row in rows
            for run in row["runs"].values()
            if run["scenario"] == scenario
        ]
        number, median, _, high = np.array(points).T
        found.add_scatter(
            x=number,
            y=median,
            mode="markers",
            name=f"{scenario}: median, up to 99 %",
            error_y={
                "type": "data",
                "symmetric": False,
                "array": high - median,
                "arrayminus": 0 * high,
            },
        )
    found.update_yaxes(type="log")
    return found


def labels_by_scenario(rows):
    found = figure("Labels of each round", "round", "structures", barmode="stack")
    for scenario in sorted({name for row in rows for name in row["scenarios"]}):
        counts = [row["scenarios"].get(scenario, 0) for row in rows]
        found.add_bar(x=[row["round"] for row in rows], y=counts, name=scenario)
    return found


def calibration(news, num_bins=5):
    """Root mean square of the force error on new labels in bins of sigma with equally many atoms."""
    found = figure("Calibration", "rms of sigma, eV/Å", "rms of the force error, eV/Å")
    ends = []
    for each in news:
        if not each["frames"]:
            continue
        errors, sigmas = force_errors(each["frames"])
        bins = np.array_split(np.argsort(sigmas), min(num_bins, len(sigmas)))
        x, y = (
            [float(np.sqrt((values[part] ** 2).mean())) for part in bins]
            for values in (sigmas, errors)
        )
        ends += [*x, *y]
        line = {"color": colour_of(each["round"])}
        found.add_scatter(x=x, y=y, mode="lines+markers", line=line, name=f"round {each['round']}")
    if ends:
        add_diagonal(found, max(min(ends), 1e-6), max(ends))
    found.update_xaxes(type="log")
    found.update_yaxes(type="log")
    return found


def add_diagonal(found, low, high):
    line = {"dash": "dash", "color": "#888", "width": 1.5}
    ends = [low, high]
    found.add_scatter(x=ends, y=ends, mode="lines", name="ideal", line=line, hoverinfo="skip")


def parity(news):
    found = figure("New labels before they are learned", "reference force, eV/Å", "predicted, eV/Å")
    learned = [each for each in news if each["frames"]]
    colours = [colour_of(each["round"]) for each in learned]
    add_forces(found, {f"round {each['round']}": each["frames"] for each in learned}, colours)
    return found


def add_forces(found, frames_by_name, colours=COLOURS):
    """Force components against their prediction, a random part of them, and the diagonal."""
    rng = np.random.default_rng(1)
    total = sum(3 * len(atoms) for frames in frames_by_name.values() for atoms in frames)
    ends = []
    for (name, frames), colour in zip(frames_by_name.items(), cycle(colours)):
        reference = np.concatenate([atoms.arrays["ref_forces"].ravel() for atoms in frames])
        predicted = np.concatenate([atoms.get_forces().ravel() for atoms in frames])
        kept = rng.random(len(reference)) < MAX_POINTS / total
        ends += [reference.min(), reference.max()]
        found.add_scattergl(
            x=reference[kept],
            y=predicted[kept],
            mode="markers",
            marker={"size": 3, "opacity": 0.6, "color": colour},
            name=name,
        )
    if ends:
        add_diagonal(found, min(ends), max(ends))


def parity_of_test(output, rows):
    """The same for the last potential on the test frames, by config_type; nothing without any."""
    path = round_folder(output, rows[-1]["round"]) / "fit" / "predicted.extxyz"
    frames = read_frames(path) if path.is_file() else []
    by_kind = {}
    for atoms in frames:
        by_kind.setdefault(atoms.info.get("config_type", "frames"), []).append(atoms)
    if not by_kind:
        return []
    found = figure("Test frames, last potential", "reference force, eV/Å", "predicted, eV/Å")
    add_forces(found, by_kind)
    return [found]


def rejections(output, rows, judged):
    """Rows (round, by whom, reason, how many) of what became no label, and why."""
    found = []
    for row, result in zip(rows, judged):
        spared = sum(run["rejected"] for run in row["runs"].values())
        counts = {("run", "flagged, but no candidate: known, or soon after one"): spared}
        chosen = Plan.read(round_folder(output, row["round"]) / "plan.json").result("select")
        refused = chosen["result"].get("refused", {})
        counts |= {("choice", reason): count for reason, count in refused.items()}
        failed = [each for each in result["structures"] if each["verdict"] != "ok"]
        for each in failed:
            key = (f"labeller: {each['verdict']}", each["reason"])
            counts[key] = counts.get(key, 0) + 1
        found += [[row["round"], *key, count] for key, count in counts.items() if count]
    return found


def rejections_by_reason(rows, rejected):
    """Bars per round of what the choice and the labeller refused; nothing if they refused nothing."""
    counts = {}
    for number, who, reason, count in rejected:
        if who != "run":
            kind = counts.setdefault(reason if who == "choice" else who, {})
            kind[number] = kind.get(number, 0) + count
    if not counts:
        return []
    found = figure("Rejections by reason", "round", "structures", barmode="stack")
    for kind, by_round in counts.items():
        found.add_bar(x=list(by_round), y=list(by_round.values()), name=kind)
    return [found]


def training_files(output, rows):
    """Files of all labelled frames."""
    last = Plan.read(round_folder(output, rows[-1]["round"]) / "plan.json")
    return training(last)


def worst_frames(points, folder):
    """The new labels with the largest force errors, with a link to their file."""
    known = [(number, point) for number, point in enumerate(points) if point.error is not None]
    return [
        {
            "number": number,
            "round": point.kind,
            "index": point.index,
            "scenario": point.scenario,
            "formula": point.atoms.get_chemical_formula(),
            "error": point.error,
            "sigma": point.sigma,
            "file": os.path.relpath(point.file, folder),
        }
        for number, point in sorted(known, key=lambda each: -each[1].error)[:NUM_WORST]
    ]


def seconds_by_step(rows):
    found = figure("Wall time of each round", "round", "minutes", barmode="stack")
    numbers = [row["round"] for row in rows]
    for step in STEPS:  # those of a kind run at the same time
        longest = [
            max(
                (s for name, s in row["step_seconds"].items() if name.split(".")[0] == step),
                default=0,
            )
            for row in rows
        ]
        found.add_bar(x=numbers, y=np.array(longest) / 60, name=step)
    return found


def hours_by_step(rows):
    found = figure("Core hours of each round", "round", "core hours", barmode="stack")
    for step in STEPS:
        hours = [row["core_hours"].get(step, 0) for row in rows]
        found.add_bar(x=[row["round"] for row in rows], y=hours, name=step)
    return found


def provenance(output, settings, rows):
    last = round_folder(output, rows[-1]["round"]) / "fit" / "step.json"
    fit = json.loads(last.read_text())
    return [
        ["folder", str(output)],
        ["elements", " ".join(settings["elements"])],
        ["potential", f"{final_name(settings)}, hash {fit['result']['hash']}"],
        [
            "fitted on",
            f"{fit['host']}, {time.strftime('%Y-%m-%d %H:%M', time.localtime(fit['started']))}",
        ],
        ["almlip, Python", f"{__version__}, {platform.python_version()}"],
        ["seed", settings["seed"]],
    ]
