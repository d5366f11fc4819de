# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands out in a campaign, and what to do about it."""

from collections import Counter


def find_issues(settings, rows, judged):
    """(what, what to do) of each issue.

    rows    the finished rounds, as in summary.json
    judged  the results of their step judge
    """
    checks = (runs_that_trust_nothing, runs_that_break_off, refused_structures, surprises)
    found = [issue for check in checks for issue in check(settings, rows, judged)]
    return found + [
        issue
        for check in (wrong_sigma, no_progress, no_test_frames)
        for issue in check(settings, rows, judged)
    ]


def runs_of(rows, test):
    """How often a test holds for the runs of each scenario: {scenario: (count, of)}."""
    total, hits = Counter(), Counter()
    for row in rows:
        for run in row["runs"].values():
            total[run["scenario"]] += 1
            hits[run["scenario"]] += bool(test(run))
    return {name: (hits[name], total[name]) for name in total}


def runs_that_trust_nothing(settings, rows, judged):
    for name, (count, total) in runs_of(rows, lambda run: run["nothing_trusted"]).items():
        if count > 1 and 2 * count >= total:
            yield (
                f"{count} of {total} runs of {name} were not trusted from their first step on",
                "Add structures like it to start.structures, or begin it at a lower temperature.",
            )


def runs_that_break_off(settings, rows, judged):
    for name, (count, total) in runs_of(rows, lambda run: run["failure"]).items():
        if count > 1 and 2 * count >= total:
            failure = [
                run["failure"]
                for row in rows
                for run in row["runs"].values()
                if run["failure"] and run["scenario"] == name
            ][-1]
            yield (
                f"{count} of {total} runs of {name} broke off: {failure}",
                "Use `action soft` in fix al_query, a smaller timestep or a lower temperature.",
            )


def refused_structures(settings, rows, judged):
    refused = sum(row["refused"] for row in rows)
    asked = refused + sum(row["labelled"] for row in rows[1:])
    if refused < max(2, 0.1 * asked):
        return
    reasons = Counter(
        each["reason"]
        for result in judged
        for each in result["structures"]
        if each["verdict"] != "ok"
    )
    yield (
        f"{refused} of {asked} structures have no label; most often: {reasons.most_common(1)[0][0]}",
        "Look at rounds/*/judge/quarantine.extxyz. After a change of the labeller: almlip campaign retry --labels.",
    )


def surprises(settings, rows, judged):
    last = rows[-1]
    new = last["new_force_mae"]
    if new and new > 2 * rows[-2]["force_mae"]:
        yield (
            f"New labels were predicted {new / rows[-2]['force_mae']:.1f} times worse than the "
            + last["measured_on"],
            "The dynamics meet what these frames do not hold. Trust the error on new labels, and go on.",
        )


def wrong_sigma(settings, rows, judged):
    calibration = judged[-1]["calibration"]
    if not calibration:
        return
    ratio = (
        calibration["median_ratio"] / 0.89
    )  # 0.89: median of the length of a normal vector, rms 1
    if not 0.5 < ratio < 2:
        how = "larger" if ratio > 1 else "smaller"
        yield (
            f"Errors of the last new labels are {max(ratio, 1 / ratio):.1f} times {how} than sigma says",
            "Sigma was calibrated on other frames than these. Set a wider window in the LAMMPS input, or go on.",
        )


def no_progress(settings, rows, judged):
    errors = [row["new_force_mae"] for row in rows if row["new_force_mae"]]
    if len(errors) >= 4 and min(errors[-2:]) > 0.95 * min(errors[:-2]):
        yield (
            "The error on new labels has not become smaller in the last two rounds",
            "A larger model (fit.settings: {preset: accurate}), or labels with less noise.",
        )


def no_test_frames(settings, rows, judged):
    if not settings["test"]:
        yield (
            "There are no independent test frames",
            "Name some in `test`: frames of what the potential is for, labelled by the same code.",
        )
