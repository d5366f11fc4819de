# SPDX-License-Identifier: GPL-2.0-or-later
"""One arm of `on_the_fly.py`: a loop of active learning against a reference potential, and figures of what it has learned."""

import dataclasses
import json
import os
import pickle
import shutil
import sys

import numpy as np

from almlip.frames import read_frames, write_atomically, write_frames
from reference_dynamics import Reference, Run, dynamics, least_distance, pair_style
from reference_systems import SYSTEMS
from shell import run as run_program

# How a run is watched: the defaults of the fix. All candidates go to candidates.spool.
QUERY = "fix query all al_query 10 action soft file candidates seed {seed}"
SPOOL = "candidates.spool"

BASELINES = ["even", "reference", "random"]


@dataclasses.dataclass
class Protocol:
    """Sizes; steps are fs."""

    start: int = 20  # frames before the loop
    rounds: int = 8
    batch: int = 10  # labels of a round
    steps: int = 3000  # of a run of the loop
    test_runs: int = 4  # of each kind, 8 frames each
    pool_runs: int = 8  # of each kind, 40 frames each
    apart: int = 500  # between test frames
    hot_steps: int = 20000
    flags: tuple = ()  # of almlip train


QUICK = Protocol(
    rounds=2, steps=500, test_runs=1, pool_runs=1, apart=100, hot_steps=1000,
    flags=("--preset", "fast", "--epochs", "30"),
)  # fmt: skip


def generator(*key):
    """Random numbers that depend on nothing but the key of texts and numbers."""
    return np.random.default_rng(list("/".join(map(str, key)).encode()))


# ---- frames of the reference -------------------------------------------------------------------


def reference_frames(folder, name, purpose, kinds, runs, frames, every):
    """{kind: labelled frames} of dynamics of the reference; kept in the folder."""
    kept = folder / f"{purpose}.pickle"
    if not kept.exists():
        system = SYSTEMS[name]()
        reference = Reference(system)
        made = {
            kind: [
                reference.label(frame)
                for number in range(runs)
                for frame in reference_run(folder, system, kind, (purpose, number), frames, every)
            ]
            for kind in kinds
        }
        write_pickle(kept, made)
    return pickle.loads(kept.read_bytes())


def reference_run(folder, system, kind, key, frames, every):
    """Frames of one run of the reference, the start left out. Melting is part of the run of a melt, as in the loops."""
    run = Run(kind, frames * every, every)
    where = scratch(folder / "-".join(map(str, ("run", *key, kind))))
    found, ended = dynamics(where, system, run, generator(kind, *key))
    shutil.rmtree(where)
    if not ended:
        sys.exit(f"{kind}: dynamics of the reference broke off")
    return found[1:]


def write_pickle(path, content):
    """The file is there complete or not at all."""
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(content))
    part.rename(path)


def scratch(folder):
    """A folder that does not exist."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def test_frames(root, name, protocol):
    kinds = SYSTEMS[name]().kinds
    return reference_frames(root / name, name, "test", kinds, protocol.test_runs, 8, protocol.apart)


def pool_frames(root, name, protocol):
    """What `random` draws from: the distribution of the test, other runs."""
    kinds = SYSTEMS[name]().kinds
    runs = protocol.pool_runs
    return reference_frames(root / name, name, "pool", kinds, runs, 40, protocol.apart // 5)


def unseen_frames(root, name, protocol):
    kinds = SYSTEMS[name]().unseen
    return reference_frames(root / name, name, "unseen", kinds, 2, 8, protocol.apart)


# ---- start -------------------------------------------------------------------------------------


def rattled(system, rng):
    """A crystal with displacements of 0.01 to 0.08 Angstrom and strains up to 2.5 %."""
    name = system.crystals[int(rng.integers(len(system.crystals)))]
    atoms = system.kinds[name].build(rng)
    atoms.set_cell(atoms.cell * (1 + rng.uniform(-0.025, 0.025)), scale_atoms=True)
    atoms.positions += rng.normal(0, rng.uniform(0.01, 0.08), atoms.positions.shape)
    atoms.info = {"config_type": "start"}
    return atoms


def first_frames(root, name, start, seed, protocol, reference):
    rng = generator("start", start, seed)
    if start == "crystals":
        system = SYSTEMS[name]()
        return [reference.label(rattled(system, rng)) for _ in range(protocol.start)]
    pool = pool_frames(root, name, protocol)
    return drawn(pool, protocol.start, rng)


def drawn(pool, count, rng):
    """Frames at random, the kinds in turn."""
    shuffled = [[frames[n] for n in rng.permutation(len(frames))] for frames in pool.values()]
    return [shuffled[n % len(shuffled)][n // len(shuffled)] for n in range(count)]


# ---- one arm -----------------------------------------------------------------------------------


class Loop:
    """One arm of one seed: collects labelled frames in `frames`, and what happened in `rounds`."""

    def __init__(self, root, name, start, arm, seed, protocol):
        self.name, self.arm, self.seed, self.protocol = name, arm, seed, protocol
        self.root, self.system = root, SYSTEMS[name]()
        self.reference = Reference(self.system)
        self.folder = scratch(root / name / f"{start}.{arm}.{seed}")
        self.folder.mkdir(parents=True)
        self.frames = first_frames(root, name, start, seed, protocol, self.reference)
        self.rounds = []
        self.cutoff = self.system.cutoff
        if self.cutoff is None:
            self.cutoff = self.chosen_cutoff()

    def chosen_cutoff(self):
        """What `almlip train` chooses for the first frames: the same in all arms of a seed, Angstrom.

        Later frames would let arms have different ones: an atom that evaporates needs a longer cutoff.
        """
        potential = self.fit("first", ["--epochs", 1])
        return json.loads(potential.read_text())["cutoff"]

    def go(self):
        """Labels as the arm has it, then fits to everything; returns the potential."""
        if self.arm == "random":
            number = self.protocol.rounds * self.protocol.batch
            rng = generator("arm", self.seed)
            self.add(drawn(pool_frames(self.root, self.name, self.protocol), number, rng))
        else:
            for number in range(1, self.protocol.rounds + 1):
                self.round(number)
        return self.fit("final")

    def round(self, number):
        potential = None if self.arm == "reference" else self.fit(f"round-{number}")
        explore = self.even if self.arm in BASELINES else self.queried
        self.add([self.reference.label(frame) for frame in explore(number, potential)])

    def add(self, labelled):
        """Takes labelled frames in, and notes of what kinds they are."""
        usable = [frame for frame in labelled if is_usable(frame)]
        self.frames += usable
        kinds = [frame.info["config_type"] for frame in usable]
        self.rounds.append(
            {
                "labelled": len(labelled),
                "refused_by_label": len(labelled) - len(usable),
                "kinds": {kind: kinds.count(kind) for kind in self.system.kinds},
            }
        )

    def fit(self, stem, flags=None):
        train = self.folder / "train.extxyz"
        potential = self.folder / f"{stem}.almlip.json"
        write_frames(train, self.frames)
        words = ["--seed", self.seed, "--output", potential, "--isolated-atoms", "skip"]
        words += ["--cutoff", self.cutoff] if self.cutoff else []
        words += self.protocol.flags if flags is None else flags
        run_program("almlip", "train", "--train", train, *words)
        return potential

    def run(self, number, kind, potential, every, query=""):
        """One run of a kind; its folder and frames."""
        pair = pair_style(potential, self.system) if potential else None
        run = Run(kind, self.protocol.steps, every, pair=pair, query=query)
        folder = scratch(self.folder / f"round-{number}.{kind.replace(' ', '-')}")
        frames, _ = dynamics(folder, self.system, run, generator(kind, self.seed, number))
        return folder, frames

    def even(self, number, potential):
        """As many frames of each run, at even times, of what there is."""
        each = self.protocol.batch // len(self.system.kinds)
        chosen = []
        for kind in self.system.kinds:
            folder, frames = self.run(number, kind, potential, 50)
            sane = [frame for frame in frames[1:] if least_distance(frame) > 1.0]
            chosen += evenly(sane, each)
            shutil.rmtree(folder)
        return chosen

    def queried(self, number, potential):
        """One choice over the candidates of the runs of all kinds."""
        folders = {}
        for kind in self.system.kinds:
            query = QUERY.format(seed=self.seed * 1000 + number)
            folders[kind], _ = self.run(number, kind, potential, self.protocol.steps, query)
        spools = [folder / SPOOL for folder in folders.values() if (folder / SPOOL).exists()]
        chosen = self.select(number, potential, spools) if spools else []
        for folder in folders.values():
            shutil.rmtree(folder)
        return chosen

    def select(self, number, potential, spools):
        output = self.folder / "batch.extxyz"
        words = ["--count", self.protocol.batch, "--seed", self.seed * 1000 + number]
        if self.arm != "default":
            words += ["--strategy", self.arm.removeprefix("select-")]
        run_program("almlip", "select", potential, *spools, *words, "--output", output)
        if output.stat().st_size == 0:  # all refused
            return []
        return [self.named(frame) for frame in read_frames(output)]

    def named(self, frame):
        """With the kind of its run as config_type, and nothing that the query has written."""
        origin = str(frame.info.get("selected_from", ""))
        kinds = [kind for kind in self.system.kinds if f".{kind.replace(' ', '-')}/" in origin]
        bare = frame.copy()
        bare.info = {"config_type": kinds[0] if kinds else "unknown"}
        for column in set(bare.arrays) - {"numbers", "positions"}:
            del bare.arrays[column]
        return bare


def evenly(frames, count):
    """At most `count` frames at even distances, the last one included."""
    if len(frames) <= count:
        return frames
    return [frames[round((n + 1) * len(frames) / count) - 1] for n in range(count)]


def is_usable(frame):
    """As a labeller refuses what is unphysical; the label is paid for all the same."""
    forces = frame.get_forces()
    return bool(np.isfinite(forces).all() and abs(forces).max() < 50)


# ---- figures -----------------------------------------------------------------------------------


def predicted(folder, potential, frames):
    """The frames as the potential has them."""
    file, output = folder / "judged.extxyz", folder / "predicted.extxyz"
    write_frames(file, frames)
    run_program("almlip", "eval", potential, file, "--output", output)
    return read_frames(output)


def error_lengths(frames, predictions):
    """Length of the force error of every atom, and sigma; both [atoms]."""
    errors = [
        np.linalg.norm(p.get_forces() - f.get_forces(), axis=1) for f, p in zip(frames, predictions)
    ]
    return np.concatenate(errors), np.concatenate([p.arrays["sigma"] for p in predictions])


def errors(folder, potential, frames):
    """Force MAE, mean error of the worst 1 % of atoms (eV/Angstrom), energy MAE (meV/atom) of labelled frames."""
    predictions = predicted(folder, potential, frames)
    lengths, _ = error_lengths(frames, predictions)
    components = [abs(p.get_forces() - f.get_forces()) for f, p in zip(frames, predictions)]
    energies = [
        abs(p.get_potential_energy() - f.get_potential_energy()) / len(f)
        for f, p in zip(frames, predictions)
    ]
    return {
        "force_mae": float(np.concatenate(components).mean()),
        "worst": float(np.sort(lengths)[-max(1, len(lengths) // 100) :].mean()),
        "energy_mae": 1000 * float(np.mean(energies)),
    }


def calibration(folder, potential, frames):
    """Quantiles of the length of the error over sigma."""
    lengths, sigma = error_lengths(frames, predicted(folder, potential, frames))
    median, ninety = np.quantile(lengths / np.maximum(sigma, 1e-9), [0.5, 0.9])
    return {"median": float(median), "quantile90": float(ninety)}


def hot_run(loop, potential, kind):
    """A long run at 1.2 times the highest temperature: time until it breaks off (ps), and errors on the way."""
    steps, every = loop.protocol.hot_steps, 50
    pair = pair_style(potential, loop.system)
    limit = 4 * 1.2 * loop.system.kinds[kind].high
    heat = f"variable heat equal temp\nfix heat all halt 10 v_heat > {limit} error hard"
    run = Run(kind, steps, every, pair=pair, top=1.2, hold=True, query=heat)
    folder = scratch(loop.folder / "hot")
    frames, ended = dynamics(folder, loop.system, run, generator(kind, "hot", loop.seed))
    shutil.rmtree(folder)
    volume = frames[0].get_volume()
    broken = (
        n
        for n, frame in enumerate(frames)
        if least_distance(frame) < 0.6 * loop.nearest or frame.get_volume() > 4 * volume
    )
    sane = frames[: next(broken, len(frames))]
    labelled = [loop.reference.label(frame) for frame in sane[1::4]]
    figures = errors(loop.folder, potential, labelled) if labelled else {}
    stable = ended and len(sane) == steps // every + 1
    return {"stable": stable, "ps": 1e-3 * every * max(0, len(sane) - 1), **figures}


def judge(loop, potential):
    """Everything that is known of a finished arm."""
    test = test_frames(loop.root, loop.name, loop.protocol)
    unseen = unseen_frames(loop.root, loop.name, loop.protocol)
    loop.nearest = min(least_distance(frame) for frames in test.values() for frame in frames)
    everything = [frame for frames in test.values() for frame in frames]
    return {
        "all": errors(loop.folder, potential, everything),
        "kinds": {kind: errors(loop.folder, potential, frames) for kind, frames in test.items()},
        "unseen": {
            kind: calibration(loop.folder, potential, frames) for kind, frames in unseen.items()
        },
        "hot": {kind: hot_run(loop, potential, kind) for kind in loop.system.kinds},
        "labelled": sum(made["labelled"] for made in loop.rounds),
        "rounds": loop.rounds,
    }


def learn(root, name, start, arm, seed, protocol):
    """Result of one arm and seed, from the folder if it is there."""
    kept = root / name / f"{start}.{arm}.{seed}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    loop = Loop(root, name, start, arm, seed, protocol)
    result = judge(loop, loop.go())
    write_atomically(kept, json.dumps(result, indent=1))
    shutil.rmtree(loop.folder)
    return result
