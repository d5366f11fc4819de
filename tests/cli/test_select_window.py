# SPDX-License-Identifier: GPL-2.0-or-later
"""Which candidates `almlip select` takes and refuses, by the rule of the fix."""

import json

import numpy as np
import pytest

from candidates import ALMLIP, chosen, frames_text, largest_sigmas, read, sources, spool_text
from random_potential import RECORD

pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")


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
