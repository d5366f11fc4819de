# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip campaign run`: round after round, each by one call of Snakemake, until a rule says stop."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ..frames import BadInput, write_atomically
from ..processes import die_with_parent, environment_without_mpi, last_line
from .claim import Claim, Claimed
from .explore import check_structures
from .fit import POTENTIAL
from .plan import make_plan, round_folder
from .programs import StepFailed, find_lammps, find_plugin, find_program
from .settings import check_labeller, inline, read_settings
from .slurm import LOST, Slurm, Watch, why_not_sent
from .steps import Step
from .stop import reason_to_stop
from .tables import format_table

SNAKEFILE = Path(__file__).with_name("Snakefile")
CALLS = 3  # of Snakemake for one round, if Slurm was out of reach meanwhile


class Driver:
    """A campaign in its folder of results; one process at a time."""

    def __init__(self, path, output=None, flags=(), cores=None, uses_slurm=False):
        """Raises BadInput before any work if something is missing.

        path        campaign.yaml, or the folder that holds it
        flags       further flags of Snakemake, such as those of a profile
        cores       of this machine that jobs may use; all if None
        uses_slurm  whether the steps are jobs of Slurm
        """
        self.path = settings_file(path)
        self.output = output_folder(self.path, output)
        self.settings = read_settings(self.path)
        self.flags = list(flags)
        self.cores = cores
        self.slurm = Slurm(self.output) if uses_slurm else None
        if find_spec("snakemake") is None:
            raise BadInput(
                'Snakemake is missing; install it with: pip install "/path/to/almlip[campaign]"'
            )
        find_program("almlip"), find_lammps(self.settings["explore"]["program"]), find_plugin()
        check_labeller(self.path, self.settings)
        inline(self.settings["fit"]["settings"])
        check_structures(self.settings)

    def run(self):
        """Goes on until a rule says stop; returns why. Raises StepFailed, BadInput."""
        self.output.mkdir(parents=True, exist_ok=True)
        try:
            claim = Claim(self.output / "driver.claim").acquire()
        except Claimed as claimed:
            raise BadInput(
                f"{self.output}: another driver is at work here, {claimed}; `almlip campaign status` "
                "tells what it does"
            ) from claimed
        with claim:
            write_atomically(self.output / "settings.json", json.dumps(self.settings, indent=1))
            while not (reason := reason_to_stop(self.settings, read_rows(self.output))):
                self.run_round(len(read_rows(self.output)))
        self.leave_results()
        return reason

    def run_round(self, number):
        plan = make_plan(self.settings, self.output, number)
        plan.write()
        if self.slurm:
            self.slurm.settle(say)
        mark_what_is_done(plan)
        do_what_is_trivial(plan)
        shutil.rmtree(plan.folder / "failed", ignore_errors=True)
        start = time.time()
        say(f"round {number}: {', '.join(describe(plan))}")
        self.call_snakemake(plan)
        self.close_round(plan, time.time() - start)

    def call_snakemake(self, plan):
        """Does the steps of a round. Raises StepFailed with the reasons of the steps that failed."""
        log = plan.folder / "snakemake.log"
        for _ in range(CALLS):
            begin = log.stat().st_size if log.exists() else 0
            status = self.run_snakemake(plan, log)
            if not self.slurm or not self.slurm.was_out_of_reach(log, begin, status):
                break
            say("jobs were lost on their way to or from Slurm; what is missing is sent again")
            self.slurm.settle(say)
            mark_what_is_done(plan)
        if not (plan.folder / "done" / "fit").exists():
            raise StepFailed(why_it_failed(plan, log, status))

    def run_snakemake(self, plan, log):
        """Exit status of one call of Snakemake for the steps of a round that are not done."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", SNAKEFILE]
        command += ["--directory", self.output, "--config", f"plan={plan.path}", "--nolock"]
        command += ["--rerun-triggers", "mtime", "--rerun-incomplete", "--keep-going"]
        command += ["--drop-metadata", "--scheduler", "greedy", "--quiet", "rules"]
        command += ["--cores", self.cores or os.cpu_count(), *self.flags]
        environment = environment_without_mpi()
        if self.slurm:
            command += self.slurm.flags(self.settings)
            environment = self.slurm.environment(environment)
        with open(log, "a", encoding="utf-8") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 (one system call)
            )
        return self.wait_for(process, log)

    def wait_for(self, process, log):
        """Exit status of Snakemake; it is ended if it waits for jobs that Slurm does not know any more."""
        watch = Watch(self.slurm, log) if self.slurm else None
        try:
            while process.poll() is None:
                if watch and watch.is_lost():
                    process.kill()
                    process.wait()
                    return LOST
                time.sleep(0.1)
        except KeyboardInterrupt:
            process.wait()
            raise
        return process.returncode

    def close_round(self, plan, seconds):
        """Writes round.json, which ends the round, and the table of all."""
        row = summarise_round(plan, seconds)
        write_atomically(plan.folder / "round.json", json.dumps(row, indent=1))
        rows = read_rows(self.output)
        write_atomically(
            self.output / "summary.json", json.dumps({"rounds": rows}, indent=1) + "\n"
        )
        print(format_table(rows if plan.number == 0 else rows[-1:]), flush=True)
        for note in notes(plan, row):
            say(f"round {plan.number}: {note}")

    def leave_results(self):
        """The last potential under the name of the elements."""
        last = read_rows(self.output)[-1]["round"]
        potential = round_folder(self.output, last) / "fit" / POTENTIAL
        write_atomically(self.output / final_name(self.settings), potential.read_text())
        from ..report.campaign import write_campaign_report  # loads slowly; errors need not wait

        write_campaign_report(self.settings, self.output)


def settings_file(path):
    """campaign.yaml in a folder, or the file itself. Raises BadInput."""
    path = Path(path)
    file = path / "campaign.yaml" if path.is_dir() else path
    if not file.is_file():
        raise BadInput(f"{file}: no such file; `almlip campaign new NAME` writes one")
    return file


def output_folder(path, output=None):
    """Where the results of a settings file lie: beside it, under its name."""
    return Path(output or path.with_suffix("")).resolve()


def final_name(settings):
    return "".join(settings["elements"]) + ".almlip.json"


def read_rows(output):
    """What is known of all finished rounds, in order."""
    rows = []
    while (path := round_folder(output, len(rows)) / "round.json").is_file():
        rows.append(json.loads(path.read_text()))
    return rows


def mark_what_is_done(plan):
    """Makes the files that tell Snakemake what is done; what follows an open step is open too."""
    done = plan.folder / "done"
    done.mkdir(exist_ok=True)
    open_before = False
    for group in (plan.explores(), ["select"], plan.labels(), ["judge"], ["fit"]):
        found = [name for name in group if not open_before and Step(plan, name).is_done()]
        open_before |= len(found) < len(group)
        for name in group:
            (done / name).write_text("") if name in found else (done / name).unlink(missing_ok=True)
    for marker in done.iterdir():
        if marker.name not in plan.steps():
            marker.unlink()


def do_what_is_trivial(plan):
    """Round 0 has nothing to choose, and nothing to label without starting structures: no jobs for that."""
    if plan.number:
        return
    nothing = not plan.settings["start"]["structures"]
    for name in ("select", *plan.labels(), "judge") if nothing else ("select",):
        if not (plan.folder / "done" / name).exists():
            Step(plan, name).run()


def describe(plan):
    """What is still to be done in a round, in words."""
    left = [name for name in plan.steps() if not (plan.folder / "done" / name).exists()]
    runs = sum(name.startswith("explore.") for name in left)
    if runs:
        yield f"{runs} run{'s' * (runs > 1)}"
    for kind, word in (("select", "choice"), ("label", "labels"), ("fit", "fit")):
        if any(name.split(".")[0] == kind for name in left):
            yield word
    if not left:
        yield "everything was done before"


def why_it_failed(plan, log, status):
    """One line: the reasons that the steps left, else the last word of Snakemake."""
    failures = [json.loads(path.read_text()) for path in (plan.folder / "failed").glob("*.json")]
    failures.sort(key=lambda each: each["started"])
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        return f"round {plan.number}, {failures[0]['step']}: {failures[0]['message']}{more}"
    text = log.read_text(errors="replace")
    ends = re.findall(r"SLURM[- ]job '?([\d_]+)'? failed.*?'(\w+)'", text)
    if ends:
        return f"round {plan.number}: Slurm job {ends[-1][0]} ended with {ends[-1][1]}; see {log}"
    if reason := why_not_sent(text):
        return f"round {plan.number}: Slurm did not take a job: {reason}"
    return f"round {plan.number}: Snakemake ended with {status}: {last_line(text)}; see {log}"


def summarise_round(plan, seconds):
    """The row of a round in summary.json."""
    records = {name: plan.result(name) for name in plan.steps()}
    results = {name: record["result"] for name, record in records.items()}
    runs = {name: results[f"explore.{name}"] for name in plan.runs}
    judged, fit, chosen = results["judge"], results["fit"], results["select"]
    test = fit["test"] or {}
    return {
        "round": plan.number,
        "labelled": judged["labelled"] if plan.number else fit["frames"],
        "training_frames": fit["frames"],
        "force_mae": test.get("all", fit["held_out"])["force_mae"],
        "energy_mae": test.get("all", fit["held_out"])["energy_mae"],
        "measured_on": "test frames" if test else "held-out frames",
        "groups": {
            name: {key: group[key] for key in ("force_mae", "energy_mae")}
            for name, group in test.items()
            if name != "all"
        },
        "new_force_mae": judged["errors"] and judged["errors"]["all"]["force_mae"],
        "max_sigma": max((run["max_sigma"] for run in runs.values()), default=None),
        "sigma99": max((run["sigma"][2] for run in runs.values()), default=None),
        "candidates": chosen["candidates"],
        "chosen": chosen["chosen"],
        "scenarios": chosen["scenarios"],
        "rejected": sum(run["rejected"] for run in runs.values()) + judged["refused"],
        "refused": judged["refused"],
        "verdicts": judged["verdicts"],
        "fit": fit["kind"],
        "runs": runs,
        "seconds": round(seconds, 2),
        "step_seconds": {name: round(record["seconds"], 3) for name, record in records.items()},
        "core_hours": core_hours(records, judged),
        "ended": time.time(),
    }


def core_hours(records, judged):
    """Core hours by kind of step; of the labels, those of the structures that were calculated."""
    hours = {}
    for name, record in records.items():
        kind = name.split(".")[0]
        if kind != "label":
            hours[kind] = hours.get(kind, 0.0) + record["seconds"] * record["cores"] / 3600
    return {**hours, "label": judged["seconds"] * records["label.0"]["cores"] / 3600}


def notes(plan, row):
    """What a user should know of a round, in words."""
    for name, run in row["runs"].items():
        if run["failure"]:
            yield f"{name} broke off ({run['failure']}); its candidates count"
        elif run["nothing_trusted"]:
            yield f"{name}: nothing was trusted; its next run starts afresh"
        elif run["above_hi"]:
            yield f"{name} ended where the potential is not trusted; its next run starts where this one did"
    if plan.number and not row["chosen"]:
        yield f"no candidates among {sum(run['looks'] for run in row['runs'].values())} looks"
    if row["refused"]:
        yield f"{row['refused']} structures have no label: {row['verdicts']}"


def say(text):
    print(text, flush=True)
