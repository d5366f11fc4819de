# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills processes of a campaign at random moments, and compares with one that was left alone.

    . scripts/env.sh && python tests/campaign/kill_campaign.py --kills 50 --folder /tmp/kills

Whatever is killed by SIGKILL (driver, Snakemake, a step, LAMMPS, trainer, labeller, its workers, the program that
labels): the same structures are labelled in the end, with the same results, none twice, and no file is half-written.
The kills are spread over all rounds, and over the times at which each of these programs is at work.
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
  variables: {steps: 1000, temperature: [300, 600]}
  scenarios:
    crystal: {structures: [crystal.extxyz]}
    vacancy: {structures: [vacancy.extxyz]}
select: {count: 4}
label:
  labeller: {calculator: command, command: "%s emt.py", min_distance: 0.5, max_force: 200}
  jobs: 2
fit: {settings: {preset: fast, epochs: 60}}
stop: {rounds: %d, for: 99}
"""
# Stands in for a code of electronic structure: it takes a while, and writes its output bit by bit.
EMT = """\
import sys, time
from ase.calculators.emt import EMT
from almlip.frames import read_frames, with_results, write_frames
[atoms] = read_frames(sys.argv[1])
atoms.calc = EMT()
results = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
time.sleep(0.5)
write_frames(sys.argv[2], [with_results(atoms, *results)])
"""
PROGRAMS = (  # by a part of the command line; the first that fits
    ("emt.py", "program"),
    ("-m almlip.labels", "labeller"),
    ("campaign.steps", "step"),
    ("snakemake", "snakemake"),
    ("almlip.campaign run", "driver"),
    ("almlip train", "trainer"),
    ("/lmp ", "lammps"),
)
PHASES = ("lammps", "labeller", "worker", "program", "trainer")  # in the order of a round


def make_campaign(folder, rounds):
    new_campaign(folder, ["Cu"])
    (folder / "emt.py").write_text(EMT)
    (folder / "kill.yaml").write_text(SETTINGS % (sys.executable, rounds))
    return folder / "kill.yaml"


def start(settings):
    command = [sys.executable, "-m", "almlip.campaign", "run", str(settings)]
    with open(settings.with_name("kill.log"), "a") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def descendants(pid):
    """A process and all below it."""
    found = [pid]
    for each in found:
        try:
            for path in Path(f"/proc/{each}/task").glob("*/children"):
                found += [int(word) for word in path.read_text().split()]
        except OSError:
            pass  # it has ended meanwhile
    return found


def kinds_below(pid):
    """{kind: process ids} of the programs that are at work for a driver."""
    found = {}
    for number in descendants(pid):
        if kind := kind_of(number):
            found.setdefault(kind, []).append(number)
    workers = [n for n in found.get("labeller", []) if parent_of(n) in found["labeller"]]
    if workers:
        found["worker"] = workers
        found["labeller"] = [n for n in found["labeller"] if n not in workers]
    return found


def kind_of(pid):
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return None
    return next((kind for sign, kind in PROGRAMS if sign in text), None)


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def structure_of(pid):
    """Key of the structure that a program works on, or None."""
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")).name.partition(".")[0]
    except OSError:
        return None


class Killer:
    """Kills processes of a campaign, and counts what it has killed.

    schedule   [(round, phase, victim)], as make_schedule() makes it
    seconds    mean time from the begin of a phase to a kill
    """

    def __init__(self, schedule, seconds, rng):
        self.schedule, self.seconds, self.rng = schedule, seconds, rng
        self.killed, self.moment, self.struck = Counter(), None, set()

    def look(self, pid, number):
        """Kills one of the processes below a driver if it is time to; returns whether it has."""
        if not self.schedule or number < self.schedule[0][0]:
            return False
        _, phase, victim = self.schedule[0]
        kinds = kinds_below(pid)
        if self.moment is None and any(each in kinds for each in PHASES[PHASES.index(phase) :]):
            self.moment = time.monotonic() + self.rng.expovariate(1 / self.seconds)
        if not kinds or self.moment is None or time.monotonic() < self.moment:
            return False
        kind = self.kill(kinds, victim if victim in kinds else self.rng.choice(sorted(kinds)))
        if kind is None:
            return False
        self.schedule.pop(0)
        self.moment = None
        self.killed[kind] += 1
        print(f"{sum(self.killed.values())}: killed {kind} in round {number}", flush=True)
        return True

    def kill(self, kinds, kind):
        """Kills a process of a kind; returns the kind, or None if that was not possible.

        The program of one structure is killed once: a second time would be a verdict on the structure.
        """
        pids = kinds[kind]
        if kind in ("worker", "program"):
            pids = [n for n in kinds.get("program", []) if structure_of(n) not in self.struck]
        if not pids:
            return None
        pid = self.rng.choice(pids)
        structure = structure_of(pid)
        try:
            os.kill(parent_of(pid) if kind == "worker" else pid, signal.SIGKILL)
        except (ProcessLookupError, TypeError):  # it has ended meanwhile
            return None
        self.struck |= {structure} if kind in ("worker", "program") else set()
        return kind


def make_schedule(kills, rounds, rng):
    """[(round, phase, victim)]: evenly over the rounds, each at a moment when `phase` is at work.

    Round 0 has no dynamics. In half of the cases the victim is the program of the phase itself.
    """
    found = []
    for number, count in Counter(i * (rounds + 1) // kills for i in range(kills)).items():
        phases = PHASES if number else PHASES[1:]
        chosen = sorted((rng.choice(phases) for _ in range(count)), key=PHASES.index)
        others = ("driver", "snakemake", "step")
        found += [(number, phase, rng.choice((phase,) * 3 + others)) for phase in chosen]
    return found


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


def current_round(output):
    return len(list(output.glob("rounds/*/round.json")))


def run_with_kills(settings, killer):
    """Runs a campaign, and again after each stop, until it has come to its end."""
    output, seen = settings.with_suffix(""), {}
    while True:
        driver, kills, tree = start(settings), 0, set()
        killer.moment = None
        while driver.poll() is None:
            labels_seen(output, seen)
            before = descendants(driver.pid)
            if killer.look(driver.pid, current_round(output)):
                kills, tree = kills + 1, tree.union(before)
            time.sleep(0.05)
        if driver.returncode == 0:
            return
        assert kills, settings.with_name("kill.log").read_text()[-2000:]
        wait_for_all(tree)


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


def compare(folder, kills, rounds, seed=1, seconds=2.0):
    """Counts of what was killed, fewer if the campaign was over before the last. Raises AssertionError if it ends otherwise
    than one left alone."""
    quiet, killed = (make_campaign(folder / name, rounds) for name in ("quiet", "killed"))
    assert start(quiet).wait() == 0, quiet.with_name("kill.log").read_text()[-2000:]
    rng = random.Random(seed)
    killer = Killer(make_schedule(kills, rounds, rng), seconds, rng)
    run_with_kills(killed, killer)
    assert outcome(killed) == outcome(quiet)
    assert left_behind(killed) == []
    return killer.killed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="mean, from a start to a kill")
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    counts = compare(given.folder, given.kills, given.rounds, given.seed, given.seconds)
    labels = len(list(given.folder.glob("killed/kill/labels/*/result.json")))
    print(
        f"{sum(counts.values())} of {given.kills} kills, the same {labels} labels: {dict(counts.most_common())}"
    )


if __name__ == "__main__":
    main()
