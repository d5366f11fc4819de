# SPDX-License-Identifier: GPL-2.0-or-later
"""The report of a campaign: one HTML file."""

import json
import os
import platform
import time
from math import erf, exp, pi, sqrt
from pathlib import Path

import numpy as np

from .. import __version__
from ..campaign.driver import final_name, read_rows
from ..campaign.judge import force_errors
from ..campaign.plan import round_folder
from ..campaign.stop import reason_to_stop
from ..frames import BadInput, read_frames
from .issues import find_issues
from .page import figure, write_page

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
        uncertainty=[reliability(rows, judged), sigma_by_round(rows)],
        choice=[labels_by_scenario(rows), parity(news)],
        worst=worst_frames(news, path.parent),
        refused=[
            [row["round"], verdict, count]
            for row in rows
            for verdict, count in row["verdicts"].items()
            if verdict != "ok"
        ],
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
    "round", "labelled", "training", "fit", "force MAE, eV/Å", "on new labels, eV/Å",
    "energy MAE, meV/atom", "candidates", "largest sigma, eV/Å", "without label", "seconds",
)  # fmt: skip


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


def parity(news):
    """Force components of new labels against their prediction, a random part of them."""
    found = figure("New labels before they are learned", "reference force, eV/Å", "predicted, eV/Å")
    rng = np.random.default_rng(1)
    total = sum(3 * len(atoms) for each in news for atoms in each["frames"])
    for each in news:
        if not each["frames"]:
            continue
        reference = np.concatenate([a.arrays["ref_forces"].ravel() for a in each["frames"]])
        predicted = np.concatenate([a.get_forces().ravel() for a in each["frames"]])
        kept = rng.random(len(reference)) < MAX_POINTS / total
        found.add_scattergl(
            x=reference[kept],
            y=predicted[kept],
            mode="markers",
            marker={"size": 3, "opacity": 0.6},
            name=f"round {each['round']}",
        )
    return found


def worst_frames(news, folder):
    """The new labels with the largest force errors, with a link to their file."""
    found = []
    for each in news:
        for index, atoms in enumerate(each["frames"]):
            errors, sigmas = force_errors([atoms])
            found.append(
                {
                    "round": each["round"],
                    "index": index,
                    "scenario": atoms.info.get("config_type", ""),
                    "formula": atoms.get_chemical_formula(),
                    "error": float(errors.max()),
                    "sigma": float(sigmas.max()),
                    "file": os.path.relpath(each["file"], folder),
                }
            )
    return sorted(found, key=lambda frame: -frame["error"])[:NUM_WORST]


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
