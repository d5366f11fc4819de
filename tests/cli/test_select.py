# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip select` from the outside: candidates in, a batch with reasons out."""

import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "lammps"))
from random_potential import RECORD, write_random_potential

ALMLIP = os.environ.get("ALMLIP_EXECUTABLE") or shutil.which("almlip")
pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")
read = pytest.importorskip("ase.io").read


def frames_text(count, seed):
    """Displaced diamond cells of 8 silicon atoms, with energies as if they had been labelled."""
    random = np.random.default_rng(seed)
    corners = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0]])
    diamond = np.concatenate([corners, corners + 1]) / 4 * 5.43
    text = ""
    for k in range(count):
        rows = "\n".join(
            f"Si {x:.8f} {y:.8f} {z:.8f}" for x, y, z in diamond + random.normal(0.0, 0.1, (8, 3))
        )
        text += f'8\nLattice="5.43 0 0 0 5.43 0 0 0 5.43" Properties=species:S:1:pos:R:3 energy={-40 - k} config_type=md pbc="T T T"\n{rows}\n'
    return text


@pytest.fixture
def select(tmp_path):
    """select(arguments): runs the command, on 30 candidates if no others are named; returns the
    finished process."""
    potential = json.loads(write_random_potential(tmp_path / "Si.json", ["Si"]).read_text())
    # Its descriptors hardly differ, as if all these frames were the same to it; fitted ones have deviation 1.
    potential["committees"][0]["inverse_deviation"] = [5.0] * len(
        potential["committees"][0]["inverse_deviation"]
    )
    (tmp_path / "Si.json").write_text(json.dumps(potential))
    (tmp_path / "pool.extxyz").write_text(frames_text(30, seed=1))

    def run(*arguments, candidates=("pool.extxyz",), output="batch.extxyz"):
        command = [
            ALMLIP,
            "select",
            "Si.json",
            *candidates,
            *map(str, arguments),
            "--output",
            output,
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    run.folder = tmp_path
    return run


def chosen(select):
    return [
        atoms.info["energy"] if "energy" in atoms.info else atoms.get_potential_energy()
        for atoms in read(select.folder / "batch.extxyz", index=":")
    ]


@pytest.mark.parametrize(
    "strategy",
    [
        "random",
        "uncertainty",
        "diversity",
        "hybrid",
        "alc",
        "alc_atoms",
        "lcmd",
        "badge",
        "power",
    ],
)
def test_each_strategy_chooses_different_frames_and_says_why(select, strategy):
    done = select("--count", 6, "--strategy", strategy, "--clusters", 4)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("6 of 30 candidates written to batch.extxyz\n")
    batch = read(select.folder / "batch.extxyz", index=":")
    assert len(set(chosen(select))) == 6
    for atoms in batch:
        assert atoms.info["strategy"] == strategy
        assert atoms.info["config_type"] == "md"
        assert atoms.info["max_sigma"] == pytest.approx(atoms.arrays["sigma"].max(), rel=1e-9)
        assert ("cluster" in atoms.info) == (strategy in ("diversity", "hybrid", "alc_atoms"))
        assert atoms.info["selected_from"].startswith("pool.extxyz")


def evaluated(select):
    """The frames of the pool with what eval finds."""
    subprocess.run(
        [ALMLIP, "eval", "Si.json", "pool.extxyz", "--output", "eval.extxyz"],
        cwd=select.folder,
        check=True,
        capture_output=True,
    )
    return read(select.folder / "eval.extxyz", index=":")


def largest_sigmas(select):
    return np.array([atoms.arrays["sigma"].max() for atoms in evaluated(select)])


def test_uncertainty_takes_the_largest_sigma_that_eval_finds(select):
    select("--count", 5, "--strategy", "uncertainty")

    sigma = largest_sigmas(select)
    assert chosen(select) == [-40 - k for k in np.argsort(sigma)[::-1][:5]]


def test_known_frames_are_never_chosen(select):
    lines = (select.folder / "pool.extxyz").read_text().splitlines(keepends=True)
    (select.folder / "known.extxyz").write_text("".join(lines[: 10 * 25]))  # the first 25 frames
    done = select("--known", "known.extxyz", "--count", 10, "--strategy", "hybrid")

    assert done.stdout.endswith("5 of 30 candidates written to batch.extxyz\n")
    assert sorted(chosen(select)) == [-69, -68, -67, -66, -65]


def mark_of(atoms):
    """By which a potential file tells that it has learned the frame: FNV-1a, its first 48 bits."""
    numbers = "".join(f"{number} " for number in sorted(atoms.numbers))
    code = 14695981039346656037
    for byte in f"{numbers}{atoms.get_volume():.3f} {atoms.get_potential_energy():.5f}".encode():
        code = (code ^ byte) * 1099511628211 % 2**64
    return f"{code:016x}"[:12]


def test_atoms_of_a_learned_frame_do_not_count_again(select):
    """A potential keeps the fingerprints of some training frames only, but the atoms of all."""
    (select.folder / "known.extxyz").write_text(frames_text(1, seed=2))
    scores = []
    for known, learned in (
        ([], []),
        (["--known", "known.extxyz"], []),
        (["--known", "known.extxyz"], ["known.extxyz"]),
    ):
        potential = json.loads((select.folder / "Si.json").read_text())
        marks = [mark_of(read(select.folder / file)) for file in learned]
        potential["provenance"]["learned"] = marks
        (select.folder / "Si.json").write_text(json.dumps(potential))
        done = select(*known, "--count", 10)
        assert done.returncode == 0, done.stderr
        batch = read(select.folder / "batch.extxyz", index=":")
        scores.append([atoms.info["score"] for atoms in batch])
    nothing_known, not_learned, all_learned = scores
    assert all_learned == nothing_known != not_learned


def test_a_known_frame_counts_once(select):
    lines = (select.folder / "pool.extxyz").read_text().splitlines(keepends=True)
    (select.folder / "known.extxyz").write_text("".join(lines[: 10 * 5]))  # the first 5 frames
    scores = []
    for times in (1, 3):
        done = select("--known", *times * ["known.extxyz"], "--count", 10)
        assert done.returncode == 0, done.stderr
        batch = read(select.folder / "batch.extxyz", index=":")
        scores.append([atoms.info["score"] for atoms in batch])
    assert scores[0] == scores[1]


def test_choice_by_atoms_is_the_default_with_a_quota_for_kinds(select):
    frames = (select.folder / "pool.extxyz").read_text().replace("=md", "=slab", 5)
    (select.folder / "pool.extxyz").write_text(frames)
    potential = json.loads((select.folder / "Si.json").read_text())
    potential["training"] |= RECORD  # 20 frames of kind md were labelled, none of a slab
    (select.folder / "Si.json").write_text(json.dumps(potential))
    done = select("--count", 10)

    assert done.returncode == 0, done.stderr
    batch = read(select.folder / "batch.extxyz", index=":")
    assert all(atoms.info["strategy"] == "alc_atoms" for atoms in batch)
    assert [batch[n].info["config_type"] for n in (4, 9)] == ["slab", "slab"]


def test_choice_follows_the_seed(select):
    batches = []
    for seed in (1, 1, 2):
        select("--count", 8, "--strategy", "random", "--seed", seed)
        batches.append(chosen(select))

    assert batches[0] == batches[1] != batches[2]


def test_a_seed_that_is_none_is_refused(select):
    run = select("--count", 5, "--seed", 0)

    assert "--seed: Value 0 not in range 1 to 2147483647" in run.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--count", 5, "--strategy", "foo"],
            "strategy is 'foo', but it must be random, uncertainty, diversity, hybrid, alc, alc_atoms, lcmd, badge or power",
        ),
        (
            ["--count", 0, "--strategy", "random"],
            "--count is 0, but it must be at least 1",
        ),
        (
            ["--reference", "other.extxyz", "--count", 5, "--strategy", "lcmd"],
            "--reference is for the strategies alc and alc_atoms, but the strategy is lcmd",
        ),
        (
            [
                "--known",
                "other.extxyz",
                "other.extxyz",
                "--count",
                5,
                "--strategy",
                "random",
                "--alpha",
                3,
            ],
            "selection: alpha is 3, but it must be 0 to 1",
        ),
        (
            ["--count", 5, "--density", 3, 2],
            "--density is 3 2, but it must be lo hi with 0 <= lo < hi; 0 is no limit",
        ),
        (["--count", 5, "--spacing", -2], "--spacing is -2, but it must not be negative"),
        (["--count", 5, "--before", -1], "--before is -1, but it must not be negative"),
        (
            ["--count", 5, "--before", 2],
            "--before is 2, but without --threshold no frame is above hi; give one, or leave --before out",
        ),
        (
            ["--count", 5, "--group", "hot"],
            "pool.extxyz, frame 1: --group is hot, but no column of that name marks the atoms; the frame has none of one number for each atom",
        ),
        (["--count", 5, "--temperature", -2], "--temperature is -2, but it must not be negative"),
        (
            ["--count", 5, "--measure", "energy", "--threshold", "auto"],
            "--measure is energy, for which a potential tells no threshold; give --threshold lo hi, eV per atom",
        ),
        (
            ["--count", 5, "--threshold", "often"],
            "--threshold is often, but it must be auto, none, adaptive and a share, or two numbers lo hi",
        ),
        (
            ["--count", 5, "--threshold", "adaptive", 2],
            "--threshold is adaptive 2, but adaptive needs a share of the frames between 0 and 1",
        ),
        (
            ["--count", 5, "--measure", "novelty", "--threshold", "adaptive", 0.2],
            "--threshold adaptive moves the lo of sigma, but --measure is novelty; use measure force or any, or give --threshold lo hi of novelty",
        ),
        (
            ["--count", 10, "--buffer", 4],
            "--count is 10, but it must not be more than --buffer, which is 4",
        ),
        (
            ["--count", 5, "--measure", "force"],
            "--measure is force, but there is no --threshold to compare it with; give one, or leave --measure out",
        ),
        (
            ["--count", 5, "--measure", "novelty", "--threshold", 1, 2],
            "--measure is novelty, but the potential does not tell it; train it with novelty true, or use another measure",
        ),
        (
            ["--count", 5, "--spacing", 10],
            "pool.extxyz, frame 1: --spacing is given, but the frame tells no step; give frames with step=N in the comment line, as spools have it, or leave the option out",
        ),
    ],
)
def test_bad_input_is_one_clear_error(select, arguments, message):
    (select.folder / "other.extxyz").write_text(frames_text(1, seed=2))
    done = select(*arguments)

    assert done.returncode == 1
    assert done.stderr == f"almlip: {message}\n"
    assert not (select.folder / "batch.extxyz").exists()


def fnv1a(text):
    """64-bit hash by its definition, as 16 hexadecimal digits."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def spool_text(frames, first=1, **keys):
    """The frames as docs/spool.md has them."""
    text, lines = "", frames.splitlines()
    for number, start in enumerate(range(0, len(lines), 10), first):
        count, comment, *atoms = lines[start : start + 10]
        comment = re.sub(" energy=\\S+", "", comment)  # nothing in a spool is a label
        for key, value in {"candidate": number, "run": "r1", "step": 10 * number, **keys}.items():
            comment += f" {key}={value}"
        tail = "\n" + "\n".join(atoms) + "\n"
        frame = f"{count}\n{comment}"
        text += frame + f" check={fnv1a(frame + tail)}" + tail
    return text


def dump_text(frames):
    """The frames as a LAMMPS dump with scaled positions; type 2 is silicon, atoms are out of order."""
    text, lines = "", frames.splitlines()
    for step, start in enumerate(range(0, len(lines), 10)):
        text += f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n8\nITEM: BOX BOUNDS pp pp pp\n"
        text += "1.0 6.43\n" * 3 + "ITEM: ATOMS id type xs ys zs\n"
        for i in reversed(range(8)):
            scaled = [repr(float(x) / 5.43) for x in lines[start + 2 + i].split()[1:]]
            text += f"{i + 1} 2 {' '.join(scaled)}\n"
    return text


def sources(select):
    return [
        atoms.info["selected_from"] for atoms in read(select.folder / "batch.extxyz", index=":")
    ]


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


def test_a_folder_of_batches_can_be_known(select):
    (select.folder / "batches").mkdir()
    lines = (select.folder / "pool.extxyz").read_text().splitlines(keepends=True)
    for k in (0, 1):
        (select.folder / "batches" / f"b{k}.extxyz").write_text(
            "".join(lines[130 * k : 130 * (k + 1)])
        )
    done = select("--known", "batches", "--count", 10, "--strategy", "random")

    assert done.stdout.endswith("4 of 30 candidates written to batch.extxyz\n")


def test_window_gates_and_known_refuse_by_reason(select):
    pool = read(select.folder / "pool.extxyz", index=":")
    least = [atoms.get_all_distances(mic=True)[np.triu_indices(8, 1)].min() for atoms in pool]
    sigma = largest_sigmas(select)
    lo, mindist = float(np.median(sigma)), float(np.median(least))
    flagged = [k for k in range(30) if sigma[k] >= lo]
    taken = {k for k in flagged if least[k] >= mindist}
    options = ["--threshold", lo, 1e6, "--measure", "force", "--mindist", mindist, "--fmax", 0]
    done = select("--count", 30, "--strategy", "random", "--manifest", *options)

    assert done.returncode == 0, done.stderr
    assert {-40 - int(energy) for energy in chosen(select)} == taken
    assert f"{30 - len(flagged):8d} not uncertain enough\n" in done.stdout
    assert f"{len(flagged) - len(taken):8d} refused: mindist" in done.stdout
    assert done.stdout.endswith(f"{len(taken)} of 30 candidates written to batch.extxyz\n")
    manifest = json.loads((select.folder / "batch.json").read_text())
    assert manifest["settings"]["threshold"] == [pytest.approx(lo), 1e6]
    assert manifest["counts"] == {"looks": 30, "below": 30 - len(flagged)}
    assert {entry["from"] for entry in manifest["frames"]} == set(sources(select))
    assert [(entry["reason"], entry["count"]) for entry in manifest["rejections"]] == [
        ("mindist", len(flagged) - len(taken))
    ]


def test_of_frames_above_hi_in_a_row_only_the_first_is_taken(select):
    options = ["--threshold", 0, 1e-9, "--measure", "force", "--fmax", 0, "--mindist", 0]
    (select.folder / "more.extxyz").write_text(frames_text(5, seed=9))
    done = select(
        *["--count", 30, "--strategy", "random", *options],
        candidates=["pool.extxyz", "more.extxyz"],
    )

    assert done.returncode == 0, done.stderr
    assert sorted(sources(select)) == ["more.extxyz, frame 1", "pool.extxyz, frame 1"]
    assert f"{33:8d} refused: above_hi" in done.stdout


def test_an_excursion_ends_where_the_steps_begin_anew(select):
    """As in a run: a scan by `run 0` has many configurations at one step."""
    frames = read(select.folder / "pool.extxyz", index=":6")
    for frame, step in zip(frames, [0, 10, 20, 0, 0, 10]):
        frame.info["step"] = step
    pytest.importorskip("ase.io").write(select.folder / "runs.extxyz", frames)
    options = ["--threshold", 0, 1e-9, "--measure", "force", "--fmax", 0, "--mindist", 0]
    done = select("--count", 9, "--strategy", "random", *options, candidates=["runs.extxyz"])

    assert done.returncode == 0, done.stderr
    assert {int(source[-1]) for source in sources(select)} == {1, 4, 5}


def test_each_excursion_that_a_run_has_spooled_is_one(select):
    """A spool lacks the trusted frames between them."""
    (select.folder / "run.spool").mkdir()
    reasons = ["window", "above_hi", "above_hi", "window"]
    text = "".join(
        spool_text(frames_text(1, seed=seed), first=seed, reason=reason)
        for seed, reason in enumerate(reasons, 1)
    )
    (select.folder / "run.spool" / "0001.extxyz").write_text(text)
    options = ["--threshold", 0, 1e-9, "--measure", "force", "--fmax", 0, "--mindist", 0]
    done = select("--count", 9, "--strategy", "random", *options, candidates=["run.spool"])

    assert done.returncode == 0, done.stderr
    assert sorted(source[-1] for source in sources(select)) == ["1", "2", "3"]
    assert f"{1:8d} refused: above_hi" in done.stdout


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_adaptive_threshold_is_that_of_the_fix(select, share):
    """lo begins at the median of the held-out frames; after each frame its logarithm moves by 0.2
    times (1 if the frame is at or above it, else 0, minus the share)."""
    sigma = largest_sigmas(select)
    potential = json.loads((select.folder / "Si.json").read_text())
    lo = float(np.median(sigma))
    potential["training"] |= RECORD | {"held_out_sigma": [lo / 2, lo, 2 * lo]}
    potential["training"] |= {"held_out_atoms": [8, 8, 8], "held_out_novelty": [1, 1, 1]}
    (select.folder / "Si.json").write_text(json.dumps(potential))
    num_below = 0
    for value in sigma:
        num_below += value < lo
        lo *= np.exp(0.2 * ((value >= lo) - share))
    gates = ["--fmax", 0, "--mindist", 0, "--measure", "force"]
    done = select("--count", 30, "--strategy", "random", "--threshold", "adaptive", share, *gates)

    assert done.returncode == 0, done.stderr
    assert 0 < num_below < 30
    assert f"{num_below:8d} not uncertain enough\n" in done.stdout


def test_threshold_none_has_the_hi_of_the_fix(select):
    """3 times the largest of the held-out sigmas, here less than the least sigma; frames of one row."""
    sigma = largest_sigmas(select)
    potential = json.loads((select.folder / "Si.json").read_text())
    potential["training"] |= RECORD | {"held_out_sigma": [sigma.min() / 4]}
    potential["training"] |= {"held_out_atoms": [8], "held_out_novelty": [1]}
    potential["training"]["rms_force"] = sigma.min() / 10
    (select.folder / "Si.json").write_text(json.dumps(potential))
    gates = ["--fmax", 0, "--mindist", 0, "--measure", "force"]
    done = select("--count", 30, "--strategy", "random", "--threshold", "none", *gates)

    assert done.returncode == 0, done.stderr
    assert "not uncertain enough" not in done.stdout
    assert f"{29:8d} refused: above_hi" in done.stdout


def test_automatic_window_is_that_of_the_fix(select):
    """lo is what a tenth of the held-out frames is below, for 8 atoms: here the least of three."""
    sigma = largest_sigmas(select)
    potential = json.loads((select.folder / "Si.json").read_text())
    growth = np.sqrt((2 * np.log(8) + 1) / (2 * np.log(64) + 1))
    lo = np.median(sigma)
    potential["training"] |= RECORD | {"held_out_sigma": [3 * lo, lo / growth, 2 * lo]}
    potential["training"] |= {"held_out_atoms": [8, 64, 8], "held_out_novelty": [1, 1, 1]}
    (select.folder / "Si.json").write_text(json.dumps(potential))
    gates = ["--fmax", 0, "--mindist", 0, "--measure", "force"]
    done = select("--count", 30, "--strategy", "random", "--threshold", "auto", *gates)

    assert done.returncode == 0, done.stderr
    assert f"{sum(sigma < lo):8d} not uncertain enough\n" in done.stdout


def test_density_that_was_refused_is_told(select):
    """Mass and volume from ASE."""
    frames = read(select.folder / "pool.extxyz", index=":")
    densities = [1.66053907 * f.get_masses().sum() / f.get_volume() for f in frames]
    done = select("--count", 30, "--density", 9, 10)

    assert done.returncode == 0, done.stderr
    told = f"from {min(densities):.4g} to {max(densities):.4g} g/cm^3"
    assert f"{30:8d} refused: density, {told}\n" in done.stdout


@pytest.mark.parametrize("key, option", [("step", "--spacing"), ("temperature", "--temperature")])
def test_a_word_where_a_number_is_needed_is_one_clear_error(select, key, option):
    frames = read(select.folder / "pool.extxyz", index=":")
    frames[0].info[key] = "late"
    pytest.importorskip("ase.io").write(select.folder / "words.extxyz", frames)
    done = select("--count", 5, option, 10, candidates=["words.extxyz"])

    assert done.returncode == 1
    assert done.stderr == (
        f"almlip: words.extxyz, frame 1: {key} is 'late', but it must be a number\n"
    )


def test_spacing_counts_in_steps_of_a_file(select):
    frames = read(select.folder / "pool.extxyz", index=":")
    for number, frame in enumerate(frames):
        frame.info["step"] = 10 * number
    for name, part in (("a.extxyz", frames[:15]), ("b.extxyz", frames[15:])):
        pytest.importorskip("ase.io").write(select.folder / name, part)
    options = ["--strategy", "random", "--spacing", 30, "--fmax", 0, "--mindist", 0]
    done = select("--count", 30, *options, candidates=["a.extxyz", "b.extxyz"])

    assert done.returncode == 0, done.stderr
    assert f"{20:8d} refused: spacing" in done.stdout


@pytest.mark.parametrize("kind", [int, bool, float])
def test_sigma_of_a_group_counts(select, kind):
    write = pytest.importorskip("ase.io").write
    frames = evaluated(select)
    for frame in frames:
        frame.arrays["edge"] = np.array([0, 0, 1, 0, 0, 1, 0, 0]).astype(kind)
    write(select.folder / "marked.extxyz", frames)
    options = ["--count", 5, "--strategy", "uncertainty"]
    done = select(*options, "--group", "edge", candidates=["marked.extxyz"])
    assert done.returncode == 0, done.stderr
    expected = sorted((frame.arrays["sigma"][[2, 5]].max() for frame in frames), reverse=True)[:5]
    batch = read(select.folder / "batch.extxyz", index=":")
    assert [frame.info["max_sigma"] for frame in batch] == pytest.approx(expected, rel=1e-6)

    missing = select(*options, "--group", "inner", candidates=["marked.extxyz"])
    assert missing.returncode == 1
    assert "marked.extxyz, frame 1: --group is inner, but no column" in missing.stderr
    assert "edge" in missing.stderr and not missing.stderr.count("\n") > 1


def test_frames_before_one_that_cannot_be_predicted(select):
    """Two atoms at one place are a blow-up like any other."""
    frames = read(select.folder / "pool.extxyz", index=":8")
    frames[5].positions[1] = frames[5].positions[0]
    pytest.importorskip("ase.io").write(select.folder / "run.extxyz", frames)
    rule = ["--threshold", 900, 1000, "--measure", "force", "--fmax", 0, "--mindist", 0]
    done = select(
        *["--count", 9, "--strategy", "random", "--before", 2, *rule], candidates=["run.extxyz"]
    )

    assert done.returncode == 0, done.stderr
    assert sorted(sources(select)) == ["run.extxyz, frame 4", "run.extxyz, frame 5"]


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


def test_hot_frames_are_refused_and_frames_must_tell_their_temperature(select):
    frames = read(select.folder / "pool.extxyz", index=":")
    for number, frame in enumerate(frames):
        frame.info["temperature"] = 100.0 * number
    pytest.importorskip("ase.io").write(select.folder / "hot.extxyz", frames)
    options = ["--count", 30, "--strategy", "random", "--temperature", 1000]
    done = select(*options, "--fmax", 0, "--mindist", 0, candidates=["hot.extxyz"])
    untold = select(*options)

    assert done.returncode == 0, done.stderr
    assert {
        frame.info["temperature"] for frame in read(select.folder / "batch.extxyz", index=":")
    } == {100 * n for n in range(11)}
    assert f"{19:8d} refused: temperature, too hot, up to 2900 K" in done.stdout
    assert untold.returncode == 1
    assert "pool.extxyz, frame 1: --temperature is given, but the frame tells none" in untold.stderr


def test_nothing_chosen_says_what_to_do(select):
    done = select("--count", 5, "--threshold", 900, 1000, "--measure", "force")

    assert done.returncode == 0, done.stderr
    assert "nothing is worth a label" in done.stdout.splitlines()[-1]
    assert (select.folder / "batch.extxyz").read_text() == ""


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
