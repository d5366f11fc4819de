# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills processes of a campaign at random moments, and compares with one that was left alone.

    . scripts/env.sh && python tests/campaign/kill_campaign.py --kills 50 --folder /tmp/kills

Whatever is killed by SIGKILL (driver, Snakemake, a step, LAMMPS, labeller, trainer): the same structures are labelled in
the end, with the same results, none twice, and no file is half-written.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from almlip.campaign.new import new_campaign
from almlip.frames import read_frames

SETTINGS = """\
elements: [Cu]
start: {structures: [start.extxyz]}
explore:
  input: in.explore
  variables: {steps: 200, temperature: [300, 600]}
  scenarios:
    crystal: {structures: [crystal.extxyz]}
    vacancy: {structures: [vacancy.extxyz]}
select: {count: 4}
label:
  labeller: {calculator: ase, name: emt, min_distance: 0.5, max_force: 200}
  jobs: 2
fit: {settings: {preset: fast, epochs: 30}}
stop: {rounds: %d, for: 99}
"""


def make_campaign(folder, rounds):
    new_campaign(folder, ["Cu"])
    (folder / "kill.yaml").write_text(SETTINGS % rounds)
    return folder / "kill.yaml"


def start(settings):
    command = [sys.executable, "-m", "almlip.campaign", "run", str(settings)]
    with open(settings.with_name("kill.log"), "a") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def descendants(pid):
    """A process and all below it, as {process id: name}."""
    children, names = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        number = int(path.parent.name)
        names[number] = text[text.index("(") + 1 : text.rindex(")")]
        children.setdefault(int(fields[1]), []).append(number)
    found, todo = {}, [pid]
    while todo:
        each = todo.pop()
        if each in names:
            found[each] = names[each]
        todo += children.get(each, [])
    return found


def kill_one(pid, rng):
    """Kills one process of the tree, each kind of program with the same chance; returns its kind."""
    tree = descendants(pid)
    kinds = {}
    for number in tree:
        kinds.setdefault(kind_of(number), []).append(number)
    kinds.pop(None, None)
    if not kinds:
        return None
    kind = rng.choice(sorted(kinds))
    try:
        os.kill(rng.choice(kinds[kind]), signal.SIGKILL)
    except ProcessLookupError:
        return None
    return kind


def kind_of(pid):
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return None
    text = " ".join(words)
    for sign, kind in (
        ("-m almlip.labels", "labeller"),
        ("campaign.steps", "step"),
        ("snakemake", "snakemake"),
        ("almlip.campaign run", "driver"),
        ("almlip train", "trainer"),
        ("/lmp ", "lammps"),
        ("almlip ", "almlip"),
    ):
        if sign in text:
            return kind
    return None


def has_step(pid):
    return any(kind_of(each) == "step" for each in descendants(pid))


def wait_for_all(pids):
    """Until all processes have ended; they follow the one that was killed."""
    end = time.monotonic() + 600
    while any(Path(f"/proc/{pid}").exists() and not is_zombie(pid) for pid in pids):
        if time.monotonic() > end:
            raise AssertionError(f"processes outlive the driver: {pids}")
        time.sleep(0.05)


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def labels_seen(output, seen):
    """Adds the finished labels, {key: (inode, time)}; none may have changed."""
    for path in output.glob("labels/*/result.json"):
        try:
            state = path.stat()
            json.loads(path.read_text())
        except FileNotFoundError:
            continue
        mark = (state.st_ino, state.st_mtime_ns)
        assert seen.setdefault(path.parent.name, mark) == mark, f"{path} was labelled twice"


def run_with_kills(settings, kills, seed, most_seconds=8.0):
    """Runs a campaign and kills one of its processes again and again; returns what was killed.

    One kill in four may hit the start of the driver; the others come after a step has begun, so that
    slow machines get on, too.
    """
    rng, killed, seen = random.Random(seed), Counter(), {}
    output = settings.with_suffix("")
    while True:
        driver = start(settings)
        delay = rng.uniform(0.2, most_seconds)
        begin = time.monotonic() if rng.random() < 0.25 else None
        while driver.poll() is None:
            labels_seen(output, seen)
            if begin is None and has_step(driver.pid):
                begin = time.monotonic()
            if sum(killed.values()) < kills and begin and time.monotonic() > begin + delay:
                tree = list(descendants(driver.pid))
                kind = kill_one(driver.pid, rng)
                if kind:
                    killed[kind] += 1
                    print(f"{sum(killed.values())}: killed {kind}", flush=True)
                    driver.wait()
                    wait_for_all(tree)
                    break
            time.sleep(0.05)
        else:
            if driver.returncode == 0:
                return killed
            raise AssertionError(settings.with_name("kill.log").read_text()[-2000:])


def outcome(settings):
    """Everything that was labelled, in order, with its labels."""
    found = []
    for path in sorted(settings.with_suffix("").glob("rounds/*/judge/labelled.extxyz")):
        if path.stat().st_size:
            found += [
                (
                    path.parts[-3],
                    a.positions.tolist(),
                    a.get_potential_energy(),
                    a.get_forces().tolist(),
                )
                for a in read_frames(path)
            ]
    return found


def left_behind(settings):
    """Names of files that a finished campaign must not hold."""
    patterns = ("**/*.work", "**/*.tmp", "**/*.claim*", "**/checkpoint")
    return [str(p) for pattern in patterns for p in settings.with_suffix("").glob(pattern)]


def compare(folder, kills, rounds, seed=1, most_seconds=8.0):
    """Raises AssertionError if a killed campaign ends otherwise than one that was left alone."""
    quiet, killed = (make_campaign(folder / name, rounds) for name in ("quiet", "killed"))
    assert start(quiet).wait() == 0, quiet.with_name("kill.log").read_text()[-2000:]
    counts = run_with_kills(killed, kills, seed, most_seconds)
    assert outcome(killed) == outcome(quiet)
    assert left_behind(killed) == []
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="most from the first step of a call to a kill"
    )
    parser.add_argument("--folder", type=Path, required=True)
    arguments = parser.parse_args()
    counts = compare(
        arguments.folder, arguments.kills, arguments.rounds, arguments.seed, arguments.seconds
    )
    print(f"{sum(counts.values())} kills, the same labels: {dict(counts)}")


if __name__ == "__main__":
    main()
