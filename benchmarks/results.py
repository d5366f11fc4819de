# SPDX-License-Identifier: GPL-2.0-or-later
"""Where benchmarks leave their figures: one table per file of `benchmarks/results`.

    {"commit": "0439853", "date": "2026-11-28", "processor": "...", "command": "python benchmarks/...",
     "units": {COLUMN: unit}, "rows": {ROW: {COLUMN: number or text}}}

The key of a figure is FILE/ROW/COLUMN, such as `accuracy/Si/test_force_mae`. `make_results.py` makes tables of them.
"""

import datetime
import json
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks" / "results"
INSTRUCTIONS = {"avx512f": "AVX-512", "avx2": "AVX2"}  # the best that a processor has comes first


def add_option(parser):
    """Gives a benchmark its flag --json."""
    parser.add_argument(
        "--json",
        type=pathlib.Path,
        metavar="FILE",
        help="write the figures here, with commit, processor and command; benchmarks/results holds the current ones",
    )


def write(path, units, rows):
    """Writes a table, if a file was asked for (`path` is not None)."""
    if path is None:
        return
    content = {
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "command": command(),
        "units": units,
        "rows": rounded(rows),
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def rounded(content):
    """Numbers with six digits, in whatever holds them."""
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    return float(f"{content:.6g}") if isinstance(content, float) else content


def read(name):
    """The table of benchmarks/results/NAME.json."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def commit():
    """Short hash of the tree, with a + if sources differ from it."""
    git = ["git", "-C", str(ROOT)]
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "src", "python"])
    return found.stdout.strip() + ("+" if changed.returncode == 1 else "") or "unknown"


def processor():
    """Model and best instruction set, as in "AMD EPYC 7763, AVX2"."""
    facts = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    flags = facts.get("flags", "").split()
    best = [name for flag, name in INSTRUCTIONS.items() if flag in flags]
    model = facts.get("model name", "unknown processor")
    number = f" (model {facts['model']})" if "model" in facts else ""
    return ", ".join([model.replace("(R)", "") + number, *best[:1]])


def command():
    """The command line of this program, without --json."""
    words, skip = [], False
    for word in sys.argv[1:]:
        if not skip and word != "--json" and not word.startswith("--json="):
            words.append(word)
        skip = word == "--json"
    return shlex.join(["python", f"benchmarks/{pathlib.Path(sys.argv[0]).name}", *words])
