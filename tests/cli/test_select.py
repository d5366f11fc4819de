# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip select` from the outside: candidates in, a batch with reasons out."""

import json

import numpy as np
import pytest

from candidates import ALMLIP, chosen, evaluated, fnv1a, frames_text, largest_sigmas, read
from random_potential import RECORD

pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")


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
    """By which a potential file tells that it has learned the frame: its first 48 bits."""
    numbers = "".join(f"{number} " for number in sorted(atoms.numbers))
    return fnv1a(f"{numbers}{atoms.get_volume():.3f} {atoms.get_potential_energy():.5f}")[:12]


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


def test_a_folder_of_batches_can_be_known(select):
    (select.folder / "batches").mkdir()
    lines = (select.folder / "pool.extxyz").read_text().splitlines(keepends=True)
    for k in (0, 1):
        (select.folder / "batches" / f"b{k}.extxyz").write_text(
            "".join(lines[130 * k : 130 * (k + 1)])
        )
    done = select("--known", "batches", "--count", 10, "--strategy", "random")

    assert done.stdout.endswith("4 of 30 candidates written to batch.extxyz\n")


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
