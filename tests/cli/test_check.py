# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip check` on frames of argon whose labels are exact, and on the same frames with one mistake."""

import re
import subprocess

import numpy as np
import pytest

from argon import ALMLIP, CUTOFF, fit, frame_text, label, train

pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")
RYDBERG, KBAR = 13.605693, 1.0 / 1602.1766  # eV; eV/Angstrom^3


def labelled(count=40, rattle=0.02):
    """Cells of four atoms with energy, forces, virial: rattled ones, and strained ones in turn."""
    random = np.random.default_rng(7)
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    frames = []
    for n in range(count):
        strained = n % 2 == 1
        strain, displacement = (0.004, 0.0) if strained else (0.0, rattle)  # Angstrom
        cell = 3.6 * (np.eye(3) + random.normal(0, strain, (3, 3)))
        positions = corners @ cell + random.normal(0, displacement, (4, 3))
        frames.append([cell, positions, *label(cell, positions)])
    return frames


def write(path, frames):
    path.write_text("".join(frame_text(*frame) for frame in frames))
    return path


def check(*arguments):
    command = [ALMLIP, "check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exchanged(virial):
    order = [0, 2, 1]  # y and z of the shear with x; yz stays
    result = virial.copy()
    result[0, 1:] = result[1:, 0] = virial[0, order[1:]]
    return result


def change(frames, energy=1.0, forces=1.0, virial=lambda v, volume: v):
    return [
        [cell, x, energy * e, forces * f, virial(v, abs(np.linalg.det(cell)))]
        for cell, x, e, f, v in frames
    ]


MISTAKES = {
    "sign of forces": (
        {"forces": -1.0},
        "40 of 40 frames: the forces have the wrong sign",
    ),
    "sign of energies": (
        {"energy": -1.0},
        "40 of 40 frames: the energies have the wrong sign: forces and stress agree against them",
    ),
    "Ry": ({"energy": 1 / RYDBERG}, "40 of 40 frames: the energies look like Ry"),
    "kJ/mol": ({"energy": 96.48533}, "40 of 40 frames: the energies look like kJ/mol"),
    "kbar": (
        {"virial": lambda v, volume: v / KBAR},
        "40 of 40 frames: the stress looks like kbar",
    ),
    "sign of stress": (
        {"virial": lambda v, volume: -v},
        "40 of 40 frames: the stress has the wrong sign",
    ),
    "exchange": (
        {"virial": lambda v, volume: exchanged(v)},
        "shear components of the stress are exchanged: xy and xz",
    ),
}


def test_forces_in_a_column_of_another_name_are_missed(tmp_path):
    frames = labelled()
    first, second = (write(tmp_path / f"{k}.extxyz", frames[20 * k : 20 * k + 20]) for k in (0, 1))
    second.write_text(second.read_text().replace(":forces:", ":Forcs:"))
    told = check(first, second)
    assert "read 40 frames, 40 energies, 20 with forces, 40 with stress" in told
    assert "20 of 40 frames: there is no column of forces" in told
    assert "other columns are Forcs" in told and "--forces-key" in told
    assert "no column of forces" not in check(first, second, "--forces-key", "forces", "Forcs")


def test_labels_that_belong_together_pass(tmp_path):
    told = check(write(tmp_path / "frames.extxyz", labelled()))
    assert "read 40 frames, 40 energies, 40 with forces, 40 with stress" in told
    assert "nothing looks wrong" in told


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_repaired(mistake, tmp_path):
    changes, expected = MISTAKES[mistake]
    path = write(tmp_path / "frames.extxyz", change(labelled(), **changes))
    told = check(path, "--fix", tmp_path / "fixed.extxyz")
    assert expected in told
    assert "40 frames, 40 repaired or left out" in told
    assert "nothing looks wrong" in check(tmp_path / "fixed.extxyz")
    assert_equal_labels(tmp_path / "fixed.extxyz", labelled())


def assert_equal_forces(path, frames):
    lines = [line for line in path.read_text().splitlines() if line[:3] == "Ar "]
    forces = [[float(x) for x in line.split()[4:]] for line in lines]
    np.testing.assert_allclose(forces, np.concatenate([frame[3] for frame in frames]), atol=1e-9)


def assert_equal_labels(path, frames):
    text = path.read_text()
    energies = [float(x) for x in re.findall(r" energy=(\S+)", text)]
    np.testing.assert_allclose(energies, [frame[2] for frame in frames], rtol=1e-9)
    columns = re.search(r"Properties=(\S+)", text)[1]
    assert columns == "species:S:1:pos:R:3:forces:R:3"
    assert_equal_forces(path, frames)
    virials = [frame[4].ravel() for frame in frames]
    np.testing.assert_allclose(read_virials(path), virials, atol=1e-7)


def test_a_part_of_a_file_with_another_unit_is_repaired_alone(tmp_path):
    """Stresses in kbar, signs of forces: frames that are right stay as they are."""
    frames = labelled()
    wrong = change(frames, virial=lambda v, volume: v / KBAR)
    told = check(
        write(tmp_path / "mixed.extxyz", wrong[:32] + frames[32:]),
        "--fix",
        tmp_path / "fixed.extxyz",
    )
    assert "of 40 frames: the stress looks like kbar\n" in told
    virials = np.array(read_virials(tmp_path / "fixed.extxyz"))
    exact = np.array([frame[4].ravel() for frame in frames])
    np.testing.assert_allclose(virials[32:], exact[32:], atol=1e-7)
    strained = slice(1, 32, 2)  # the others have no stress to speak of
    np.testing.assert_allclose(virials[strained], exact[strained], atol=1e-7)


def test_a_kind_that_does_not_tell_is_left_alone(tmp_path):
    """Exchanged components of strained cells say nothing of rattled ones, which are right."""
    frames = labelled(60)
    wrong = change(frames, virial=lambda v, volume: exchanged(v))
    path = tmp_path / "mixed.extxyz"
    path.write_text(
        "".join(
            frame_text(*(wrong[n] if n % 2 else frames[n]), config_type=KINDS[n % 2])
            for n in range(60)
        )
    )
    told = check(path, "--fix", tmp_path / "fixed.extxyz")
    assert "30 of 60 frames: shear components of the stress are exchanged: xy and xz\n" in told
    virials = [frame[4].ravel() for frame in frames]
    np.testing.assert_allclose(read_virials(tmp_path / "fixed.extxyz"), virials, atol=1e-7)


KINDS = ("rattled", "strained")
RATTLE = 0.2  # Angstrom; energies of such frames tell neither signs nor units


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    frames, output = (
        write(folder / "frames.extxyz", labelled(80, RATTLE)),
        folder / "Ar.almlip.json",
    )
    options = ["--preset", "fast", "--cutoff", CUTOFF, "--members", 2, "--folds", 0]
    done = train("--train", frames, "--output", output, "--epochs", 200, *options)
    assert done.returncode == 0, done.stderr
    return output


UNITS = {
    "sign of forces": ({"forces": -1.0}, "the forces have the wrong sign beside the potential's"),
    "Ry/bohr": ({"forces": 1 / 25.711043}, "the forces look like Ry/bohr beside the potential's"),
    "kJ/mol": (
        {"forces": 96.48533},
        "the forces look like kJ/mol/Angstrom beside the potential's",
    ),
}


@pytest.mark.parametrize("unit", UNITS)
def test_units_of_forces_are_compared_with_a_potential(unit, potential, tmp_path):
    """A part of a file is repaired alone."""
    changes, expected = UNITS[unit]
    frames = labelled(40, RATTLE)[::2]
    wrong = change(frames, **changes)
    mixed = [other if n % 2 else frame for n, (frame, other) in enumerate(zip(frames, wrong))]
    path = write(tmp_path / "mixed.extxyz", mixed)
    told = check(path, "--potential", potential, "--fix", tmp_path / "fixed.extxyz")
    assert f"10 of 20 frames: {expected}" in told
    assert_equal_forces(tmp_path / "fixed.extxyz", frames)


def test_the_sign_of_stresses_is_compared_with_a_potential(potential, tmp_path):
    frames = labelled(40, RATTLE)[::2]
    path = write(tmp_path / "wrong.extxyz", change(frames, virial=lambda v, volume: -v))
    told = check(path, "--potential", potential, "--fix", tmp_path / "fixed.extxyz")
    assert "20 of 20 frames: the stress has the wrong sign beside the potential's" in told
    assert_equal_labels(tmp_path / "fixed.extxyz", frames)


def test_right_stresses_among_wrong_ones_stay_right_beside_a_potential(potential, tmp_path):
    """The energies tell of strained cells only, and no config_type tells these from the others."""
    frames = labelled(60)
    wrong = change(frames, virial=lambda v, volume: exchanged(v))
    mixed = [wrong[n] if n % 2 else frames[n] for n in range(60)]
    path = write(tmp_path / "mixed.extxyz", mixed)
    told = check(path, "--potential", potential, "--fix", tmp_path / "fixed.extxyz")
    assert "components of the stress are exchanged" in told
    fixed = read_virials(tmp_path / "fixed.extxyz")
    np.testing.assert_allclose(fixed[::2], [f[4].ravel() for f in frames[::2]], atol=1e-7)
    right = np.isclose(fixed[1::2], [f[4].ravel() for f in frames[1::2]], atol=1e-7).all(axis=1)
    assert right.sum() > 15


def test_an_offset_of_the_pressure_is_told_with_its_size(tmp_path):
    offset = 3.0 / 160.2176634  # eV/Angstrom^3
    lower = change(labelled(), virial=lambda v, volume: v - offset * volume * np.eye(3))
    told = check(write(tmp_path / "frames.extxyz", lower))
    found = re.search(r"40 of 40 frames: the pressure is (\S+) GPa below that of the", told)
    assert float(found[1]) == pytest.approx(3.0, abs=0.2)  # third order in the strain


@pytest.mark.parametrize("seed", [1, 2])
def test_dilations_of_rattled_cells_tell_no_wrong_stress(seed, tmp_path):
    random = np.random.default_rng(seed)
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cells = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    sites = ((corners + cells[:, None]) / 2).reshape(-1, 3)
    frames = []
    for _ in range(30):
        cell = 7.2 * (1 + random.uniform(-0.01, 0.01)) * np.eye(3)
        cell += random.normal(0, 0.009, (3, 3))
        positions = sites @ cell + random.normal(0, 0.05, (32, 3))
        frames.append([cell, positions, *label(cell, positions)])
    assert "nothing looks wrong" in check(write(tmp_path / "frames.extxyz", frames))


def test_softer_vibrations_of_larger_cells_are_no_offset(tmp_path):
    pytest.importorskip("ase")
    from ase.build import bulk
    from ase.calculators.emt import EMT
    from ase.io import write as write_frames

    random = np.random.default_rng(1)
    frames = []
    for seed in range(30):
        atoms = bulk("Cu", cubic=True) * 2
        atoms.set_cell(atoms.cell * (1 + random.uniform(-0.04, 0.04)), scale_atoms=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        atoms.get_stress()
        frames.append(atoms)
    write_frames(tmp_path / "frames.extxyz", frames)
    assert "nothing looks wrong" in check(tmp_path / "frames.extxyz")


def test_repetitions_are_named_and_removed(tmp_path):
    frames = labelled()
    path = write(tmp_path / "frames.extxyz", frames + frames[3:5])
    told = check(path, "--fix", tmp_path / "fixed.extxyz")
    assert "2 of 42 frames: an earlier frame has the same atoms at the same places" in told
    assert "frame 41; frame 42" in told
    assert "40 frames, 2 repaired or left out" in told


def test_repetitions_of_another_energy_are_removed_too(tmp_path):
    """[A, A + 0.5 eV, A + 0.5 eV, A]: one frame of each energy is left."""
    cell, x, energy, forces, virial = labelled(1)[0]
    frames = [[cell, x, energy + rise, forces, virial] for rise in (0.0, 0.5, 0.5, 0.0)]
    path = write(tmp_path / "frames.extxyz", frames)
    told = check(path, "--fix", tmp_path / "fixed.extxyz")
    assert "2 of 4 frames: an earlier frame has the same atoms at the same places\n" in told
    assert "1 of 4 frames: an earlier frame has the same atoms at the same places and an" in told
    energies = re.findall(r" energy=(\S+)", (tmp_path / "fixed.extxyz").read_text())
    assert [float(e) for e in energies] == pytest.approx([energy, energy + 0.5])


@pytest.mark.parametrize("command", ["check", "train"])
def test_a_unit_that_a_file_names_is_not_ignored(command, tmp_path):
    path = write(tmp_path / "frames.extxyz", labelled(4))
    path.write_text(path.read_text().replace(" energy=", " energy_unit=Ry energy="))
    arguments = [path] if command == "check" else ["--train", path, "--output", tmp_path / "p"]
    done = subprocess.run(
        [ALMLIP, command, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert 'energy_unit is "Ry", but labels must be in eV and Angstrom' in done.stderr
    path.write_text(path.read_text().replace("energy_unit=Ry", "energy_unit=eV"))
    assert "read 4 frames" in check(path)


def test_forces_that_nobody_wrote_are_told(potential, tmp_path):
    """Of rattled cells; those of perfect ones vanish, strained or not."""
    frames = change(labelled(), forces=0.0)  # every second one is only strained
    path = write(tmp_path / "frames.extxyz", frames)
    expected = "20 of 40 frames: all forces are exactly 0, although the atoms are at places"
    assert expected in check(path) and expected in check(path, "--potential", potential)
    done = train("--train", path, "--output", tmp_path / "p", "--preset", "fast", "--epochs", 1)
    assert expected in done.stderr
    assert "exactly 0" not in check(write(tmp_path / "strained.extxyz", frames[1::2]))


@pytest.mark.parametrize("label", ["energy", "stress"])
def test_energies_and_stresses_that_nobody_wrote_are_told(label, tmp_path):
    changes = {"energy": 0.0} if label == "energy" else {"virial": lambda v, volume: 0 * v}
    path = write(tmp_path / "frames.extxyz", change(labelled()[::2], **changes))
    assert f"20 of 20 frames: the {label} is exactly 0" in check(path)


def test_two_zeros_of_energy_are_told(tmp_path):
    frames = labelled()
    for frame in frames[:6]:
        frame[2] += 4 * 100.0  # another pseudopotential
    told = check(write(tmp_path / "frames.extxyz", frames))
    assert "6 of 40 frames: energies of one composition lie in two heaps, 100 eV/atom" in told


def test_exchanged_components_are_repaired_once(tmp_path):
    output, frames = tmp_path / "Ar.almlip.json", labelled()
    right = write(tmp_path / "frames.extxyz", frames)
    fit(right, output)
    path = write(tmp_path / "wrong.extxyz", change(frames, virial=lambda v, volume: exchanged(v)))
    told = check(path, "--potential", output, "--fix", tmp_path / "fixed.extxyz")
    assert told.count("components of the stress are exchanged") == 1
    assert "only their units, signs and orders are compared with" in told
    repaired, exact = (read_virials(p) for p in (tmp_path / "fixed.extxyz", right))
    np.testing.assert_allclose(repaired, exact, atol=1e-9)


def read_virials(path):
    return [
        [float(x) for x in re.search(r'virial="([^"]*)"', line)[1].split()]
        for line in path.read_text().splitlines()
        if "virial=" in line
    ]


def test_a_factor_that_is_no_unit_is_not_converted(tmp_path):
    wrong = change(labelled(), virial=lambda v, volume: v * 1602.1766 * 1.2)
    told = check(write(tmp_path / "wrong.extxyz", wrong), "--fix", tmp_path / "fixed.extxyz")
    assert "the stress looks like kbar (energy differences of strained cells are" in told
    assert "40 frames, 0 repaired or left out" in told


def test_a_stress_that_no_solid_has_is_told_of_a_single_frame(tmp_path):
    wrong = change(labelled(2)[1:], virial=lambda v, volume: 1e5 * volume * np.eye(3))
    told = check(write(tmp_path / "wrong.extxyz", wrong))
    assert "1 of 1 frames: the stress is up to 16021766 GPa, which no solid has" in told


def test_an_output_that_ends_in_gz_is_refused(tmp_path):
    path = write(tmp_path / "frames.extxyz", labelled(4))
    command = [ALMLIP, "check", path, "--fix", tmp_path / "fixed.extxyz.gz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "name it without .gz" in done.stderr
    assert not (tmp_path / "fixed.extxyz.gz").exists()
    command[-1] = path
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert f"{path} is read, so that it cannot be written as well" in done.stderr


def test_an_offset_from_a_potential_is_told_beside_it(tmp_path):
    output, frames = tmp_path / "Ar.almlip.json", labelled()
    fit(write(tmp_path / "frames.extxyz", frames), output)
    offset = 8.0 / 160.2176634  # eV/Angstrom^3; one volume, so that energies cannot tell
    lower = change(frames[::2], virial=lambda v, volume: v - offset * volume * np.eye(3))
    told = check(write(tmp_path / "lower.extxyz", lower), "--potential", output)
    found = re.search(r"20 of 20 frames: the pressure is (\S+) GPa below the potential's", told)
    assert float(found[1]) == pytest.approx(8.0, abs=1.0)  # the error of a small fit
    assert "that of the energies" not in told

    done = train("--train", tmp_path / "lower.extxyz", "--output", output, "--preset", "fast")
    assert "labels that do not fit" not in done.stdout
    assert "their energies do not tell the pressure" in done.stdout + done.stderr


def test_training_tells_before_and_after(tmp_path):
    """A wrong energy among frames that are close to it, and one that only the fit can find."""
    frames = labelled()
    frames[5][2] += 4 * 0.5  # eV per atom
    output = tmp_path / "Ar.almlip.json"
    path = write(tmp_path / "frames.extxyz", frames)
    fit(path, output)
    told = check(path, "--potential", output)
    assert "1 of 40 frames: the energy does not fit the rest of its kind" in told
    assert "frame 6" in told.split("does not fit")[1]

    wrong = write(tmp_path / "wrong.extxyz", change(labelled(), forces=-1.0))
    done = train("--train", wrong, "--output", output, "--preset", "fast", "--epochs", 1)
    assert "labels that look wrong (see almlip check)" in done.stderr
    assert "the forces have the wrong sign" in done.stderr
