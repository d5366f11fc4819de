# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip campaign new | run | status | retry | report`."""

import argparse
import json
import sys

from ..frames import BadInput
from .programs import StepFailed

EXTRA = (
    "yaml",
    "jsonschema",
    "snakemake",
    "jinja2",
    "plotly",
)  # of pip install "/path/to/almlip[campaign]"


def new(arguments):
    from .new import new_campaign

    folder = new_campaign(arguments.name, arguments.elements)
    print(
        f"{folder} is there. Try its mechanics: almlip campaign run {folder}/test.yaml\n"
        f"Then look at campaign.yaml, in.explore and labeller.yaml, and: almlip campaign run {folder}"
    )


def run(arguments):
    from .driver import Driver

    flags, uses_slurm = snakemake_flags(arguments)
    driver = Driver(arguments.campaign, arguments.output, flags, arguments.cores, uses_slurm)
    reason = driver.run()
    print(f"done: {reason}; results are in {driver.output}")


def status(arguments):
    from .driver import output_folder, settings_file
    from .status import find_status, format_status

    path = settings_file(arguments.campaign)
    found = find_status(path, output_folder(path, arguments.output))
    print(json.dumps(found, indent=1) if arguments.json else format_status(found))


def retry(arguments):
    from .driver import output_folder, settings_file
    from .retry import last_round, retry_labels, retry_step

    path = settings_file(arguments.campaign)
    output = output_folder(path, arguments.output)
    if arguments.labels:
        count = retry_labels(output)
        print(f"{count} structures will be labelled again in the next round")
    if arguments.step:
        kind, _, name = arguments.step.partition(".")
        number = last_round(output) if arguments.round is None else arguments.round
        for moved in retry_step(output, number, kind, name or None):
            print(f"moved aside: {moved}")
    if not arguments.labels and not arguments.step:
        raise BadInput(
            "retry needs --labels, or --step STEP; `almlip campaign run` does failed steps"
        )
    print(f"now: almlip campaign run {arguments.campaign}")


def report(arguments):
    from ..report.campaign import write_campaign_report
    from .driver import output_folder, settings_file
    from .settings import read_settings

    path = settings_file(arguments.campaign)
    output = output_folder(path, arguments.output)
    print(write_campaign_report(read_settings(path), output, arguments.to))


def snakemake_flags(arguments):
    """Flags of Snakemake, and whether they make the steps jobs of Slurm."""
    flags, uses_slurm = [], "slurm" in arguments.snakemake
    if arguments.profile:
        from .profiles import find_profile, uses_executor

        profile = find_profile(arguments.profile)
        flags += ["--profile", str(profile)]
        uses_slurm |= uses_executor(profile, "slurm")
    if arguments.jobs:
        flags += ["--jobs", str(arguments.jobs)]
    return flags + arguments.snakemake, uses_slurm


def make_parser():
    parser = argparse.ArgumentParser(prog="almlip campaign", description="Active learning.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, work, text):
        each = commands.add_parser(name, help=text, description=text)
        each.set_defaults(work=work)
        return each

    def add_campaign(each):
        each.add_argument("campaign", metavar="NAME", help="folder with campaign.yaml, or the file")
        each.add_argument("--output", metavar="DIR", help="folder of the results [beside the file]")

    each = add("new", new, "writes a folder with commented settings to begin with")
    each.add_argument("name", metavar="NAME", help="folder to make")
    each.add_argument("--elements", nargs="+", required=True, metavar="E", help="chemical symbols")
    each = add("run", run, "goes on until a rule says stop; the same command after any stop")
    add_campaign(each)
    each.add_argument("--cores", type=int, help="cores of this machine that jobs may use [all]")
    each.add_argument("--profile", help="slurm, or folder of a profile of Snakemake")
    each.add_argument("--jobs", type=int, help="jobs in the queue at the same time")
    each.add_argument(
        "--snakemake", nargs=argparse.REMAINDER, default=[], help="further flags of Snakemake"
    )
    each = add("status", status, "what is done, what runs, what failed, what to do next")
    add_campaign(each)
    each.add_argument("--json", action="store_true", help="as JSON")
    each = add("retry", retry, "does a step again, or labels what could not be labelled")
    add_campaign(each)
    each.add_argument(
        "--step", metavar="STEP", help="explore, explore.RUN, select, label, judge, fit"
    )
    each.add_argument("--round", type=int, metavar="N", help="round of that step [the last one]")
    each.add_argument("--labels", action="store_true", help="structures without a label, once more")
    each = add("report", report, "writes report.html, which needs no other file")
    add_campaign(each)
    each.add_argument(
        "--to", metavar="FILE", help="where [report.html in the folder of the results]"
    )
    return parser


def main(arguments=None):
    arguments = make_parser().parse_args(arguments)
    try:
        arguments.work(arguments)
    except (BadInput, StepFailed) as error:
        print(f"almlip: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        print(
            f'almlip: {error}; install it: pip install "/path/to/almlip[campaign]"', file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("almlip: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
