# SPDX-License-Identifier: GPL-2.0-or-later
"""Stand-ins for `almlip` and `lmp` that only write the files which a campaign reads, and a campaign on them."""

import json
import os
import subprocess
import sys

from ase.build import bulk

from almlip.campaign.command import main
from almlip.campaign.driver import Driver, why_it_failed
from almlip.campaign.programs import StepFailed
from almlip.campaign.steps import Step
from almlip.frames import with_results, write_frames

ALMLIP = """
import json, os, sys, time
from pathlib import Path
arguments = sys.argv[1:]
command = arguments[0]

def after(flag):
    words = arguments[arguments.index(flag) + 1:]
    ends = [i for i, word in enumerate(words) if word.startswith("--")]
    return words[: ends[0]] if ends else words

def count(files):
    return sum(Path(file).read_text().count("Lattice") for file in files)

if command != "check":  # which only the report calls
    with open(os.environ["FAKE_CALLS"], "a") as calls:
        calls.write(f"almlip {command} {'--start' in arguments}\\n")
if command == "train":
    frames = count(after("--train"))
    if str(frames) == os.environ.get("FAKE_HANG_AT"):
        time.sleep(float(os.environ.get("FAKE_HANG", 300)))
    if str(frames) == os.environ.get("FAKE_FAIL_AT"):
        sys.exit("almlip: the frames are not to my liking")
    Path(after("--output")[0]).write_text(json.dumps({"frames": frames}))
elif command == "info":
    frames = json.loads(Path(arguments[1]).read_text())["frames"]
    held_out = {"all": {"force_mae": 1 / frames, "energy_mae": 0.1 / frames}}
    provenance = {"training_frames": frames, "held_out_frames": 0, "errors": {"held_out": held_out}}
    print(json.dumps({"hash": str(frames), "provenance": provenance}))
elif command == "select":
    from almlip.frames import read_frames, write_frames
    spools = [word for word in arguments[2:] if word.endswith(".spool")]
    found = []
    for file in [file for spool in spools for file in sorted(Path(spool).glob("*.extxyz"))]:
        for atoms in read_frames(file):
            atoms.info["selected_from"] = f"{file}: frame"
            found.append(atoms)
    chosen = found[: int(after("--count")[0])]
    write_frames(after("--output")[0], chosen)
    manifest = {"candidates": len(found), "rejections": []}
    Path(after("--output")[0]).with_suffix(".json").write_text(json.dumps(manifest))
elif command == "eval":
    from almlip.frames import read_frames, with_results, write_frames
    frames = json.loads(Path(arguments[1]).read_text())["frames"]
    group = {"force_mae": 1 / frames, "energy_mae": 0.1 / frames}
    Path(after("--json")[0]).write_text(json.dumps({"groups": {"all": group, "hot": group}}))
    predicted = []
    for atoms in read_frames(arguments[2]):
        forces = atoms.get_forces()
        new = with_results(atoms, 0.0, forces + 0.1, [0.0] * 6)
        new.arrays["ref_forces"], new.arrays["sigma"] = forces, 0.1 + 0 * forces[:, 0]
        predicted.append(new)
    write_frames(after("--output")[0], predicted)
"""

LMP = """
import os, random, sys
arguments = sys.argv[1:]
value = {arguments[i + 1]: arguments[i + 2] for i in range(len(arguments)) if arguments[i] == "-var"}
begin = open(value["start"]).read().strip().splitlines()[0] if value["start"] != "none" else "none"
with open(os.environ["FAKE_CALLS"], "a") as calls:
    calls.write(f"lmp from {value['from']} start {begin}\\n")
mode = value.get("mode", "")

def frame(overlap):
    text = '4\\nLattice="4.05 0 0 0 4.05 0 0 0 4.05" Properties=species:S:1:pos:R:3 pbc="T T T"\\n'
    for site in (0, 0, 0), (0, 2, 2), (2, 0, 2), (2, 2, 0):
        atom = [0, 0, 0] if overlap else [x + random.uniform(0, 0.1) for x in site]
        text += "Al {} {} {}\\n".format(*atom)
    return text

random.seed(value["seed"])
if mode == "memory":
    import time
    much = b"x" * 900000000
    time.sleep(5)
if mode == "hang once":
    import time
    try:
        open(os.environ["FAKE_CALLS"] + value["seed"], "x").close()
        time.sleep(600)
    except FileExistsError:
        pass
found = 0 if mode == "none" else 3
if found and mode != "no-spool":
    os.mkdir("candidates.spool")
    with open("candidates.spool/0001.extxyz", "w") as spool:
        spool.write("".join(frame(mode == "overlap" and i == 1) for i in range(found)))
if mode != "no-trace":
    with open(value["trace"], "w") as trace:
        trace.write("# step looks max_sigma(eV/A) mean_sigma(eV/A) flagged untrusted candidates\\n")
        untrusted = {"above_hi": (0, 0, 1), "distrust": (1, 2, 3)}.get(mode, (0, 0, 0))
        for look, step in enumerate((10, 20, 30)):
            trace.write(f"{step} {look + 1} {step / 100} 0.05 {found + 2} {untrusted[look]} {found}\\n")
if mode == "killed once":
    try:
        open(os.environ["FAKE_CALLS"] + value["seed"], "x").close()
        os.kill(os.getpid(), 9)
    except FileExistsError:
        pass
if mode == "crash":
    sys.exit("ERROR: Non-numeric atom coords")
if mode != "no-end":
    open("end.data", "w").write("state after " + value["from"])
"""


def labelled(seed):
    atoms = bulk("Al", "fcc", 4.05, cubic=True)
    atoms.rattle(0.05, seed=seed)
    return with_results(atoms, -1.0, [[0.1 * seed, 0.0, 0.0]] * 4, [0.0] * 6)


def do_steps(driver, plan):
    """What Snakemake does with a plan."""
    for name in plan.steps():
        try:
            if not (plan.folder / "done" / name).exists():
                Step(plan, name).run()
        except StepFailed as error:
            raise StepFailed(why_it_failed(plan, None, 1)) from error


class Trial:
    """A campaign in a folder, its stand-in programs and the log of their calls."""

    def __init__(self, folder, make_program):
        self.folder = folder
        self.output = folder / "campaign"
        self.calls_file = folder / "calls"
        make_program("almlip", ALMLIP)
        make_program("lmp", LMP)
        (folder / "plugin.so").write_text("stand-in")
        (folder / "in.test").write_text("# stand-in\n")
        write_frames(folder / "train.extxyz", [labelled(seed) for seed in range(5)])
        write_frames(folder / "test.extxyz", [labelled(seed) for seed in range(5, 8)])
        self.variables = {"from": [100, 200, 300], "mode": [""]}
        self.settings = {
            "elements": ["Al"],
            "start": {"train": "train.extxyz"},
            "test": "test.extxyz",
            "explore": {"input": "in.test", "variables": self.variables},
            "select": {"count": 3},
            "label": {"labeller": {"calculator": "ase", "name": "emt", "min_distance": 1.5}},
            "stop": {"rounds": 2, "for": 9},
        }

    def write(self):
        (self.folder / "campaign.yaml").write_text(json.dumps(self.settings))

    def environment(self, **more):
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "FAKE_CALLS": str(self.calls_file),
            "ALMLIP_PLUGIN": str(self.folder / "plugin.so"),
            **more,
        }

    def start(self, *command, **environment):
        """Starts the real command, with Snakemake, in a process group of its own as a terminal does."""
        self.write()
        return subprocess.Popen(
            [sys.executable, "-m", "almlip.campaign", *(command or ("run",)), str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment(**environment)},
            start_new_session=True,
        )

    def run_here(self, monkeypatch, capsys, *command, **environment):
        """Runs the command in this process, and the steps one after the other without Snakemake."""
        self.write()
        with monkeypatch.context() as patch:
            for key, value in self.environment(**environment).items():
                patch.setenv(key, value)
            patch.setattr(Driver, "call_snakemake", do_steps)
            status = main([*(command or ("run",)), str(self.folder)])
        return status, *capsys.readouterr()

    def run(self, *command, **environment):
        process = self.start(*command, **environment)
        stdout, stderr = process.communicate(timeout=600)
        return process.returncode, stdout, stderr

    def calls(self):
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []

    def rounds(self):
        return json.loads((self.output / "summary.json").read_text())["rounds"]

    def results_of_labels(self):
        return {path: path.stat().st_mtime_ns for path in self.output.glob("labels/*/result.json")}
