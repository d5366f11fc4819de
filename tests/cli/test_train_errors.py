# SPDX-License-Identifier: GPL-2.0-or-later
"""What `almlip train` cannot use is one clear line, and nothing is fitted."""

import gzip
import shutil
import time

import numpy as np
import pytest

from argon import ALMLIP, QUICK, fit, frame_text, make_frames, train

pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")


def with_first(old, new):
    return lambda texts: "".join(texts).replace(old, new, 1)


def atoms_on_top(texts):
    lines = texts[0].splitlines()
    lines[3] = lines[2]
    return "\n".join(lines) + "\n" + "".join(texts[1:])


def flat_cell(texts):
    lines = texts[0].splitlines()
    lines[1] = 'Lattice="4 0 0 0 4 0 4 4 0" ' + lines[1].split('" ', 1)[1]
    return "\n".join(lines) + "\n" + "".join(texts[1:])


def not_a_number(texts):
    lines = texts[0].splitlines()
    lines[2] = " ".join(lines[2].split()[:-1] + ["nan"])
    return "\n".join(lines) + "\n" + "".join(texts[1:])


def impossible_force(texts):
    lines = texts[0].splitlines()
    lines[2] = " ".join(lines[2].split()[:-1] + ["-2e6"])
    return "\n".join(lines) + "\n" + "".join(texts[1:])


BAD_FILES = {
    "no forces at all": (
        lambda texts: "".join(texts).replace(":forces:R:3", ":other:R:3"),
        ["bad.extxyz", "no column of forces", "other columns are other", "--forces-key"],
    ),
    "two energies": (with_first("energy=", "REF_energy=-1 energy="), ["frame 1", "--energy-key"]),
    "other energies": (
        with_first("energy=", "REF_energy="),
        ["REF_energy in 1, energy in 11 frames", "--energy-key"],
    ),
    "missing energy": (
        with_first("energy=", "enthalpy="),
        ["bad.extxyz", "no energy=...", "other numbers are enthalpy", "--energy-key"],
    ),
    "NaN": (not_a_number, ["bad.extxyz", "nan"]),
    "impossible energy": (
        with_first("energy=", "energy=1e300 enthalpy="),
        ["bad.extxyz, frame 1, line 2: energy is 2.5e+299 eV per atom, but at most 10000000"],
    ),
    "impossible force": (
        impossible_force,
        ["bad.extxyz, frame 1, line 3: atom 1 has a force of -2000000 eV/Angstrom"],
    ),
    "impossible virial": (
        with_first('virial="', 'virial="1e300 0 0 0 0 0 0 0 0" other="'),
        ["frame 1, line 2: virial has a component of 1e+300 eV, but at most 1e+15"],
    ),
    "not an element": (with_first("Ar ", "Xx "), ["bad.extxyz", "Xx"]),
    "zero-volume cell": (flat_cell, ["bad.extxyz", "volume"]),
    "atoms on top of each other": (atoms_on_top, ["bad.extxyz", "frame 1", "atoms 1 and 2"]),
    "too few frames": (
        lambda texts: "".join(texts[:2]),
        ["2 training frames with forces, but at least 4 are needed; calculate more frames"],
    ),
    "too few forces": (
        lambda texts: (
            "".join(texts[:3]) + "".join(texts[3:]).replace(":forces:R:3", ":my_forces:R:3")
        ),
        ["at least 4 are needed; there is no column of forces", "my_forces", "--forces-key"],
    ),
    "last frame cut off": (lambda texts: "".join(texts)[:-40], ["bad.extxyz"]),
    "empty": (lambda texts: "", ["bad.extxyz"]),
}


def check_failure(done, started, words):
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("almlip: "), done.stderr
    for word in words:
        assert word in lines[0].replace("NaN", "nan")
    assert time.monotonic() - started < 5  # seconds: nothing was fitted


@pytest.mark.parametrize("damage, words", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_frames_give_one_clear_line(tmp_path, damage, words):
    bad = tmp_path / "bad.extxyz"
    bad.write_text(damage(make_frames(12)))
    started = time.monotonic()
    done = train("--train", bad, "--output", tmp_path / "p", *QUICK, "--epochs", "100000")
    check_failure(done, started, words)
    assert not (tmp_path / "p").exists()


def test_truncated_gzip_gives_one_clear_line(tmp_path):
    bad = tmp_path / "bad.extxyz.gz"
    whole = gzip.compress("".join(make_frames(12)).encode())
    bad.write_bytes(whole[: len(whole) // 2])
    started = time.monotonic()
    check_failure(
        train("--train", bad, "--output", tmp_path / "p", *QUICK), started, ["bad.extxyz.gz"]
    )


BAD_ARGUMENTS = {
    "wrong element": (["--elements", "Si"], ["Ar", "Si"]),
    "unknown preset": (["--preset", "huge"], ["fast, default, accurate, large"]),
    "output folder missing": (["--output", "/nonexistent/p.json"], ["/nonexistent"]),
    "start missing": (["--start", "/nonexistent/p.json"], ["/nonexistent/p.json"]),
    "refit of nothing": (
        ["--refit", "full"],
        ['"refit" is full, but there is no potential to start from', "--start"],
    ),
    "frames missing": (["--validation", "/nonexistent/v.extxyz"], ["/nonexistent/v.extxyz"]),
    "learning rate": (["--learning-rate", "fast"], ["learning_rate"]),
}


@pytest.mark.parametrize("arguments, words", BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS.keys())
def test_bad_arguments_give_one_clear_line(frames, tmp_path, arguments, words):
    started = time.monotonic()
    quick = [word for word in QUICK if word not in ("--preset", "fast")]
    output = [] if "--output" in arguments else ["--output", tmp_path / "p"]
    check_failure(train("--train", frames, *output, *quick, *arguments), started, words)


def test_unknown_setting_names_the_nearest(frames, tmp_path):
    (tmp_path / "s.json").write_text('{"cutof": 5.0}')
    started = time.monotonic()
    done = train(tmp_path / "s.json", "--train", frames)
    check_failure(done, started, ['s.json: there is no setting "cutof"; did you mean "cutoff"?'])


def test_unknown_flag_is_wrong_usage():
    done = train("--wieght-decay", "0.1")
    assert done.returncode == 2
    assert done.stderr == (
        'almlip: almlip train does not take "--wieght-decay"; did you mean --weight-decay? '
        "See almlip train --help\n"
    )


def test_checkpoint_of_other_settings_is_refused(frames, tmp_path):
    fit(frames, tmp_path / "p", "--checkpoint", tmp_path / "c")
    done = train(
        "--train",
        frames,
        "--output",
        tmp_path / "p",
        *QUICK,
        "--checkpoint",
        tmp_path / "c",
        "--seed",
        "9",
    )
    assert done.returncode == 1
    assert "it belongs to other settings or other training data" in done.stderr


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun")
def test_only_one_rank_reports_an_error(frames, tmp_path):
    done = train(
        "--train",
        frames,
        "--output",
        tmp_path / "p",
        "--cutoff",
        "-1",
        launcher=["mpirun", "-n", "2"],
    )
    assert done.returncode == 1
    assert done.stderr.count("almlip:") == 1


def test_warm_start_refuses_another_shape(frames, tmp_path):
    fit(frames, tmp_path / "p", "--epochs", "1")
    done = train(
        "--train",
        frames,
        "--start",
        tmp_path / "p",
        *QUICK,
        "--members",
        "3",
        "--output",
        tmp_path / "q",
    )
    assert done.returncode == 1
    assert "members 2, but the settings ask for" in done.stderr


def test_tuning_and_warm_start_exclude_each_other(frames, tmp_path):
    started = time.monotonic()
    done = train("--train", frames, "--tune", "5", "--start", tmp_path / "p")
    check_failure(done, started, ["--tune", "--start"])


def test_memory_that_is_too_small_is_an_error(frames, tmp_path):
    started = time.monotonic()
    done = train("--train", frames, "--output", tmp_path / "p", *QUICK, "--memory", "1e-3")
    check_failure(done, started, ['"memory" is 0.001 GB', "raise it"])


def test_isolated_atoms_can_be_skipped(tmp_path):
    apart = np.array([[0.0, 0, 0], [9.0, 0, 0]])  # cutoff 5 Angstrom
    alone = frame_text(20 * np.eye(3), apart, 0.0, 0 * apart, np.zeros((3, 3)))
    path = tmp_path / "f.extxyz"
    path.write_text("".join(make_frames(12)) + alone)
    started = time.monotonic()
    arguments = ["--train", path, "--output", tmp_path / "p", *QUICK]
    check_failure(
        train(*arguments), started, ["frame 13", "atom 1 has no neighbour", "isolated_atoms"]
    )
    assert train(*arguments, "--isolated-atoms", "skip").returncode == 0
