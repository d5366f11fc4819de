# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip campaign status`: what is done, what runs, what failed, what to do next."""

import json
import time

from .claim import is_locked, machine, read_holder
from .driver import read_rows
from .plan import Plan, round_folder
from .settings import read_settings
from .stop import reason_to_stop
from .tables import format_table

KINDS = ("explore", "select", "label", "judge", "fit")


def find_status(path, output):
    """JSON data of a campaign: driver, rounds, steps of the open round, failures, what is next."""
    rows = read_rows(output)
    driver = holder_of(output / "driver.claim")
    plan_path = round_folder(output, len(rows)) / "plan.json"
    steps = [state_of(plan, name) for plan in read_plan(plan_path) for name in plan.steps()]
    reason = reason_to_stop(read_settings(path), rows)
    return {
        "output": str(output),
        "driver": driver,
        "rounds": rows,
        "open_round": None if reason else len(rows),
        "steps": steps,
        "stopped": reason,
        "next": next_action(path, driver, steps, reason),
    }


def read_plan(path):
    return [Plan.read(path)] if path.is_file() else []


def state_of(plan, name):
    """{"name", "state": done, running, failed or open, ...} of a step."""
    folder = plan.step_folder(name)
    holder = holder_of(folder.with_name(f".{folder.name}.claim"))
    failure = plan.folder / "failed" / f"{name}.json"
    if (folder / "step.json").is_file():
        return {"name": name, "state": "done", "seconds": plan.result(name)["seconds"]}
    if holder:
        return {"name": name, "state": "running", **holder}
    if failure.is_file():
        return {"name": name, "state": "failed", **json.loads(failure.read_text())}
    return {"name": name, "state": "open"}


def holder_of(claim):
    """Who is at work on something, or None; of another host this cannot be told at once."""
    holder = read_holder(claim)
    if holder is None or holder["machine"] == machine() and not is_locked(claim):
        return None
    try:
        quiet = time.time() - claim.stat().st_mtime
    except FileNotFoundError:
        return None
    found = {key: holder.get(key) for key in ("host", "pid", "job", "since")}
    return {**found, "last_sign": round(max(quiet, 0.0), 1)}


def next_action(path, driver, steps, reason):
    if reason:
        return f"nothing: {reason}"
    if driver:
        return f"wait, or stop the driver: process {driver['pid']} on {driver['host']}"
    if any(step["state"] == "failed" for step in steps):
        return f"look at the failure, then: almlip campaign run {path}"
    return f"almlip campaign run {path}"


def format_status(found):
    """The same as text."""
    lines = [format_table(found["rounds"])] if found["rounds"] else ["no round is done yet"]
    driver = found["driver"]
    lines.append(
        f"driver: process {driver['pid']} on {driver['host']}, since {clock(driver['since'])}, "
        f"last sign of life {driver['last_sign']:.0f} s ago"
        if driver
        else "driver: none"
    )
    if found["open_round"] is not None and found["steps"]:
        lines.append(f"round {found['open_round']}: " + ", ".join(count_states(found["steps"])))
    for step in found["steps"]:
        if step["state"] == "running":
            job = f", Slurm job {step['job']}" if step["job"] else ""
            lines.append(f"  {step['name']}: on {step['host']}{job}, since {clock(step['since'])}")
        if step["state"] == "failed":
            lines.append(f"  {step['name']} failed: {step['message']}")
    return "\n".join([*lines, f"next: {found['next']}"])


def count_states(steps):
    """ "explore 3 of 5 done (1 running)" for each kind of step."""
    for kind in KINDS:
        states = [step["state"] for step in steps if step["name"].split(".")[0] == kind]
        if not states:
            continue
        other = [f"{states.count(s)} {s}" for s in ("running", "failed") if s in states]
        text = f"{kind} {states.count('done')} of {len(states)} done"
        yield text + (f" ({', '.join(other)})" if other else "")


def clock(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
