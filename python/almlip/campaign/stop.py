# SPDX-License-Identifier: GPL-2.0-or-later
"""When a campaign is done."""


def reason_to_stop(settings, rows):
    """Why no further round is needed, in words, or None.

    rows   the finished rounds
    """
    stop = settings["stop"]
    if not rows:
        return None
    if rows[-1]["round"] >= stop["rounds"]:
        return f"{stop['rounds']} rounds are done"
    labels = sum(row["labelled"] for row in rows[1:])
    if stop["labels"] is not None and labels >= stop["labels"]:
        return f"{labels} structures are labelled"
    last = rows[1:][-stop["for"] :]
    if len(last) < stop["for"]:
        return None
    if all(row["chosen"] < settings["select"]["count"] for row in last):
        return f"no batch was full in the last {stop['for']} rounds"
    return targets_met(stop, last)


def targets_met(stop, last):
    """Whether every target that is given was met in all of the last rounds."""
    targets = {"new_force_mae": stop["error"], "sigma99": stop["sigma"]}
    targets = {key: value for key, value in targets.items() if value is not None}
    if not targets:
        return None
    for row in last:
        if any(run["nothing_trusted"] for run in row["runs"].values()):
            return None  # that scenario was not explored at all
        for key, target in targets.items():
            if row[key] is None or row[key] >= target:
                return None
    return f"error and sigma were below their targets in the last {stop['for']} rounds"
