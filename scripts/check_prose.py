# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds prose that is too long to be read at once.

    python3 scripts/check_prose.py [FILE...]

Sentences have at most 30 words, paragraphs at most 8 lines, and no more text than in 8 lines of 120 characters. Without files: README.md, docs/,
examples/ and potentials/, but not docs/notebook. Headings, tables and blocks of code are no prose; a list item is a
paragraph. Prints file, line and count of each finding; exit status 1 if there are any.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_WORDS = 30
MAX_LINES = 8
MAX_CHARACTERS = MAX_LINES * 120
FENCE = re.compile(r"\s*(```|~~~)")
ITEM = re.compile(r"\s*([*+-]|\d+\.)\s+")
NO_PROSE = re.compile(r"\s*(#|\||<!--|!!!|\?\?\?|!\[)")
ABBREVIATIONS = re.compile(
    r"\b(e\.g|i\.e|et al|vs|cf|etc|Phys|Chem|Ann|Math|Stat|J|Rev|Lett|Sci|Mater)\."
)
WORD = re.compile(r"[^\W_]")


def documents():
    """The pages for users, without the notebook of what was tried."""
    patterns = ["README.md", "docs/*.md", "examples/*/README.md", "potentials/README.md"]
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern))


def paragraphs(lines):
    """(number of the first line, its lines) of each paragraph and each list item."""
    first, text, fenced = 0, [], False
    for number, line in enumerate([*lines, ""], start=1):
        fence = FENCE.match(line)
        fenced ^= bool(fence)
        item = ITEM.match(line)
        indented = line.startswith("    ") and not text
        is_prose = line.strip() and not (fence or fenced or indented or NO_PROSE.match(line))
        if text and (item or not is_prose):
            yield first, text
            text = []
        if is_prose:
            first = first if text else number
            text.append(line[item.end() :].strip() if item else line.strip())


def plain(text):
    """The text as it is read: a link is its name, code is one word, comments are nothing."""
    text = re.sub(r"<!--.*?-->", "", text)
    text = re.sub(r"`[^`]*`", "code", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return ABBREVIATIONS.sub(r"\1", text)


def sentences(text):
    """Sentences; a colon or semicolon does not end one."""
    return re.split(r"(?<=[.?!])[)\"'*]*\s+", text)


def num_words(sentence):
    return sum(bool(WORD.search(word)) for word in sentence.split())


def findings(lines):
    """(line, what is too long) of a page."""
    for number, own_lines in paragraphs(lines):
        paragraph = " ".join(own_lines)
        text = plain(paragraph)
        if len(own_lines) > MAX_LINES:
            yield number, f"paragraph of {len(own_lines)} lines, more than {MAX_LINES}"
        elif len(paragraph) > MAX_CHARACTERS:
            yield number, f"paragraph of {len(paragraph)} characters, more than {MAX_CHARACTERS}"
        for sentence in sentences(text):
            if (count := num_words(sentence)) > MAX_WORDS:
                start = " ".join(sentence.split()[:6])
                yield number, f"sentence of {count} words, more than {MAX_WORDS}: {start} ..."


def main(names):
    failed = False
    for path in [Path(name).resolve() for name in names] or documents():
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        for number, message in findings(path.read_text().splitlines()):
            print(f"{name}:{number}: {message}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
