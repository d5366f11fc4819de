# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that `almlip select` reads: spools, dumps, extended XYZ, whole and torn."""

import gzip
import json
import resource

import pytest

from candidates import ALMLIP, dump_text, frames_text, read, sources, spool_text

pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")


@pytest.mark.parametrize("name", ["pool.dump", "pool.dump.gz", "pool.spool", "spooled.extxyz.gz"])
def test_every_kind_of_file_gives_the_same_choice(select, name):
    select("--count", 5, "--strategy", "hybrid", "--clusters", 4)
    expected = read(select.folder / "batch.extxyz", index=":")
    frames, path = (select.folder / "pool.extxyz").read_text(), select.folder / name
    if name.endswith(".spool"):
        path.mkdir()
        (path / "0001.extxyz").write_text(spool_text(frames))
    else:
        text = dump_text(frames) if "dump" in name else spool_text(frames)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    done = select(
        "--count",
        5,
        "--strategy",
        "hybrid",
        "--clusters",
        4,
        "--elements",
        "C",
        "Si",
        candidates=[name],
    )

    assert done.returncode == 0, done.stderr
    found = read(select.folder / "batch.extxyz", index=":")
    for a, b in zip(expected, found, strict=True):
        assert b.get_chemical_symbols() == ["Si"] * 8
        assert b.positions == pytest.approx(a.positions, abs=1e-12)
        assert b.info["max_sigma"] == pytest.approx(a.info["max_sigma"], rel=1e-9)


def test_frames_that_a_run_has_spooled_before_a_blow_up_stay_candidates(select):
    """They are below lo by their nature, and were spooled later than candidates after them."""
    (select.folder / "run.spool").mkdir()
    kinds = [(100, "window"), (90, "before"), (110, "before"), (120, "above_hi"), (130, "window")]
    text = "".join(
        spool_text(frames_text(1, seed=n), first=n, reason=reason, step=step)
        for n, (step, reason) in enumerate(kinds, 1)
    )
    (select.folder / "run.spool" / "0001.extxyz").write_text(text)
    gates = ["--measure", "force", "--fmax", 0, "--mindist", 0, "--spacing", 30]
    rule = ["--threshold", 900, 1000]
    done = select("--count", 9, "--strategy", "random", *rule, *gates, candidates=["run.spool"])
    assert done.returncode == 0, done.stderr
    assert sorted(source[-1] for source in sources(select)) == ["2", "3"]

    rule = ["--threshold", 0, 1000]  # only step 130 is too near to the one before
    done = select("--count", 9, "--strategy", "random", *rule, *gates, candidates=["run.spool"])
    assert sorted(source[-1] for source in sources(select)) == ["1", "2", "3", "4"]


def test_spools_of_many_runs_are_one_pool(select):
    for run in ("a", "b"):
        spool = select.folder / f"{run}.spool"
        spool.mkdir()
        for number in (1, 2):
            text = spool_text(frames_text(3, seed=10 * ord(run) + number), run=f"r{run}{number}")
            (spool / f"000{number}.extxyz").write_text(text)
    done = select("--count", 12, "--strategy", "random", candidates=["a.spool", "b.spool"])

    assert done.stdout.endswith("12 of 12 candidates written to batch.extxyz\n"), done.stderr
    assert sorted(sources(select)) == [
        f"{run}.spool/000{number}.extxyz, candidate {candidate}"
        for run in "ab"
        for number in (1, 2)
        for candidate in (1, 2, 3)
    ]


def test_the_manifest_has_the_reason_of_the_run_that_spooled_a_candidate(select):
    (select.folder / "run.spool").mkdir()
    reasons = ["window", "above_hi", "before"]
    text = "".join(
        spool_text(frames_text(1, seed=seed), first=seed, reason=reason)
        for seed, reason in enumerate(reasons, 1)
    )
    (select.folder / "run.spool" / "0001.extxyz").write_text(text)
    done = select("--count", 3, "--strategy", "random", "--manifest", candidates=["run.spool"])

    assert done.returncode == 0, done.stderr
    entries = json.loads((select.folder / "batch.json").read_text())["frames"]
    assert {entry["step"] // 10: entry["why"] for entry in entries} == dict(enumerate(reasons, 1))


def test_torn_and_replaced_candidates_of_a_spool_are_no_candidates(select):
    (select.folder / "run.spool").mkdir()
    file = select.folder / "run.spool" / "0001.extxyz"
    frame = len(spool_text(frames_text(1, seed=5)))
    text = spool_text(frames_text(4, seed=5)) + spool_text(
        frames_text(1, seed=6), first=5, replaces='"2 3"'
    )
    file.write_text(text + text[: frame // 2])
    done = select("--count", 9, "--strategy", "random", candidates=["run.spool"])

    assert done.returncode == 0
    assert done.stderr == (
        f"note: run.spool/0001.extxyz: {frame // 2} bytes from byte {len(text)} on are no whole frame and were "
        "skipped (its writer was killed, the disk was full, it is damaged, or it is being written)\n"
    )
    assert sorted(source[-1] for source in sources(select)) == ["1", "4", "5"]


@pytest.mark.parametrize("head", ["junk\n", "\0" * 300 + "\n", "-3\n", "0\n", "99999999999\n"])
def test_a_damaged_head_costs_no_whole_frame_of_a_spool(select, head):
    (select.folder / "run.spool").mkdir()
    file = select.folder / "run.spool" / "0001.extxyz"
    file.write_text(head + spool_text(frames_text(3, seed=5)))
    done = select("--count", 9, "--strategy", "random", candidates=["run.spool"])

    assert done.returncode == 0, done.stderr
    assert f"note: run.spool/0001.extxyz: {len(head)} bytes from byte 0 on" in done.stderr
    assert sorted(source[-1] for source in sources(select)) == ["1", "2", "3"]


def test_zero_bytes_do_not_cut_a_message_off(select):
    (select.folder / "pool.extxyz").write_text("\0\0 atoms\n" + frames_text(1, seed=5))
    done = select("--count", 9)
    assert (
        done.stderr
        == 'almlip: pool.extxyz, frame 1, line 1: a frame must begin with its number of atoms, 1 or more, but there is "\\x00\\x00 atoms"\n'
    )


def test_files_of_a_spool_without_a_frame_yet_are_passed_over(select):
    """Just created, or left by a run that was killed within its first candidate."""
    (select.folder / "run.spool").mkdir()
    text = spool_text(frames_text(4, seed=5))
    comment_end = text.index("\n", text.index("\n") + 1)
    beginnings = {1: "", 3: text[:1], 4: text[: comment_end - 20], 5: text[:comment_end]}
    for number, beginning in {**beginnings, 2: text}.items():
        (select.folder / "run.spool" / f"000{number}.extxyz").write_text(beginning)
    done = select("--count", 9, "--known", "run.spool", candidates=["run.spool", "pool.extxyz"])

    assert done.returncode == 0, done.stderr
    note = "note: run.spool/0001.extxyz: there is no frame in this file yet, nor in 3 others; skipped\n"
    assert done.stderr.count(note) == 2  # as known and as candidates
    assert {source.split(",")[0] for source in sources(select)} == {"pool.extxyz"}


def test_a_frame_with_more_atoms_than_it_says_is_an_error(select):
    """At the end of the file, too, where a frame that is not complete is none."""
    first, second = frames_text(1, seed=5), frames_text(1, seed=6).replace("8", "7", 1)
    (select.folder / "pool.extxyz").write_text(first + second)
    done = select("--count", 9)

    assert done.returncode != 0
    message = "almlip: pool.extxyz, frame 3, line 20: a frame must begin with its number of atoms, 1 or more, but there is "
    assert done.stderr.startswith(message)
    assert done.stderr.endswith(
        "; if it is an atom of the frame before, correct the number there\n"
    )


def test_thousands_of_spools_need_no_more_than_a_few_open_files(select):
    for number in range(2000):
        (select.folder / f"{number}.spool").mkdir()
        text = spool_text(frames_text(1, seed=number)) if number % 100 == 0 else ""
        (select.folder / f"{number}.spool" / "0001.extxyz").write_text(text)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, limits[1]))
    try:
        done = select(
            "--count", 50, "--strategy", "random", candidates=[f"{k}.spool" for k in range(2000)]
        )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert done.returncode == 0, done.stderr[-500:]
    assert len(sources(select)) == 20


def test_known_frames_with_another_element_are_like_no_candidate(select):
    """As with the keyword `known` of fix al_query."""
    (select.folder / "known.extxyz").write_text(
        frames_text(3, seed=9).replace("Si ", "Ge ", 1) + frames_text(30, seed=1)
    )
    done = select("--count", 9, "--known", "known.extxyz")

    assert done.returncode == 0, done.stderr
    assert (
        "note: 1 frames of --known have an element that the potential does not have" in done.stderr
    )
    assert "30 refused: duplicate, known already" in done.stdout


@pytest.mark.parametrize("length", [0.7, 0.95, 0.999])
@pytest.mark.parametrize("packed", [False, True])
def test_whole_frames_of_a_torn_file_are_candidates(length, packed, select):
    """A killed run leaves the last frame, or the gzip stream, unfinished, even within a number."""
    text = frames_text(4, seed=5).encode()
    if packed:
        text = gzip.compress(text)
    (select.folder / "run.extxyz").write_bytes(text[: int(length * (len(text) - 9))])
    done = select("--count", 9, "--strategy", "random", candidates=["run.extxyz"])
    assert done.returncode == 0, done.stderr
    assert "on is not complete and was skipped" in done.stderr
    found = sorted(source[-1] for source in sources(select))
    assert found in (["1", "2"], ["1", "2", "3"])
    assert found == ["1", "2", "3"] or length < 0.75


def test_a_file_without_a_whole_frame_is_an_error(select):
    text = frames_text(1, seed=5)
    (select.folder / "run.extxyz").write_text(text[: len(text) // 2])
    done = select("--count", 9, "--strategy", "random", candidates=["run.extxyz"])
    assert done.returncode == 1 and "run.extxyz, frame 1" in done.stderr


def test_files_of_a_folder_that_is_read_are_not_written_over(select):
    spool = select.folder / "run.spool"
    spool.mkdir()
    text = spool_text((select.folder / "pool.extxyz").read_text())
    (spool / "0001.extxyz").write_text(text)
    for output in ("run.spool/0001.extxyz", "./run.spool/../run.spool/0001.extxyz"):
        done = select("--count", 5, candidates=["run.spool"], output=output)
        assert done.returncode == 1
        assert done.stderr == (
            f"almlip: {output} is in the folder run.spool, which is read, so that it cannot be "
            "written over; name another file\n"
        )
        done = select("--count", 5, "--known", "run.spool", output=output)
        assert done.returncode == 1
    assert (spool / "0001.extxyz").read_text() == text


def test_a_spool_without_a_group_is_one_of_all_atoms(select):
    spool = select.folder / "run.spool"
    spool.mkdir()
    (spool / "0001.extxyz").write_text(
        spool_text((select.folder / "pool.extxyz").read_text(), reason="window")
    )
    for group in ([], ["--group", "group"]):
        done = select("--count", 5, *group, candidates=["run.spool"])
        assert done.returncode == 0, done.stderr


def test_frames_that_cannot_be_predicted_are_refused(select):
    text = dump_text((select.folder / "pool.extxyz").read_text())
    snapshots = text.split("ITEM: TIMESTEP\n")[1:]
    first, second = (snapshot.splitlines() for snapshot in snapshots[:2])
    first[-1] = first[-1].replace(first[-1].split()[2], "nan")
    second[-1] = "1 " + second[-2].split(" ", 1)[1]  # at the place of its neighbour
    broken = ["\n".join(lines) + "\n" for lines in (first, second)]
    (select.folder / "broken.dump").write_text(
        "".join("ITEM: TIMESTEP\n" + snapshot for snapshot in broken + snapshots[2:])
    )
    done = select(
        *["--count", 30, "--strategy", "random", "--elements", "C", "Si"],
        candidates=["broken.dump"],
    )

    assert done.returncode == 0, done.stderr
    assert "1 refused: not_finite" in done.stdout
    assert "1 refused: mindist, two atoms too close, down to 0 Angstrom\n" in done.stdout
    assert done.stdout.endswith("28 of 30 candidates written to batch.extxyz\n")
