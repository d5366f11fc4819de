# SPDX-License-Identifier: GPL-2.0-or-later
"""fix al_query where LAMMPS does something else than plain dynamics in a periodic box."""

import re
import subprocess

import numpy as np
import pytest

from al_query_batches import HOT, PICK_ALL, batch, evaluated, manifest, predicted
from conftest import LATTICE_CONSTANT, run_partitions
from random_potential import write_random_potential

ase_io = pytest.importorskip("ase.io")


def test_every_run_of_no_steps_gives_its_look(lmp_run, query_script):
    """A scan of the volume: all configurations have timestep 0."""
    scan = """variable k loop 4
label next_strain
change_box all x scale 1.02 y scale 1.02 z scale 1.02 remap
run 0
next k
jump SELF next_strain"""
    run = lmp_run(query_script(scan, fix=f"10 {PICK_ALL}"))

    assert [row["f_q[3]"] for row in run.thermo] == [1, 2, 3, 4]
    volumes = [batch(run, k)[0].get_volume() for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(volumes, (2 * LATTICE_CONSTANT) ** 3 * 1.02 ** (3 * np.arange(1, 5)))


def test_a_run_that_goes_on_does_not_look_twice(lmp_run, query_script):
    run = lmp_run(query_script("run 20\nrun 20\nrun 20 pre no", fix=f"10 {PICK_ALL}", setup=HOT))

    assert run.thermo[-1]["f_q[3]"] == 7  # steps 0, 10, ... 60


def test_single_snapshots_of_the_same_step_are_all_looked_at(lmp_run, query_script):
    first = query_script(
        "variable k loop 3\nlabel again\ndisplace_atoms all random 0.1 0.1 0.1 $(v_k+100) units box\n"
        "write_dump all custom traj.$k id type x y z modify format float %.12g\nnext k\njump SELF again",
    )
    folder = lmp_run(first).folder
    again = lmp_run(
        query_script(
            "\n".join(f"rerun {folder}/traj.{k} dump x y z" for k in (1, 2, 3)),
            fix=f"10 {PICK_ALL}",
        )
    )

    assert again.thermo[-1]["f_q[3]"] == 3


@pytest.mark.parametrize(
    "boundary, periodic",
    [("p p s", [1, 1, 0]), ("s s s", [0, 0, 0]), ("m p p", [0, 1, 1]), ("p f p", [1, 0, 1])],
)
def test_frames_are_the_same_system_in_every_boundary(
    lmp_run, query_script, silicon_potential, boundary, periodic
):
    setup = f"change_box all boundary {boundary}\n{HOT}"
    run = lmp_run(query_script("run 10", fix=f"10 {PICK_ALL} spacing 10", setup=setup), ranks=2)
    frames = batch(run)

    assert len(frames) == 2
    for ours, theirs in zip(frames, evaluated(run, silicon_potential), strict=True):
        assert list(ours.pbc) == [bool(p) for p in periodic]
        assert theirs.get_potential_energy() == pytest.approx(
            ours.info["predicted_energy"], abs=1e-6
        )
        np.testing.assert_allclose(theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8)
        for d in range(3):
            if not periodic[d]:
                extent = np.ptp(ours.positions[:, d])
                assert ours.cell[d, d] - extent >= 12.0 - 1e-9  # Angstrom of vacuum


def test_two_dimensions_are_one_sheet(lmp_run, tmp_path):
    potential = write_random_potential(tmp_path / "Si.json", ["Si"])
    run = lmp_run(f"""units metal
dimension 2
lattice hex 3.8
region box block 0 4 0 3 -0.1 0.1
create_box 1 box
create_atoms 1 box
mass 1 28.0855
displace_atoms all random 0.2 0.2 0 77
pair_style almlip
pair_coeff * * {potential} Si
fix q all al_query 10 {PICK_ALL}
fix 2d all enforce2d
dump d all custom 10 run.dump id type x y z
dump_modify d format float %.16g
thermo_style custom step pe
run 0""")

    (ours,), (theirs,) = batch(run), evaluated(run, potential)
    assert list(ours.pbc) == [True, True, False]
    assert ours.cell[2, 2] >= 12.0
    assert theirs.get_potential_energy() == pytest.approx(run.thermo[0]["PotEng"], abs=1e-5)

    select = ["almlip", "select", potential, "run.dump", "--elements", "Si", "--mindist", "0"]
    select += ["--fmax", "0", "--count", "1", "--output", "of_dump.extxyz"]
    asked = subprocess.run(select, cwd=run.folder, capture_output=True, text=True)
    assert asked.returncode != 0 and "give --dimension 2" in asked.stderr
    subprocess.run([*select, "--dimension", "2"], cwd=run.folder, check=True, capture_output=True)
    of_dump = ase_io.read(run.folder / "of_dump.extxyz")
    assert list(of_dump.pbc) == [True, True, False]
    np.testing.assert_allclose(of_dump.cell[:], ours.cell[:], atol=1e-6)
    np.testing.assert_allclose(of_dump.positions, ours.positions, atol=1e-6)


def test_other_fixes_at_the_end_of_the_step_do_not_change_the_frame(
    lmp_run, query_script, silicon_potential
):
    """fix deform changes the box before fix al_query is asked at the end of the step."""
    setup = HOT + "fix grow all deform 1 x erate 5.0 y erate 5.0 remap x"
    run = lmp_run(query_script("run 20", fix=f"10 {PICK_ALL} spacing 10", setup=setup))

    for ours, theirs in zip(batch(run), evaluated(run, silicon_potential), strict=True):
        np.testing.assert_allclose(theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8)


@pytest.mark.parametrize("style", ["cg", "fire", "quickmin"])
def test_accepted_steps_of_a_minimisation_are_looked_at(
    lmp_run, query_script, silicon_potential, style
):
    run = lmp_run(
        query_script(
            f"min_style {style}\nminimize 0 1e-6 6 100",
            fix=f"2 {PICK_ALL} spacing 1 batch 20 trace looks.txt",
            setup="displace_atoms all random 0.25 0.25 0.25 99 units box",
            thermo=2,
        )
    )
    frames = batch(run)

    looks = {int(row[0]): row[2] for row in np.loadtxt(run.folder / "looks.txt")}
    for row in run.thermo:  # the largest sigma is of the same iteration as the energy
        if row["Step"] in looks:
            assert row["f_q[1]"] == pytest.approx(looks[row["Step"]], rel=1e-5)

    steps = [int(row["Step"]) for row in run.thermo]
    assert sorted(frame.info["step"] for frame in frames) == [s for s in steps if s % 2 == 0]
    energy = {int(row["Step"]): row["PotEng"] for row in run.thermo}
    for ours, theirs in zip(frames, evaluated(run, silicon_potential), strict=True):
        assert theirs.get_potential_energy() == pytest.approx(energy[ours.info["step"]], abs=1e-5)


def test_a_relaxed_box_is_the_box_of_its_forces(lmp_run, query_script, silicon_potential):
    run = lmp_run(
        query_script(
            "fix relax all box/relax iso 20000\nminimize 0 1e-6 10 100",
            fix=f"2 {PICK_ALL} spacing 1 batch 20",
        )
    )

    for ours, theirs in zip(batch(run), evaluated(run, silicon_potential), strict=True):
        np.testing.assert_allclose(theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-7)


BAND = "neb 0.0 0.01 20 20 5 final final.txt"
BAND_SETUP = "atom_modify sort 0 0.0\nmin_style quickmin\ntimestep 0.001\nfix band all neb 1.0"


def run_band(folder, script, **settings):
    """Three images between the silicon cell and the same with one atom moved."""
    (folder / "final.txt").write_text("1\n1 0.3 0.2 0.1\n")
    run_partitions(folder, script, 3, **settings)


def test_nudged_elastic_band(tmp_path, query_script, silicon_potential):
    """Every image is watched by a process of its own, and has batches and a trace of its own."""
    script = query_script(
        BAND,
        fix=f"5 {PICK_ALL} spacing 5 trace looks.txt",
        setup=BAND_SETUP,
    )
    run_band(tmp_path, script)

    for image in range(3):
        steps = np.loadtxt(tmp_path / f"looks.txt.{image}")[:, 0]
        assert len(steps) >= 4 and np.all(steps % 5 == 0)
    paths = sorted(tmp_path.glob("al_batch.*.extxyz"))
    assert len(paths) >= 3
    first_atoms = set()
    for path in paths:
        pairs = zip(ase_io.read(path, index=":"), predicted(path, silicon_potential), strict=True)
        for ours, theirs in pairs:
            np.testing.assert_allclose(
                theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8
            )  # of the potential alone, without the springs
            first_atoms.add(tuple(ours.positions[0].round(2)))
    assert len(first_atoms) >= 3


def test_a_soft_stop_leaves_no_image_of_a_band_waiting(tmp_path, query_script):
    """The middle image is not trusted, the ends are: only that one would stop."""
    script = query_script(
        BAND,
        fix="5 threshold 0.0 1000.0 measure force gate mindist 0 fmax 0 action soft",
        setup=f"{BAND_SETUP}\nvariable hi world 1000.0 0.0001 1000.0",
    ).replace("threshold 0.0 1000.0", "threshold 0.0 ${hi}")
    run_band(tmp_path, script, timeout=100)
    logs = [(tmp_path / f"log.lammps.{image}").read_text() for image in range(3)]
    assert ["the run should end, but goes on" in log for log in logs] == [False, True, False]


@pytest.mark.parametrize("blow_up", [False, True])
def test_atoms_without_an_element_that_appear_are_refused(
    blow_up, lmp_run, query_script, silicon_potential
):
    """A deposited atom of a type that the potential does not see; a look before a blow-up, too."""
    push = "variable push equal 1e300^(step>=20)\nfix boom all addforce v_push 0 0\n"
    commands = """fix grow all deposit 1 2 5 8723 region box near 0.5 units box
run 20"""
    text = query_script(
        commands,
        fix=f"10 {PICK_ALL} spacing 10 before 2 action soft",
        setup="mass 2 4.0\n" + HOT + push * blow_up,
        pair_style="hybrid/overlay almlip zero 3.0",
        coefficients=f"pair_coeff * * almlip {silicon_potential} Si NULL\npair_coeff * * zero",
    ).replace("\npair_style", "\nregion box block 0.5 10 0.5 10 0.5 10 units box\npair_style", 1)
    text = re.sub(r"read_data (\S+)", r"read_data \1 extra/atom/types 1", text)
    run = lmp_run(text)

    assert [f["step"] for f in manifest(run)["frames"]] == [0]
    refused = [("no_element", 1), ("not_finite", 1)] if blow_up else [("no_element", 2)]
    assert sorted((r["reason"], r["count"]) for r in manifest(run)["rejections"]) == refused


def test_balance_and_reset_timestep(lmp_run, query_script, silicon_potential):
    commands = """fix bal all balance 10 0.9 shift x 5 1.0
run 20
reset_timestep 0
run 20"""
    run = lmp_run(query_script(commands, fix=f"10 {PICK_ALL} spacing 10", setup=HOT), ranks=2)

    # Step 20, which is step 0 then, is looked at twice: its number is another one.
    assert run.thermo[-1]["f_q[3]"] == 6
    for number in (1, 2):
        for ours, theirs in zip(
            batch(run, number), evaluated(run, silicon_potential, number), strict=True
        ):
            np.testing.assert_allclose(
                theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8
            )


def test_either_name_of_the_fix(lmp_run, query_script):
    run = lmp_run(query_script("run 0", fix=f"10 {PICK_ALL}").replace("al_query", "al/query"))

    assert len(batch(run)) == 1


def test_no_atoms_are_no_configuration(lmp_run, query_script):
    run = lmp_run(query_script("delete_atoms group all\nrun 0", fix=f"10 {PICK_ALL}"))

    assert not list(run.folder.glob("al_batch.*"))
