# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip eval`, `info` and `doctor` from the outside: a potential with random weights, frames, files and exit statuses."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lammps"))
from random_potential import write_random_potential

ALMLIP = os.environ.get("ALMLIP_EXECUTABLE") or shutil.which("almlip")
pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")

SILICON = """2
Lattice="3.9 0 0 0.4 4.1 0 -0.3 0.2 4.0" Properties=species:S:1:pos:R:3:forces:R:3 energy=-9.5 config_type={config_type} pbc="T T T"
Si 0 0 0 0.1 0.2 0.3
Si 1.9 1.8 2.1 -0.1 -0.2 -0.3
"""
VOLUME = 3.9 * 4.1 * 4.0  # Angstrom^3; the matrix is triangular


def almlip(*arguments, **options):
    return subprocess.run(
        [ALMLIP, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options
    )


@pytest.fixture
def potential(tmp_path):
    return write_random_potential(tmp_path / "Si.almlip.json", ["Si"])


@pytest.fixture
def frames(tmp_path):
    path = tmp_path / "frames.extxyz"
    path.write_text(SILICON.format(config_type="bulk") + SILICON.format(config_type="slab"))
    return path


def evaluate(potential, frames, folder, *more):
    result = almlip(
        "eval",
        potential,
        frames,
        "--json",
        folder / "out.json",
        "--output",
        folder / "predicted.extxyz",
        *more,
    )
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "out.json").read_text())["groups"]


def assert_one_error(result, *parts, status=1):
    assert result.returncode == status
    assert result.stderr.startswith("almlip: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def test_json_holds_the_agreed_names_for_every_group(potential, frames, tmp_path):
    groups = evaluate(potential, frames, tmp_path)
    assert set(groups) == {"all", "bulk", "slab"}
    for group in groups.values():
        assert set(group) == {
            "frames",
            "atoms",
            "energy_mae",
            "energy_rmse",
            "energy_sigma",
            "energy_coverage90",
            "force_mae",
            "force_rmse",
            "stress_mae",
            "stress_rmse",
            "spearman",
            "ece",
            "coverage90",
            "worst5_in_top10",
        }
        assert group["stress_mae"] is None
    assert (groups["all"]["frames"], groups["all"]["atoms"], groups["slab"]["atoms"]) == (2, 4, 2)


def test_predictions_are_what_ase_reads_and_explain_the_errors(potential, frames, tmp_path):
    ase_io = pytest.importorskip("ase.io", reason="ASE is not installed")
    groups = evaluate(potential, frames, tmp_path)
    predicted = ase_io.read(tmp_path / "predicted.extxyz", index=":")
    reference = ase_io.read(frames, index=":")
    errors = [p.get_forces() - r.get_forces() for p, r in zip(predicted, reference)]
    energies = [
        (p.get_potential_energy() - r.get_potential_energy()) / 2
        for p, r in zip(predicted, reference)
    ]
    assert groups["all"]["force_mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-12)
    assert groups["all"]["force_rmse"] == pytest.approx(
        np.sqrt(np.square(errors).mean()), rel=1e-12
    )
    assert groups["all"]["energy_mae"] == pytest.approx(np.abs(energies).mean(), rel=1e-12)
    for p, r in zip(predicted, reference):
        assert np.mean(p.info["member_energies"]) == pytest.approx(
            p.get_potential_energy(), rel=1e-12
        )
        assert p.info["ref_energy"] == r.get_potential_energy()
        assert np.array_equal(p.arrays["ref_forces"], r.get_forces())
        assert (p.arrays["sigma"] > 0).all()
        assert "novelty" not in p.arrays


def test_stress_has_the_sign_of_ase(potential, tmp_path):
    """Under a strain e the energy changes by volume * stress * e."""
    ase_io = pytest.importorskip("ase.io", reason="ASE is not installed")
    step, energies = 1e-4, {}
    atoms = ase_io.read(write(tmp_path, SILICON.format(config_type="bulk")))
    for sign in (-1, 0, 1):
        strained = atoms.copy()
        strained.set_cell(
            atoms.cell @ (np.eye(3) + sign * step * np.diag([1, 0, 0])), scale_atoms=True
        )
        ase_io.write(tmp_path / "strained.extxyz", strained)
        evaluate(potential, tmp_path / "strained.extxyz", tmp_path)
        energies[sign] = ase_io.read(tmp_path / "predicted.extxyz")
    slope = (energies[1].get_potential_energy() - energies[-1].get_potential_energy()) / (2 * step)
    assert energies[0].get_stress()[0] == pytest.approx(
        slope / VOLUME, rel=1e-5
    )  # central difference, O(step^2)


def test_novelty_is_written_when_the_potential_holds_it(frames, tmp_path):
    potential = write_random_potential(tmp_path / "N.almlip.json", ["Si"], novelty_threshold=2.0)
    evaluate(potential, frames, tmp_path)
    assert ":novelty:R:1:" in (tmp_path / "predicted.extxyz").read_text().splitlines()[1]


def test_table_names_groups_and_total(potential, frames):
    output = almlip("eval", potential, frames).stdout.splitlines()
    assert [line.split()[0] for line in output[2:5]] == ["bulk", "slab", "all"]
    assert output[5].startswith("Its energies have no sigma")  # a file of an earlier version


def test_sigma_of_energies_is_told_and_written(frames, tmp_path):
    potential = write_random_potential(tmp_path / "E.almlip.json", ["Si"], energies=True)
    groups = evaluate(potential, frames, tmp_path)
    told = tmp_path.joinpath("predicted.extxyz").read_text().splitlines()[1]
    sigma = float(told.split("energy_sigma=")[1].split()[0])
    assert groups["all"]["energy_sigma"] == pytest.approx(sigma, rel=1e-12)  # both frames are alike
    bound = 1.8 * sigma  # quantile90 of that file
    assert groups["all"]["energy_coverage90"] == float(groups["all"]["energy_mae"] <= bound)


def test_frame_without_references_gives_null(potential, tmp_path):
    path = write(tmp_path, "1\npbc=[F,F,F]\nSi 0 0 0\n")
    groups = evaluate(potential, path, tmp_path)
    assert groups["all"]["energy_mae"] is None
    assert groups["all"]["force_mae"] is None
    assert groups["all"]["spearman"] is None


def test_runs_under_mpi_and_prints_once(potential, frames):
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        pytest.skip("no mpirun in PATH")
    result = subprocess.run(
        [mpirun, "-n", "2", ALMLIP, "eval", potential, frames],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("config_type") == 1
    result = subprocess.run(
        [mpirun, "-n", "2", ALMLIP, "eval", potential, "/missing"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode != 0
    assert result.stderr.count("almlip: /missing: cannot be read") == 1


def write(folder, text, name="input.extxyz"):
    path = folder / name
    path.write_text(text)
    return path


def test_missing_files_are_named(potential, frames, tmp_path):
    assert_one_error(
        almlip("eval", tmp_path / "none.json", frames),
        "none.json: cannot be read: No such file or directory",
    )
    assert_one_error(
        almlip("eval", potential, tmp_path / "none.xyz"),
        "none.xyz: cannot be read: No such file or directory",
    )


def test_truncated_potential_is_refused(potential, frames):
    potential.write_text(potential.read_text()[:5000])
    assert_one_error(
        almlip("eval", potential, frames),
        "Si.almlip.json: this is not a complete JSON file",
        "get it again or retrain",
    )


def test_potential_of_another_version_is_refused(potential, frames):
    potential.write_text(
        potential.read_text().replace('"format_version": 1', '"format_version": 99')
    )
    assert_one_error(
        almlip("eval", potential, frames), "format_version is 99, but this program reads version 1"
    )


def test_foreign_element_is_named(potential, tmp_path):
    path = write(tmp_path, "1\npbc=[F,F,F]\nFe 0 0 0\n")
    assert_one_error(
        almlip("eval", potential, path), "frame 1: the potential has no element Fe (it has Si)"
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("1\npbc=[F,F,F]\nSi 0 nan 0\n", 'frame 1, line 3: column "pos" holds nan'),
        ("1\nenergy=inf\nSi 0 0 0\n", "frame 1, line 2: energy holds inf"),
        ("1\npbc=[F,F,F]\nXx 0 0 0\n", '"Xx" is not a chemical element'),
        ("2\npbc=[F,F,F]\nSi 0 0 0\n", "the frame has 2 atoms, but the file ends after 1 of them"),
        ("2\npbc=[F,F,F]\nSi 0 0 0\nSi 0 0 0\n", "atoms 1 and 2 are 0 Angstrom apart"),
        ('1\nLattice="1 0 0 0 1 0 1 1 0"\nSi 0 0 0\n', "the periodic cell has a volume of 0"),
        ("", "there is no frame in this file"),
    ],
)
def test_bad_frames_are_named(potential, tmp_path, text, message):
    assert_one_error(almlip("eval", potential, write(tmp_path, text)), message)


def test_truncated_gzip_is_named(potential, frames, tmp_path):
    path = tmp_path / "frames.extxyz.gz"
    path.write_bytes(gzip.compress(frames.read_bytes())[:-20])
    assert_one_error(
        almlip("eval", potential, path), "frames.extxyz.gz: the gzip stream ends too early"
    )


def test_failure_leaves_no_output(potential, tmp_path):
    path = write(tmp_path, SILICON.format(config_type="bulk") + "1\npbc=[F,F,F]\nSi 0 0 x\n")
    almlip(
        "eval",
        potential,
        path,
        "--json",
        tmp_path / "out.json",
        "--output",
        tmp_path / "predicted.extxyz",
    )
    assert not (tmp_path / "out.json").exists()
    assert not (tmp_path / "predicted.extxyz").exists()


def test_folder_that_does_not_exist_is_named(potential, frames):
    assert_one_error(
        almlip("eval", potential, frames, "--json", "/no-such-folder/out.json"),
        "/no-such-folder/out.json: cannot be written: No such file or directory",
    )


@pytest.mark.parametrize(
    "arguments",
    [[], ["eval"], ["eval", "POT"], ["nonsense"], ["eval", "a", "b", "--unknown"], ["info"]],
)
def test_wrong_usage_has_status_2(arguments):
    assert_one_error(almlip(*arguments), "--help", status=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["eval", "--help"],
        ["info", "--help"],
        ["select", "--help"],
        ["train", "--help"],
        ["doctor", "--help"],
        ["doctor"],
    ],
)
def test_help_version_and_doctor_succeed(arguments):
    result = almlip(*arguments)
    assert result.returncode == 0
    assert result.stdout and not result.stderr


def test_info_tells_settings_and_hash(potential):
    info = json.loads(almlip("info", potential, "--json").stdout)
    assert info["elements"] == ["Si"]
    assert info["cutoff"] == 5.0
    assert info["descriptor"]["num_descriptors"] == 50  # 4 + 3 x 10 + 4 x 4
    assert info["network"] == {
        "num_members": 5,
        "num_hidden": 16,
        "num_weights": 32 + 5 * (16 * 50 + 16 + 16 + 50 + 1),
    }
    assert len(info["hash"]) == 16
    assert "cutoff" in almlip("info", potential).stdout


def test_info_shows_numbers_as_one_reads_them(potential):
    content = json.loads(potential.read_text())
    content["training"]["force_error"] = 0.07312316690995303
    content["provenance"]["learned"] = ["69b0e218f4c8", "da443c7cb959"]
    content["provenance"]["errors"] = {"train": {"all": {"energy_mae": 0.00017891510358481987}}}
    potential.write_text(json.dumps(content))
    shown = almlip("info", potential).stdout
    assert re.search(r"^  force_error +0\.073123167 eV/Angstrom$", shown, re.MULTILINE)
    assert re.search(r"^ +energy_mae +0\.0001789151 eV/atom$", shown, re.MULTILINE)
    assert re.search(r"^  learned +2 frames$", shown, re.MULTILINE)
    kept = json.loads(almlip("info", potential, "--json").stdout)["provenance"]
    assert kept["learned"] == content["provenance"]["learned"]


def test_frames_without_labels_are_told(potential, frames, tmp_path):
    bare = tmp_path / "bare.extxyz"
    rows = [line.split() for line in frames.read_text().splitlines()]
    text = f"{rows[0][0]}\n"
    text += 'Lattice="20 0 0 0 20 0 0 0 20" Properties=species:S:1:pos:R:3 pbc="T T T"\n'
    text += "".join(" ".join(row[:4]) + "\n" for row in rows[2 : 2 + int(rows[0][0])])
    bare.write_text(text)
    told = almlip("eval", potential, bare)
    assert "The frames have no energies and no forces" in told.stdout and told.returncode == 0
    assert "no energies" not in almlip("eval", potential, frames).stdout


def test_doctor_says_why_a_plugin_does_not_load(tmp_path):
    lammps = shutil.which("lmp")
    if lammps is None:
        pytest.skip("no lmp in PATH")
    broken = write(tmp_path, "not a library", "almlipplugin.so")
    result = almlip("doctor", "--lammps", lammps, env={**os.environ, "ALMLIP_PLUGIN": str(broken)})
    assert_one_error(result, "cannot load the plugin", "almlipplugin.so")
    assert "LAMMPS      2" in result.stdout  # the version, such as 22 Jul 2025


def test_doctor_says_that_the_plugin_loads():
    lammps, plugin = shutil.which("lmp"), os.environ.get("ALMLIP_PLUGIN", "")
    if lammps is None or not os.path.exists(plugin):
        pytest.skip("no lmp in PATH or no plugin in ALMLIP_PLUGIN")
    result = almlip("doctor", "--lammps", lammps)
    assert result.returncode == 0, result.stderr
    assert "loads in this LAMMPS" in result.stdout


def test_doctor_names_a_program_that_is_not_lammps(tmp_path):
    plugin = write(tmp_path, "", "almlipplugin.so")
    result = almlip(
        "doctor", "--lammps", "/bin/true", env={**os.environ, "ALMLIP_PLUGIN": str(plugin)}
    )
    assert_one_error(result, "/bin/true: it does not start as LAMMPS does")
