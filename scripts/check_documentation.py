# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks what the documentation says against the tree.

    python3 scripts/check_documentation.py ALMLIP

ALMLIP is the compiled command. In all *.md of the tree: relative links and their anchors exist; JSON parses; in
blocks of code, subcommands and flags of `almlip` exist, as do Python scripts and modules, the keywords of
`fix al_query` and those of `pair_style almlip`.
"""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"^\s*```\s*(\w*)")
COMMAND = re.compile(r"(?:^|&& |mpirun -n \w+ )almlip(?=\s|$)")
SCRIPT = re.compile(r"\bpython3? (?:-m ([\w.]+)|([\w./-]+\.py))")
FIX = re.compile(r"^fix\s+\S+\s+\S+\s+al_query\s+\S+(.*)")
PAIR = re.compile(r"^pair_style\s+almlip\b(.*)")
NAMES_FOLLOW = {"file", "known", "spool", "reload", "learn"}  # what comes next is the user's
PLACEHOLDERS = {"keyword", "value", "values"}


def documents():
    """All *.md that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in sorted(set(names.split("\n"))) if (ROOT / name).is_file()]


def anchor_of(heading):
    """The anchor that a heading gets: lower case, blanks are hyphens, no punctuation."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))


@cache
def anchors(path):
    """All anchors of a file; equal headings are numbered."""
    found, fenced = set(), False
    for line in path.read_text().splitlines():
        fenced ^= bool(FENCE.match(line))
        if fenced or not (match := re.match(r"#+\s+(.*)", line)):
            continue
        anchor, number = anchor_of(match[1]), 1
        while anchor in found:
            anchor, number = f"{anchor_of(match[1])}-{number}", number + 1
        found.add(anchor)
    return found


def blocks(lines):
    """(language, number of the first line, lines) of each block of code; indented ones have no language."""
    block, language, fenced = [], "", False
    for number, line in enumerate([*lines, ""], start=1):
        fence = FENCE.match(line)
        indented = (
            not fenced and line.startswith("    ") and (block or not lines[number - 2].strip())
        )
        if fenced and not fence or indented:
            block.append(line)
            continue
        if block:
            yield language, number - len(block), block
        block, language = [], ""
        if fence:
            fenced, language = not fenced, "" if fenced else fence[1]


def whole_lines(first, block):
    """(number, line) without comments; lines that continue another, by & or \\ or an indent, are joined to it."""
    joined = []
    indent = min((len(line) - len(line.lstrip()) for line in block if line.strip()), default=0)
    for number, line in enumerate(block, start=first):
        text = re.sub(r"(^|\s)#.*", "", line).rstrip()
        continues = joined and (
            joined[-1][1].endswith(("\\", "&")) or text[indent : indent + 1] == " "
        )
        if continues:
            joined[-1][1] = joined[-1][1].rstrip("\\&") + " " + text.strip()
        elif text.strip():
            joined.append([number, text.strip()])
    return joined


@cache
def help_of(almlip, *subcommands):
    """What --help prints, or None for an unknown subcommand (then it is that of the command above)."""
    result = subprocess.run([almlip, *subcommands, "--help"], capture_output=True, text=True)
    unknown = subcommands and result.stdout == help_of(almlip, *subcommands[:-1])
    return None if unknown or result.returncode != 0 else result.stdout


def wrong_command(line, almlip):
    """What is wrong with the calls of almlip in a line."""
    for match in COMMAND.finditer(line):
        words = re.split(r"\s(?:&&|[|;>])\s", line[match.end() :])[0].split()
        if not words or not words[0].isalpha():
            continue
        subcommands = words[:1]
        text = help_of(almlip, *subcommands)
        if text is None:
            yield f"almlip has no subcommand {words[0]}"
            continue
        if len(words) > 1 and words[1].isalpha() and words[1].islower():
            subcommands = words[:2]
            text = help_of(almlip, *subcommands) or text
        for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", " ".join(words)):
            if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text):
                yield f"almlip {' '.join(subcommands)} has no flag {flag}"


def wrong_script(line):
    """Python scripts and modules of the project that do not exist."""
    for module, path in SCRIPT.findall(line):
        if path and "/" in path and not path.startswith("/") and not (ROOT / path).exists():
            yield f"{path} does not exist"
        if module.startswith("almlip"):
            base = ROOT / "python" / module.replace(".", "/")
            if not base.with_suffix(".py").exists() and not (base / "__main__.py").exists():
                yield f"python/ has no module {module}"


@cache
def words_in(*patterns):
    """All words that the sources hold as a text of their own."""
    files = [path for pattern in patterns for path in ROOT.glob(pattern)]
    return set(re.findall(r'"([a-z]+)"', "".join(path.read_text() for path in files)))


def wrong_keywords(line):
    """Words after fix al_query and pair_style almlip that their sources do not know."""
    if match := FIX.match(line):
        known = words_in(
            "src/USER-ALMLIP/*al_query*.cpp", "src/almlip/selection.cpp", "src/almlip/query/*.cpp"
        )
        style = "fix al_query"
    elif match := PAIR.match(line):
        known, style = words_in("src/USER-ALMLIP/pair_almlip.cpp"), "pair_style almlip"
    else:
        return
    words = match[1].replace("[", " ").replace("]", " ").split()
    for before, word in zip(["", *words], words, strict=False):
        is_word = word.isalpha() and word.islower() and before not in NAMES_FOLLOW
        if is_word and word not in known | PLACEHOLDERS:
            yield f"{style} has no keyword {word}"


def wrong_links(path, lines):
    """(number, what is wrong) with the links to files and headings."""
    for number, line in enumerate(lines, start=1):
        for link in LINK.findall(line):
            if re.match(r"\w+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists():
                yield number, f"link to {name}, which does not exist"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield number, f"link to {link}, but there is no such heading"


def wrong_blocks(lines, almlip):
    """(number, what is wrong) with the blocks of code."""
    for language, first, block in blocks(lines):
        if language == "json":
            try:
                json.loads("\n".join(block))
            except ValueError as error:
                yield first, f"JSON does not parse: {error}"
            continue
        for number, line in whole_lines(first, block):
            for wrong in (wrong_command(line, almlip), wrong_script(line), wrong_keywords(line)):
                yield from ((number, message) for message in wrong)


def main():
    if len(sys.argv) != 2 or help_of(sys.argv[1]) is None:
        sys.exit("usage: check_documentation.py ALMLIP, the compiled command")
    failed = False
    for path in documents():
        lines = path.read_text().splitlines()
        for number, message in [*wrong_links(path, lines), *wrong_blocks(lines, sys.argv[1])]:
            print(f"{path.relative_to(ROOT)}:{number}: {message}")
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
