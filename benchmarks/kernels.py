#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of the kernels alone: compiled presets and the same shapes through the generic path.

    . scripts/env.sh && python benchmarks/kernels.py build/dev/bin/almlip_benchmarks

The program is built with option ALMLIP_BUILD_BENCHMARKS. Of 1000 silicon atoms, the least of nine repetitions in turn.
"""

import argparse
import json
import subprocess
import sys

import results

FLAGS = [
    "--benchmark_filter=^(fast|default|accurate|large)/",
    "--benchmark_min_time=0.05",
    "--benchmark_repetitions=9",
    "--benchmark_enable_random_interleaving=true",
    "--benchmark_format=json",
]


def measure(program):
    """{"PRESET/PRECISION": {"mean": us/atom, "mean_generic": ..., "members": ..., "members_generic": ...}}"""
    done = subprocess.run([program, *FLAGS], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program}\n{done.stderr}")
    table = {}
    for found in json.loads(done.stdout)["benchmarks"]:
        if found["run_type"] != "iteration":
            continue
        shape, precision, *what = found["run_name"].split("/")
        row = table.setdefault(f"{shape}/{precision}", {})
        column, cost = "_".join(what), 1e6 * found["us_per_atom"]
        row[column] = min(cost, row.get(column, cost))
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="almlip_benchmarks")
    results.add_option(parser)
    args = parser.parse_args()
    table = measure(args.program)
    print("us/atom\n\n| | mean | generic | members | generic |\n|---|---|---|---|---|")
    columns = ["mean", "mean_generic", "members", "members_generic"]
    for name, row in table.items():
        print(f"| {name} | {' | '.join(f'{row[column]:.2f}' for column in columns)} |")
    results.write(args.json, {column: "us/atom" for column in columns}, table)


if __name__ == "__main__":
    main()
