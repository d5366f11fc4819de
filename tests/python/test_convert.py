# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip convert`: real outputs against finite differences of their own energies, other formats
against the frames that were written in them.

outputs/ holds outputs of pw.x 6.7 and CP2K 2023.1 for four atoms of aluminium in a sheared cell,
with Fermi-Dirac smearing of 0.03 Ry and 4000 K, where E and E - TS differ by more than 0.9 eV.
"""

import bz2
import gzip
import lzma
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
from set_files import write_deepmd, write_fitsnap, write_mlip, write_nep
from vasp_files import MOST_ITERATIONS, outcar, vasprun

import almlip
from almlip.convert.command import main

OUTPUTS = Path(__file__).parent / "outputs"
STRAIN, DISPLACEMENT = 2e-3, 0.02  # between the two frames of a difference; Angstrom
VOIGT = ("xx", "yy", "zz", "yz", "xz", "xy")


@pytest.fixture
def convert(capsys):
    """Runs the command and returns the frames it wrote, and everything that it printed."""

    def run(folder, *arguments, status=0):
        output = folder / "frames.extxyz"
        found = main([*map(str, arguments), "-o", str(output)])
        told = "".join(capsys.readouterr())
        assert found == status, told
        return (almlip.read(output) if status == 0 else None), told

    return run


@pytest.fixture(scope="module")
def frames():
    """Copper in a sheared cell, with all components of the stress different."""
    result = []
    for seed in range(4):
        atoms = bulk("Cu", cubic=True)
        strain = 0.01 * np.array([[2, 1, -3], [1, -1, 5], [-3, 5, 0]]) + 0.01 * seed * np.eye(3)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        atoms.get_stress()
        result.append(atoms)
    return result


def check_same(found, expected, digits=1e-7):
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected):
        assert list(mine.numbers) == list(theirs.numbers)
        assert mine.cell.array == pytest.approx(theirs.cell.array, abs=digits)
        assert mine.positions == pytest.approx(theirs.positions, abs=digits)
        assert mine.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-7)
        assert mine.get_forces() == pytest.approx(theirs.get_forces(), abs=digits)
        assert mine.get_stress() == pytest.approx(theirs.get_stress(), abs=digits)


def slope(plus, minus, step):
    return (plus.get_potential_energy() - minus.get_potential_energy()) / step


def test_pwx_energies_belong_to_forces_and_stress(convert, tmp_path):
    found, _ = convert(tmp_path, OUTPUTS / "pwx_strains.out.gz")
    assert len(found) == 15  # 12 strains and two displacements around the first
    stress, volume = found[0].get_stress(), found[0].get_volume()
    slopes = [slope(*found[k : k + 2], 2 * STRAIN) / volume for k in range(1, 13, 2)]
    # Shear keeps the volume and with it the number of plane waves: what is left of its effect is
    # some 0.04 GPa; along an axis it is the Pulay stress of the cutoff.
    assert slopes[3:] == pytest.approx(stress[3:], abs=3e-4)
    assert slopes[:3] == pytest.approx(stress[:3], abs=2e-3)
    assert np.ptp(stress[3:]) > 8e-3
    assert -slope(found[13], found[14], DISPLACEMENT) == pytest.approx(
        found[0].get_forces()[1, 2], abs=1e-4
    )


def test_cp2k_energies_belong_to_forces_and_stress(convert, tmp_path):
    names = ("ref", "xzp", "xzm", "posp", "posm")
    found, told = convert(tmp_path, *(OUTPUTS / f"cp2k_{name}.out.gz" for name in names))
    assert "three decimals" not in told  # cells are those of the inputs
    assert slope(found[1], found[2], 2 * STRAIN) / found[0].get_volume() == pytest.approx(
        found[0].get_stress()[4], abs=5e-5
    )
    assert abs(found[0].get_stress()[4] - found[0].get_stress()[3]) > 0.05
    assert -slope(found[3], found[4], DISPLACEMENT) == pytest.approx(
        found[0].get_forces()[1, 2], abs=1e-4
    )


def test_cp2k_dynamics_take_positions_from_the_trajectory(convert, tmp_path):
    found, _ = convert(tmp_path, OUTPUTS / "cp2k_dynamics.out.gz")
    assert [atoms.info["source_index"] for atoms in found] == [0, 1, 2, 3, 4]
    for before, after in pairwise(found):
        work = np.sum(
            (after.positions - before.positions) * (before.get_forces() + after.get_forces())
        )
        rise = after.get_potential_energy() - before.get_potential_energy()
        assert rise == pytest.approx(-work / 2, abs=0.02 * abs(rise) + 1e-4)  # trapezoidal rule


def test_a_step_of_cp2k_that_the_output_ends_within_is_left_out(convert, tmp_path):
    text = gzip.decompress((OUTPUTS / "cp2k_ref.out.gz").read_bytes()).decode()
    end = text.index("\n", text.index("STRESS|      x"))
    (tmp_path / "ref.out").write_text(text[:end])
    _, told = convert(tmp_path, tmp_path / "ref.out", status=1)
    assert "1 the output ends within it" in told


def test_steps_of_pwx_that_are_not_converged_are_left_out(convert, tmp_path):
    found, told = convert(tmp_path, OUTPUTS / "pwx_unconverged.out.gz")
    assert "3 frames; left out: 1 electrons not converged" in told
    assert [atoms.info["source_index"] for atoms in found] == [1, 2, 3]


@pytest.mark.parametrize("writer, name", [(outcar, "OUTCAR"), (vasprun, "vasprun.xml")])
def test_vasp_gives_free_energies_of_converged_steps(convert, frames, writer, name, tmp_path):
    iterations = [4, MOST_ITERATIONS, 4, 5]
    (tmp_path / name).write_text(writer(frames, iterations, zero_smearing=0.4))
    found, told = convert(tmp_path, tmp_path / name)
    check_same(found, [frames[k] for k in (0, 2, 3)], digits=2e-6)
    assert [atoms.info["source_index"] for atoms in found] == [0, 2, 3]
    assert "left out: 1 electrons not converged" in told
    assert "differs by up to 100.00 meV/atom" in told


def test_an_interrupted_vasprun_gives_its_complete_steps(convert, frames, tmp_path):
    text = vasprun(frames, [4, 4, 4, 4], zero_smearing=0.0)
    (tmp_path / "vasprun.xml").write_text(text[: text.rindex("<structure>")])
    found, told = convert(tmp_path, tmp_path / "vasprun.xml")
    check_same(found, frames[:3], digits=2e-6)
    assert "left out: 1 the output ends within it" in told


@pytest.mark.parametrize("last", ["Iteration      4(   2)", " POSITION ", "FREE ENERGIE"])
def test_an_interrupted_outcar_gives_its_complete_steps(convert, frames, last, tmp_path):
    text = outcar(frames, [4] * 4, 0.0)
    (tmp_path / "OUTCAR").write_text(text[: text.rindex(last) + 90])
    found, told = convert(tmp_path, tmp_path / "OUTCAR")
    check_same(found, frames[:3], digits=2e-6)
    assert "left out: 1 the output ends within it" in told


@pytest.mark.parametrize(("last", "after"), [(" POSITION ", 150), ("FREE ENERGIE", 20)])
def test_a_run_that_is_appended_to_a_killed_one_loses_one_step(
    convert, frames, last, after, tmp_path
):
    text = outcar(frames, [4] * 4, 0.0)
    killed = text[: text.rindex(last) + after]
    (tmp_path / "OUTCAR").write_text(killed + outcar(frames[1:], [4] * 3, 0.0))
    found, told = convert(tmp_path, tmp_path / "OUTCAR")
    check_same(found, frames[:3] + frames[2:], digits=2e-6)  # its first step is in the torn one
    assert "left out: 1 its numbers cannot be read" in told


def test_a_force_that_is_no_number_loses_one_step(convert, frames, tmp_path):
    lines = outcar(frames, [4] * 4, 0.0).splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if "TOTAL-FORCE" in line) + 2
    lines[first] = lines[first][:-15] + " *************\n"
    (tmp_path / "OUTCAR").write_text("".join(lines))
    found, told = convert(tmp_path, tmp_path / "OUTCAR")
    check_same(found, frames[1:], digits=2e-6)
    assert "left out: 1 its numbers cannot be read" in told


def test_a_byte_order_mark_is_no_part_of_extended_xyz(convert, frames, tmp_path):
    almlip.write(tmp_path / "plain.extxyz", frames)
    text = (tmp_path / "plain.extxyz").read_bytes()
    (tmp_path / "marked.extxyz").write_bytes(b"\xef\xbb\xbf" + text)
    check_same(convert(tmp_path, tmp_path / "marked.extxyz")[0], frames)


@pytest.mark.parametrize(("name", "pack"), [("OUTCAR.bz2", bz2), ("OUTCAR.xz", lzma)])
def test_other_compressions_are_read(convert, frames, name, pack, tmp_path):
    (tmp_path / name).write_bytes(pack.compress(outcar(frames, [4] * 4, 0.0).encode()))
    check_same(convert(tmp_path, tmp_path / name)[0], frames, digits=2e-6)


def test_folders_are_searched_and_compressed_files_are_read(convert, frames, tmp_path):
    for k in range(2):
        folder = tmp_path / "runs" / f"T{k}"
        folder.mkdir(parents=True)
        (folder / "OUTCAR.gz").write_bytes(gzip.compress(outcar(frames[k:], [4] * 4, 0.0).encode()))
    (tmp_path / "runs/T1/vasprun.xml").write_text(vasprun(frames[1:], [4] * 3, 0.0))
    found, told = convert(tmp_path, tmp_path / "runs", "--config-type-from-folder")
    check_same(found, frames + frames[1:], digits=2e-6)
    assert [atoms.info["config_type"] for atoms in found] == ["T0"] * 4 + ["T1"] * 3
    assert found[4].info["source_file"].endswith("T1/vasprun.xml")  # has more digits
    assert "T1/OUTCAR" not in told


def test_the_output_is_not_one_of_the_files_to_read(convert, frames, tmp_path):
    text = outcar(frames, [4] * 4, 0.0)
    path = tmp_path / "frames.extxyz"
    path.write_text(text)
    _, told = convert(tmp_path, path, status=1)
    assert "is to be read, so that it cannot be --output" in told
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["frames.traj", "frames.db", "again.extxyz"])
def test_files_of_ase_keep_forces_before_constraints(convert, frames, name, tmp_path):
    fixed = [atoms.copy() for atoms in frames]
    for atoms, free in zip(fixed, frames):
        atoms.calc = free.calc
        atoms.set_constraint(FixAtoms([0]))
    write(tmp_path / name, fixed)
    check_same(convert(tmp_path, tmp_path / name)[0], frames)


def test_mlip_configurations(convert, frames, tmp_path):
    path, *names = write_mlip(tmp_path, frames)
    check_same(convert(tmp_path, path, *names)[0], frames)
    _, told = convert(tmp_path, path, status=1)
    assert "has numbers for elements; name them, e.g. --elements Si O" in told


def test_deepmd_systems(convert, frames, tmp_path):
    check_same(convert(tmp_path, *write_deepmd(tmp_path, frames))[0], frames)


@pytest.mark.parametrize("style, bar", [("bar", 1.0), ("kB", 1000.0), ("GPa", 10000.0)])
def test_fitsnap_files(convert, frames, style, bar, tmp_path):
    check_same(convert(tmp_path, *write_fitsnap(tmp_path, frames, style, bar))[0], frames)


def test_frames_of_nep_and_keys_of_other_names(convert, frames, tmp_path):
    (path,) = write_nep(tmp_path, frames)
    check_same(convert(tmp_path, path)[0], frames)
    other = path.read_text().replace("energy=", "energy=0 my_energy=")
    (tmp_path / "other.xyz").write_text(other)
    check_same(convert(tmp_path, tmp_path / "other.xyz", "--energy-key", "my_energy")[0], frames)


def write_vasp(name, writer):
    def write_steps(folder, frames):
        (folder / name).write_text(writer(frames, [4] * len(frames), zero_smearing=0.2))
        return (folder / name,)

    return write_steps


def write_ase(name):
    def write_all(folder, frames):
        write(folder / name, frames)
        return (folder / name,)

    return write_all


# Outputs of pw.x and CP2K: above, against strains in the programs themselves.
WRITERS = {
    "OUTCAR": write_vasp("OUTCAR", outcar),
    "vasprun.xml": write_vasp("vasprun.xml", vasprun),
    "traj": write_ase("frames.traj"),
    "db": write_ase("frames.db"),
    "deepmd": write_deepmd,
    "mlip": write_mlip,
    "fitsnap": write_fitsnap,
    "nep": write_nep,
}


@pytest.mark.parametrize("written", WRITERS.values(), ids=WRITERS.keys())
def test_the_stress_is_the_slope_of_the_energy_over_the_volume(convert, frames, written, tmp_path):
    scan = []
    for scale in (0.969, 0.970, 0.971):
        atoms = frames[0].copy()
        atoms.set_cell(scale * atoms.cell.array, scale_atoms=True)
        atoms.calc = EMT()
        atoms.get_stress()
        scan.append(atoms)
    before, middle, after = convert(tmp_path, *written(tmp_path, scan))[0]
    rise = after.get_potential_energy() - before.get_potential_energy()
    slope_of_energy = rise / (after.get_volume() - before.get_volume())
    # O(step^2) of the difference, some 1e-5 of it
    assert np.mean(middle.get_stress()[:3]) == pytest.approx(slope_of_energy, rel=1e-3)
    assert slope_of_energy < -0.05  # eV/Angstrom^3: compressed


def test_what_cannot_be_read_is_told_and_can_be_skipped(convert, frames, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing of use\n")
    (tmp_path / "OUTCAR").write_text(outcar(frames, [4] * 4, 0.0))
    _, told = convert(tmp_path, tmp_path / "OUTCAR", tmp_path / "notes.txt", status=1)
    assert "notes.txt: is none of the formats that are read" in told
    assert not (tmp_path / "frames.extxyz").exists()
    found, told = convert(
        tmp_path, tmp_path / "OUTCAR", tmp_path / "notes.txt", "--skip-unreadable"
    )
    assert len(found) == 4
    assert "not read: " in told


def test_labels_in_other_units_are_refused(convert, tmp_path):
    (tmp_path / "a.xyz").write_text(
        '1\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3 energy=-1 '
        'energy_unit=Hartree pbc="T T T"\nSi 0 0 0\n'
    )
    _, told = convert(tmp_path, tmp_path / "a.xyz", status=1)
    assert 'energy_unit is "Hartree", but labels must be in eV and Angstrom' in told


def test_frames_without_forces_are_told_with_the_columns_that_are_there(convert, frames, tmp_path):
    write(tmp_path / "a.xyz", frames, format="extxyz")
    text = (tmp_path / "a.xyz").read_text().replace(":forces:R:3", ":forcse:R:3")
    (tmp_path / "a.xyz").write_text(text)
    _, told = convert(tmp_path, tmp_path / "a.xyz")
    assert "no frame has forces" in told and "forcse" in told and "--forces-key" in told
    check_same(convert(tmp_path, tmp_path / "a.xyz", "--forces-key", "forcse")[0], frames)


def energy_alone(frames, folder, name="alone.extxyz"):
    """The same frames as a file of another origin, which has `energy` only."""
    copies = [with_results(atoms) for atoms in frames]
    write(folder / name, copies)
    return folder / name


def with_results(atoms, **more):
    copy = atoms.copy()
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), **more}
    copy.calc = SinglePointCalculator(copy, **results)
    return copy


def with_free_energy(frames, folder, difference, name="both.traj"):
    """ASE's trajectory of a program that tells both energies, eV."""
    shifted = [
        with_results(atoms, free_energy=atoms.get_potential_energy() + difference)
        for atoms in frames
    ]
    write(folder / name, shifted)
    return folder / name


def write_outcar(frames, folder, zero_smearing):
    (folder / "OUTCAR").write_text(outcar(frames, [4] * len(frames), zero_smearing))
    return folder / "OUTCAR"


@pytest.mark.parametrize("written", [write_outcar, with_free_energy])
def test_free_energies_and_energies_of_no_kind_do_not_mix(convert, frames, written, tmp_path):
    free, alone = written(frames, tmp_path, 0.4), energy_alone(frames, tmp_path)
    _, told = convert(tmp_path, free, alone, status=1)
    assert f"4 frames of {free} have the free energy (up to 100.00 meV/atom from" in told
    assert f"4 frames of {alone} do not tell theirs" in told
    assert "--mix-energies" in told
    assert not (tmp_path / "frames.extxyz").exists()
    assert len(convert(tmp_path, free, alone, "--mix-energies")[0]) == 8


@pytest.mark.parametrize("written", [write_outcar, with_free_energy])
def test_without_smearing_all_energies_are_of_one_kind(convert, frames, written, tmp_path):
    free, alone = written(frames, tmp_path, 5e-7), energy_alone(frames, tmp_path)  # eV
    found, told = convert(tmp_path, free, alone)
    assert len(found) == 8
    assert "--mix-energies" not in told


@pytest.mark.parametrize("name", ["pwx_strains.out.gz", "cp2k_ref.out.gz"])
def test_entropy_of_pwx_and_cp2k_is_a_free_energy(convert, frames, name, tmp_path):
    _, told = convert(tmp_path, OUTPUTS / name, energy_alone(frames, tmp_path), status=1)
    assert f"{name} have the free energy" in told
    _, told = convert(tmp_path, OUTPUTS / name)
    # E - TS is 0.9 eV and more below E for four atoms, half of it below zero smearing
    assert float(re.search(r"by up to (\S+) meV/atom", told)[1]) > 900 / 4 / 2


def test_what_convert_wrote_is_converted_again_with_new_outputs(convert, frames, tmp_path):
    free = write_outcar(frames, tmp_path, 0.4)
    convert(tmp_path, free)
    old = (tmp_path / "frames.extxyz").rename(tmp_path / "old.extxyz")
    assert len(convert(tmp_path, old, free)[0]) == 8
    alone = energy_alone(frames, tmp_path)
    _, told = convert(tmp_path, old, alone, status=1)
    assert f"4 frames of {old} have the free energy" in told

    convert(tmp_path, with_free_energy(frames, tmp_path, 0.0))  # without smearing
    same = (tmp_path / "frames.extxyz").rename(tmp_path / "same.extxyz")
    assert len(convert(tmp_path, same, old)[0]) == 8
    assert len(convert(tmp_path, same, alone)[0]) == 8


def test_labels_of_almlip_label_go_with_free_energies(convert, frames, tmp_path):
    alone = energy_alone(frames, tmp_path)
    alone.write_text(alone.read_text().replace(" energy=", " labelled_by=pw.x energy="))
    assert len(convert(tmp_path, alone, write_outcar(frames, tmp_path, 0.4))[0]) == 8


def test_a_named_key_says_which_energy_is_meant(convert, frames, tmp_path):
    free, alone = write_outcar(frames, tmp_path, 0.4), energy_alone(frames, tmp_path)
    assert len(convert(tmp_path, free, alone, "--energy-key", "energy")[0]) == 8


def test_keys_of_extended_xyz_do_not_mix_within_a_file(convert, frames, tmp_path):
    alone = energy_alone(frames, tmp_path)
    alone.write_text(alone.read_text().replace(" energy=", " free_energy=", 1))
    _, told = convert(tmp_path, alone, status=1)
    assert "the energies come from different keys: energy in 3, free_energy in 1 frames" in told
    found, _ = convert(tmp_path, alone, "--energy-key", "free_energy", "energy")
    assert len(found) == 4


def test_only_frames_that_are_kept_count_for_the_kinds(convert, frames, tmp_path):
    mixed = [with_results(atoms) for atoms in frames]
    mixed[1] = with_results(frames[1], free_energy=0.0)
    write(tmp_path / "mixed.traj", mixed)
    alone = energy_alone(frames, tmp_path)
    assert len(convert(tmp_path, tmp_path / "mixed.traj", alone, "--every", "2")[0]) == 4
