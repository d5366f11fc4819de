#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes RESULTS.md, and the figures that other pages quote, from benchmarks/results/*.json.

    python benchmarks/make_results.py            # writes what differs
    python benchmarks/make_results.py --check    # only says what differs; exit status 1 if anything does

A page quotes a figure by its key in a comment right behind it, and is given as many digits as it shows:

    0.054<!-- accuracy/Si/test_force_mae --> eV/Angstrom

and a whole table of TABLES below by its name:

    <!-- table: silicon_errors -->
    | frames | ...
    <!-- end -->
"""

import argparse
import functools
import re
import sys

import results
from result_tables import INTRODUCTION, SECTIONS, TABLES

PAGES = ["README.md", "docs/**/*.md", "potentials/README.md", "examples/*/README.md"]
QUOTED = re.compile(r"(?<![\w.])([-+]?\d+(?:\.\d+)?)(<!-- ([\w-]+)/([^>]+)/(\w+) -->)")
BLOCK = re.compile(r"(<!-- table: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

load = functools.cache(results.read)


def table(name):
    """A table of TABLES in Markdown."""
    chosen = TABLES[name]
    sources = {alias: source(named) for alias, named in chosen.files.items()}
    first, _ = next(iter(sources.values()))
    lines = [cells(chosen.columns), "|---" * len(chosen.columns) + "|"]
    for row in chosen.rows or load(first)["rows"]:
        figures = {
            alias: load(file)["rows"].get(key.format(row), {})
            for alias, (file, key) in sources.items()
        }
        figures["row"] = chosen.labels.get(row, row)
        lines.append(cells(cell(form, figures) for form in chosen.columns.values()))
    return "\n".join(lines) + "\n"


def source(named):
    """(file, format of its row) of an entry of `files`."""
    return named if isinstance(named, tuple) else (named, "{}")


def cells(texts):
    return f"| {' | '.join(texts)} |"


def cell(form, figures):
    """A format filled in; empty where a figure is missing."""
    try:
        return form.format_map(figures)
    except (KeyError, TypeError, ValueError):
        return ""


def quoted(match):
    """A figure as it should be, with the digits that the page shows."""
    text, comment, file, row, column = match.groups()
    try:
        value = load(file)["rows"][row][column]
    except (FileNotFoundError, KeyError):
        raise SystemExit(f"benchmarks/results has no figure {file}/{row}/{column}") from None
    digits = len(text.partition(".")[2])
    return f"{value:{'+' if text[0] == '+' else ''}.{digits}f}{comment}"


def page(text):
    """A page with its quoted tables and figures as they should be."""
    unknown = [name for _, name, _, _ in BLOCK.findall(text) if name not in TABLES]
    if unknown:
        raise SystemExit(f"no table {', '.join(unknown)} in benchmarks/result_tables.py")
    text = BLOCK.sub(lambda m: f"{m[1]}\n{table(m[2])}\n{m[4]}", text)
    return QUOTED.sub(quoted, text)


def origin(name):
    """Where the figures of a table are from: each command once, with processors, dates and commits."""
    runs = {}
    for named in TABLES[name].files.values():
        made = load(source(named)[0])
        where = f"{made['processor']}, {made['date']}, {made['commit']}"
        runs.setdefault(made["command"], {})[where] = None
    lines = [f"    {command}    # {'; '.join(where)}" for command, where in runs.items()]
    return "\n".join(lines) + "\n"


def is_shown(section):
    """Whether all figures of a section are there, or must be."""
    files = {source(named)[0] for name in section.tables for named in TABLES[name].files.values()}
    return not section.optional or all((results.FOLDER / f"{file}.json").exists() for file in files)


def results_page():
    parts = ["# Results\n", INTRODUCTION]
    for section in (section for section in SECTIONS if is_shown(section)):
        parts += [f"## {section.title}\n", section.text + "\n"]
        for name in section.tables:
            parts += [table(name)] + [made for made in [origin(name)] if made not in parts]
    return "\n".join(parts)


def wanted():
    """(path, text as it should be) of every page."""
    yield results.ROOT / "benchmarks" / "RESULTS.md", results_page()
    for path in sorted(path for pattern in PAGES for path in results.ROOT.glob(pattern)):
        yield path, page(path.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    stale = [(path, text) for path, text in wanted() if path.read_text() != text]
    for path, text in stale:
        print(f"{path.relative_to(results.ROOT)} {'differs' if args.check else 'written'}")
        if not args.check:
            path.write_text(text)
    if args.check and stale:
        sys.exit("run `python benchmarks/make_results.py`")


if __name__ == "__main__":
    main()
