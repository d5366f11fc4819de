# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/check_prose.py finds what is too long, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parents[2] / "scripts/check_prose.py"
# of short sentences
LINE = "There are ten short words in this sentence here. And one more."


def words(count):
    return " ".join(["word"] * (count - 1) + ["end."])


@pytest.fixture
def check(tmp_path):
    """The findings of a page with this text, one line each, without the file's name."""

    def run(text):
        page = tmp_path / "page.md"
        page.write_text(text)
        done = subprocess.run([sys.executable, CHECK, page], capture_output=True, text=True)
        findings = [line.removeprefix(f"{page}:") for line in done.stdout.splitlines()]
        assert done.returncode == int(bool(findings)), done.stderr
        return findings

    return run


def test_a_sentence_of_31_words_is_found_and_one_of_30_is_not(check):
    assert check(words(30)) == []
    assert check(f"# Title\n\n{words(30)} {words(31)}") == [
        "3: sentence of 31 words, more than 30: word word word word word word ..."
    ]


def test_a_paragraph_of_9_lines_is_found_and_one_of_8_is_not(check):
    assert check("\n".join([LINE] * 8)) == []
    assert check("# Title\n\n" + "\n".join([LINE] * 9)) == ["3: paragraph of 9 lines, more than 8"]


def test_longer_lines_do_not_make_room_for_more(check):
    line = " ".join([LINE] * 3)
    assert check("\n".join([line] * 5)) == []
    # six lines, with blanks between
    assert check("\n".join([line] * 6)) == [
        f"1: paragraph of {6 * len(line) + 5} characters, more than 960"
    ]


def test_a_sentence_goes_on_over_lines(check):
    half = " ".join(["word"] * 16)
    assert check(f"{half}\n{half}.") != []


@pytest.mark.parametrize("mark", ["- ", "* ", "1. "])
def test_items_of_a_list_are_paragraphs(check, mark):
    assert check("\n".join([mark + LINE] * 9)) == []
    assert check(f"{mark}{words(5)}\n{mark}{words(31)}")[0].startswith("2: sentence of 31 words")


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{words(31)}\n```",
        f"    {words(31)}",
        f"| {words(31)} |",
        f"# {words(31)}",
        f"<!-- {words(31)} -->",
    ],
)
def test_code_tables_headings_and_comments_are_no_prose(check, text):
    assert check(text) == []


@pytest.mark.parametrize(
    "text",
    [
        f"`{words(20)}` {words(29)}",  # code is a word
        f"[one](a/very/long/address and more) {words(29)}",
        f"word - = + {words(29)}",  # signs are none
    ],
)
def test_words_are_counted_as_they_are_read(check, text):
    assert check(text) == []


def test_an_abbreviation_does_not_end_a_sentence(check):
    assert check(f"{' '.join(['word'] * 16)} e.g. {words(16)}") != []
    assert check(f"{' '.join(['word'] * 16)}. {words(16)}") == []
