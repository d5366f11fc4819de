"""`almlip select` from the outside: candidates in, a batch with reasons out."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "lammps"))
from random_potential import write_random_potential

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
    """select(arguments): runs the command on 30 candidates; returns the finished process."""
    potential = json.loads(write_random_potential(tmp_path / "Si.json", ["Si"]).read_text())
    # Its descriptors hardly differ, as if all these frames were the same to it; fitted ones have deviation 1.
    potential["committees"][0]["inverse_deviation"] = [5.0] * len(
        potential["committees"][0]["inverse_deviation"]
    )
    (tmp_path / "Si.json").write_text(json.dumps(potential))
    (tmp_path / "pool.extxyz").write_text(frames_text(30, seed=1))

    def run(*arguments):
        command = [
            ALMLIP,
            "select",
            "Si.json",
            "pool.extxyz",
            *map(str, arguments),
            "--output",
            "batch.extxyz",
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
    "strategy", ["random", "uncertainty", "diversity", "hybrid", "alc", "lcmd", "badge", "power"]
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
        assert ("cluster" in atoms.info) == (strategy in ("diversity", "hybrid"))
        assert atoms.info["selected_from"].startswith("pool.extxyz")


def test_uncertainty_takes_the_largest_sigma_that_eval_finds(select):
    select("--count", 5, "--strategy", "uncertainty")
    subprocess.run(
        [ALMLIP, "eval", "Si.json", "pool.extxyz", "--output", "eval.extxyz"],
        cwd=select.folder,
        check=True,
        capture_output=True,
    )

    sigma = [
        atoms.arrays["sigma"].max() for atoms in read(select.folder / "eval.extxyz", index=":")
    ]
    assert chosen(select) == [-40 - k for k in np.argsort(sigma)[::-1][:5]]


def test_known_frames_are_never_chosen(select):
    lines = (select.folder / "pool.extxyz").read_text().splitlines(keepends=True)
    (select.folder / "known.extxyz").write_text("".join(lines[: 10 * 25]))  # the first 25 frames
    done = select("--known", "known.extxyz", "--count", 10, "--strategy", "hybrid")

    assert done.stdout.endswith("5 of 30 candidates written to batch.extxyz\n")
    assert sorted(chosen(select)) == [-69, -68, -67, -66, -65]


def test_choice_follows_the_seed(select):
    batches = []
    for seed in (1, 1, 2):
        select("--count", 8, "--strategy", "random", "--seed", seed)
        batches.append(chosen(select))

    assert batches[0] == batches[1] != batches[2]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--count", 5, "--strategy", "foo"],
            "strategy is 'foo', but it must be random, uncertainty, diversity, hybrid, alc, lcmd, badge or power",
        ),
        (
            ["--count", 0, "--strategy", "random"],
            "selection: batch is 0, but it must be at least 1",
        ),
        (
            ["--reference", "other.extxyz", "--count", 5, "--strategy", "lcmd"],
            "--reference is for the strategy alc, but the strategy is lcmd",
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
    ],
)
def test_bad_input_is_one_clear_error(select, arguments, message):
    (select.folder / "other.extxyz").write_text(frames_text(1, seed=2))
    done = select(*arguments)

    assert done.returncode == 1
    assert done.stderr == f"almlip: {message}\n"
    assert not (select.folder / "batch.extxyz").exists()
