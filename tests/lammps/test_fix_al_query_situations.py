# SPDX-License-Identifier: GPL-2.0-or-later
"""fix al_query where LAMMPS does something else than plain dynamics in a periodic box."""

import gzip
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from al_query_batches import HOT, PICK_ALL, batch, manifest
from conftest import LATTICE_CONSTANT
from random_potential import write_random_potential

ase_io = pytest.importorskip("ase.io")


def predicted(path, potential):
    """The frames of a file with what `almlip eval` predicts."""
    output = path.with_name("eval.extxyz")
    command = ["almlip", "eval", potential, path, "--output", output]
    subprocess.run(command, check=True, capture_output=True)
    return ase_io.read(output, index=":")


def evaluated(run, potential, number=1):
    """The same of a batch."""
    return predicted(run.folder / f"al_batch.{number:04d}.extxyz", potential)


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


def test_soft_stop_in_a_rerun_does_not_reach_the_next_run(lmp_run, query_script):
    first = lmp_run(
        query_script(
            "dump d all custom 10 traj id type x y z\nrun 20",
            fix="10 threshold 900 1000",
            setup=HOT,
        )
    )
    commands = f'rerun {first.folder}/traj dump x y z\nreset_timestep 0\nrun 30\nprint "at $(step)"'
    fix = "10 threshold 0.0 1e-9 trigger end action soft"
    after = lmp_run(
        query_script(
            commands + '\nunfix q\nthermo_style custom step\nrun 7\nprint "at $(step)"',
            fix=fix,
            setup=HOT,
        )
    )

    assert "\nat 0\n" in after.log  # the run itself stops at its first look, softly
    assert "\nat 7\n" in after.log


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
thermo_style custom step pe
run 0""")

    (ours,), (theirs,) = batch(run), evaluated(run, potential)
    assert list(ours.pbc) == [True, True, False]
    assert ours.cell[2, 2] >= 12.0
    assert theirs.get_potential_energy() == pytest.approx(run.thermo[0]["PotEng"], abs=1e-5)


def test_the_frame_is_the_state_after_the_moves_of_the_step(lmp_run, tmp_path):
    """fix atom/swap evaluates energies inside a step, which adds to forces."""
    potential = write_random_potential(tmp_path / "SiGe.json", ["Si", "Ge"])
    run = lmp_run(f"""units metal
lattice diamond 5.5
region box block 0 2 0 2 0 2
create_box 2 box
create_atoms 1 box
set type 1 type/fraction 2 0.4 991
mass 1 28.0855
mass 2 72.63
pair_style almlip
pair_coeff * * {potential} Si Ge
displace_atoms all random 0.1 0.1 0.1 4711
fix swap all atom/swap 1 5 29494 1000.0 types 1 2
velocity all create 300 1
fix nve all nve
fix q all al_query 1 {PICK_ALL} spacing 1 batch 20
run 5""")

    for ours, theirs in zip(batch(run), evaluated(run, potential), strict=True):
        np.testing.assert_allclose(theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8)
        np.testing.assert_allclose(theirs.arrays["sigma"], ours.arrays["sigma"], rtol=1e-6)
        assert theirs.get_potential_energy() == pytest.approx(
            ours.info["predicted_energy"], abs=1e-6
        )


def test_grand_canonical_moves(lmp_run, tmp_path):
    """fix gcmc inserts and deletes atoms; the energy in the frame is one that a label can have."""
    potential = write_random_potential(tmp_path / "SiGe.json", ["Si", "Ge"])
    run = lmp_run(f"""units metal
lattice diamond 5.5
region box block 0 2 0 2 0 2
create_box 2 box
create_atoms 1 box
mass 1 28.0855
mass 2 72.63
pair_style almlip isolated zero
pair_coeff * * {potential} Si Ge
displace_atoms all random 0.1 0.1 0.1 4711
velocity all create 300 1
fix nve all nve
fix moves all gcmc 1 10 0 2 29494 3000.0 50.0 0.1 overlap_cutoff 1.0
fix q all al_query 1 {PICK_ALL} spacing 1 batch 20
thermo 1
thermo_style custom step atoms
run 5""")

    num_atoms = {row["Step"]: row["Atoms"] for row in run.thermo}
    assert len(set(num_atoms.values())) > 1
    for ours, theirs in zip(batch(run), evaluated(run, potential), strict=True):
        assert len(ours) == num_atoms[ours.info["step"]]
        np.testing.assert_allclose(theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8)
        assert theirs.get_potential_energy() == pytest.approx(
            ours.info["predicted_energy"], abs=1e-6
        )


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
            fix=f"2 {PICK_ALL} spacing 1 batch 20",
            setup="displace_atoms all random 0.25 0.25 0.25 99 units box",
            thermo=2,
        )
    )
    frames = batch(run)

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


def test_partitions_in_one_folder_lose_nothing(tmp_path, query_script):
    script = query_script(
        "run 40", fix=f"10 {PICK_ALL} spacing 10 batch 2 trigger 2 clusters 2", setup=HOT
    ).replace(
        "velocity all create 2000 4928459",
        "variable seed world 11 22 33 44\nvelocity all create 2000 ${seed}",
    )
    (tmp_path / "in.lmp").write_text(f"plugin load {os.environ['ALMLIP_PLUGIN']}\n{script}")
    done = subprocess.run(
        ["mpirun", "-n", "4", "lmp", "-partition", "4x1", "-in", "in.lmp"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    announced = []
    for log in tmp_path.glob("log.lammps.*"):
        announced += re.findall(r"candidates written to (\S+)", log.read_text())
    written = sorted(tmp_path.glob("al_batch.*.extxyz"))
    assert sorted(announced) == [path.name for path in written]
    assert 9 <= len(written) <= 4 * 3  # whoever is later does not take the common start again
    for path in written:
        frames = ase_io.read(path, index=":")
        entries = json.loads(path.with_suffix(".json").read_text())["frames"]
        assert [f.info["max_sigma"] for f in frames] == pytest.approx(
            [e["max_sigma"] for e in entries], rel=1e-9
        )


def test_nudged_elastic_band(tmp_path, query_script, silicon_potential):
    """Every image is watched by a process of its own, and has batches and a trace of its own."""
    script = query_script(
        "neb 0.0 0.01 20 20 5 final final.txt",
        fix=f"5 {PICK_ALL} spacing 5 trace looks.txt",
        setup="atom_modify sort 0 0.0\nmin_style quickmin\ntimestep 0.001\nfix band all neb 1.0",
    )
    (tmp_path / "in.lmp").write_text(f"plugin load {os.environ['ALMLIP_PLUGIN']}\n{script}")
    (tmp_path / "final.txt").write_text("1\n1 0.3 0.2 0.1\n")
    done = subprocess.run(
        ["mpirun", "-n", "3", "lmp", "-partition", "3x1", "-in", "in.lmp"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr

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


def test_atoms_without_an_element_that_appear_are_refused(lmp_run, query_script, silicon_potential):
    """A deposited atom of a type that the potential does not see."""
    commands = """fix grow all deposit 1 2 5 8723 region box near 0.5 units box
run 20"""
    text = query_script(
        commands,
        fix=f"10 {PICK_ALL} spacing 10",
        setup="mass 2 4.0\n" + HOT,
        pair_style="hybrid/overlay almlip zero 3.0",
        coefficients=f"pair_coeff * * almlip {silicon_potential} Si NULL\npair_coeff * * zero",
    ).replace("\npair_style", "\nregion box block 0.5 10 0.5 10 0.5 10 units box\npair_style", 1)
    text = re.sub(r"read_data (\S+)", r"read_data \1 extra/atom/types 1", text)
    run = lmp_run(text)

    assert [f["step"] for f in manifest(run)["frames"]] == [0]
    assert [(r["reason"], r["count"]) for r in manifest(run)["rejections"]] == [("no_element", 2)]


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


def test_per_atom_array_and_the_whole_vector(lmp_run, query_script, tmp_path):
    potential = write_random_potential(tmp_path / "Si.json", ["Si"], novelty_threshold=2.0)
    commands = """compute top all reduce max f_q[1] f_q[2] f_q[3]
thermo_style custom step f_q[1] f_q[2] f_q[8] f_q[9] f_q[10] f_q[11] f_q[12] c_top[1] c_top[2] c_top[3]
run 20"""
    run = lmp_run(
        query_script(
            commands,
            fix="10 threshold 0.0001 1000 gate mindist 0 fmax 0 peratom array",
            setup=HOT,
            coefficients=f"pair_coeff * * {potential} Si",
        )
    )

    for n, row in enumerate(run.thermo):
        assert row["f_q[1]"] == row["c_top[1]"] > 0
        assert row["f_q[8]"] == row["c_top[2]"] > 0
        assert row["c_top[3]"] == 1
        assert (row["f_q[9]"], row["f_q[11]"], row["f_q[12]"]) == (n + 1, 0.0001, 1000)


def test_trace_has_a_line_for_each_look(lmp_run, query_script):
    run = lmp_run(query_script("run 40", fix=f"10 {PICK_ALL} trace looks.txt", setup=HOT))

    table = np.loadtxt(run.folder / "looks.txt")
    assert list(table[:, 0]) == [0, 10, 20, 30, 40]
    np.testing.assert_allclose(table[:, 2], [r["f_q[1]"] for r in run.thermo], rtol=1e-5)
    assert list(table[:, 10]) == [1, 1, 1, 1, 1]  # candidates: spacing is 50


def test_frames_before_a_blow_up_are_kept(lmp_run, query_script):
    setup = HOT + "variable push equal 1e300^(step>=30)\nfix boom all addforce v_push 0 0"
    run = lmp_run(
        query_script("run 100", fix="10 threshold 900 1000 before 2 action soft", setup=setup)
    )

    assert sorted(f["step"] for f in manifest(run)["frames"]) == [10, 20]
    assert {f["why"] for f in manifest(run)["frames"]} == {"before"}


def test_the_end_of_a_run_says_what_it_gave(lmp_run, query_script):
    run = lmp_run(query_script("run 40\nrun 40\nrun 40", fix="10 threshold 900 1000", setup=HOT))

    assert run.log.count("fix al_query q: 5 looks: 5 known, 0 at or above lo, 0 candidates") == 1
    assert run.log.count("fix al_query q: 4 looks: 4 known") == 2
    assert "fix al_query q: to do: 3 runs in a row gave no candidate; " in run.log


def test_refusals_are_told(lmp_run, query_script):
    run = lmp_run(query_script("run 40", fix="10 threshold 0 1000 gate fmax 1e-9", setup=HOT))

    assert re.search(r"not taken: fmax 5 \(steps 0 to 40, worst \S+ eV/Angstrom\)", run.log)
    assert "to do: configurations are refused as unphysical" in run.log


def test_a_run_that_stays_above_hi_is_told_what_to_do(lmp_run, query_script):
    fix = "10 threshold 0 1e-9 measure force gate mindist 0 fmax 0"
    run = lmp_run(query_script("run 40\nrun 40", fix=fix, setup=HOT))

    assert run.log.count("to do: most looks are not trusted") == 2


def test_adaptive_threshold_follows_the_run(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "thermo_style custom step f_q[1] f_q[3] f_q[11]\nrun 200",
            fix="2 threshold adaptive 0.3 gate mindist 0 fmax 0",
            setup=HOT,
            thermo=2,
        )
    )

    assert len({row["f_q[11]"] for row in run.thermo}) > 10  # lo moves
    assert 0.1 < run.thermo[-1]["f_q[3]"] / 101 < 0.6


def test_either_name_of_the_fix(lmp_run, query_script):
    run = lmp_run(query_script("run 0", fix=f"10 {PICK_ALL}").replace("al_query", "al/query"))

    assert len(batch(run)) == 1


def spooled(folder, name="al_batch.spool"):
    """All candidates that are on disk."""
    return [
        frame
        for path in sorted((folder / name).glob("*.extxyz"))
        for frame in ase_io.read(path, index=":")
    ]


def test_lost_atoms_lose_no_candidate(lmp_run, query_script):
    setup = f"change_box all boundary f f f\n{HOT}variable push equal 1e5*(step>=31)\nfix boom all addforce v_push 0 0"
    run = lmp_run(
        query_script("run 100", fix=f"10 {PICK_ALL} spacing 10 gate fmax 30", setup=setup),
        check=False,
    )

    assert run.status != 0 and "Lost atoms" in run.screen
    assert [f.info["step"] for f in spooled(run.folder)][:4] == [0, 10, 20, 30]


def start(folder, script):
    (folder / "in.lmp").write_text(f"plugin load {os.environ['ALMLIP_PLUGIN']}\n{script}")
    return subprocess.Popen(
        ["lmp", "-in", "in.lmp", "-log", "log.lammps"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # `lmp` may be a script that starts the real one
    )


def wait_for_trace(path, num_lines, process):
    """Until the trace of a running process has more lines than so many."""
    while not path.exists() or len(path.read_text().splitlines()) <= num_lines:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def screen_after_sigterm(process):
    os.killpg(process.pid, signal.SIGTERM)
    return process.communicate(timeout=60)[0]


def test_kill_loses_no_candidate(tmp_path, query_script):
    process = start(
        tmp_path, query_script("run 100000", fix=f"10 {PICK_ALL} spacing 10 trace t", setup=HOT)
    )
    wait_for_trace(tmp_path / "t", 5, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    looks = len((tmp_path / "t").read_text().splitlines()) - 1
    assert looks <= len(spooled(tmp_path)) <= looks + 1


def test_sigterm_ends_all_runs_softly(tmp_path, query_script):
    commands = 'run 1000000\nrun 1000000\nprint "the script went on"'
    process = start(tmp_path, query_script(commands, fix=f"10 {PICK_ALL} trace t", setup=HOT))
    wait_for_trace(tmp_path / "t", 5, process)
    screen = screen_after_sigterm(process)

    assert "Total wall time" in screen  # a regular end
    assert screen.count("told to end by SIGTERM, all runs stop") == 1
    assert "the script went on" in screen
    assert (tmp_path / "al_batch.0001.json").exists()


def test_a_restart_half_way_leaves_the_same_spool(lmp_run, query_script, silicon_potential):
    fix = f"10 {PICK_ALL} spacing 10 batch 3 clusters 2"
    whole = lmp_run(query_script("restart 40 saved\nrun 80", fix=fix, setup=HOT))
    steps = [f.info["step"] for f in spooled(whole.folder)]
    rest = lmp_run(
        f"shell cp -r {whole.folder}/al_batch.spool .\nread_restart {whole.folder}/saved.40\n"
        f"pair_style almlip\npair_coeff * * {silicon_potential} Si\nfix nve all nve\n"
        f"fix q all al_query {fix}\nrun 40"
    )

    assert steps == list(range(0, 90, 10))
    assert [f.info["step"] for f in spooled(rest.folder)] == steps


def test_known_files_and_folders_are_not_chosen(lmp_run, query_script):
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT))
    known = first.folder / "al_batch.0001.extxyz"
    for what in (known, first.folder):
        again = lmp_run(query_script("run 50", fix=f"{fix} known {what} seed 2", setup=HOT))
        assert [f["step"] for f in manifest(again)["frames"]] == [50]


def test_replicas_that_share_a_folder_choose_different_frames(lmp_run, query_script):
    """Two fixes of one run look at the same configurations, as two replicas with one start do."""
    other = f"fix q2 all al_query 10 {PICK_ALL} spacing 10 batch 3"
    run = lmp_run(
        query_script(f"{other}\nrun 20", fix=f"10 {PICK_ALL} spacing 10 batch 2", setup=HOT)
    )

    chosen = [f["step"] for k in (1, 2) for f in manifest(run, k)["frames"]]
    assert sorted(chosen) == [0, 10, 20]


@pytest.mark.parametrize("other", ["a", "al_batch_of_a_longer_name"])
def test_batches_of_other_names_in_the_folder_do_not_matter(lmp_run, query_script, other):
    """Runs of one folder with prefixes of any length, the shorter one as well as the longer one."""
    commands = f"run 20\nunfix q\nfix q all al_query 10 {PICK_ALL} file {other}\nrun 20"
    run = lmp_run(query_script(commands, fix=f"10 {PICK_ALL}", setup=HOT))

    assert batch(run) and batch(run, prefix=other)


def test_known_that_is_not_there_is_an_error(lmp_run, query_script):
    run = lmp_run(query_script("run 0", fix="10 known nowhere.extxyz"), check=False)

    assert (
        run.error == "fix al_query: known is 'nowhere.extxyz', but there is no such file or folder"
    )


def test_a_rerun_counts_all_its_snapshots_and_does_not_reach_the_next_run(
    lmp_run, query_script, silicon_potential
):
    """Soft stop of a snapshot that is not trusted, trusted ones after it."""
    first = lmp_run(
        query_script(
            "dump d all custom 10 traj id type x y z\nrun 30", fix="10 threshold 9 10", setup=HOT
        )
    )
    frames = [f"{first.folder}/{k}.extxyz" for k in range(4)]
    for k, atoms in enumerate(ase_io.read(f"{first.folder}/traj", index=":")):
        atoms.symbols[:] = "Si"
        ase_io.write(frames[k], atoms)
    sigma = [predicted(first.folder / f"{k}.extxyz", silicon_potential)[0] for k in range(4)]
    sigma = np.array([atoms.arrays["sigma"].max() for atoms in sigma])
    hi = np.sort(sigma)[-2:].mean()  # one snapshot is above it
    assert sigma.argmax() < 3
    after = lmp_run(
        query_script(
            f'rerun {first.folder}/traj dump x y z\nrun 7\nprint "at $(step)"',
            fix=f"10 threshold 0.0 {hi} measure force spacing 1 action soft gate mindist 0 fmax 0",
        )
    )

    assert "fix al_query q: 4 looks: 0 known, 4 at or above lo, 4 candidates, 1 not trusted" in (
        after.log
    )
    assert after.log.count("the run stops") == 1
    assert "\nat 37\n" in after.log


def test_fix_halt_as_documented(lmp_run, query_script):
    page = (Path(__file__).parents[2] / "docs" / "fix_al_query.md").read_text()
    [block] = [b for b in page.split("```") if " halt " in b]
    block = re.sub("> [0-9.]+", "> -1.0", block)  # at once
    run = lmp_run(query_script(f'{block}\nrun 50\nprint "at $(step)"', setup=HOT))

    assert "\nat 10\n" in run.log


def test_no_atoms_are_no_configuration(lmp_run, query_script):
    run = lmp_run(query_script("delete_atoms group all\nrun 0", fix=f"10 {PICK_ALL}"))

    assert not list(run.folder.glob("al_batch.*"))


def test_a_group_without_atoms_is_told_once(lmp_run, query_script):
    setup = "group none empty"
    run = lmp_run(query_script("run 0\nrun 10", setup=setup, group="none", fix=f"10 {PICK_ALL}"))

    assert run.log.count("group none has no atoms") == 1


def test_the_end_of_a_run_tells_what_is_measured(lmp_run, query_script, silicon_potential):
    """The spread of the members' energies, not sigma, and a lower limit in its unit."""
    fix = f"10 {PICK_ALL} spacing 1"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT))
    spread = [
        np.std(atoms.info["member_energies"], ddof=1) / len(atoms)
        for atoms in evaluated(first, silicon_potential)
    ]
    run = lmp_run(query_script("run 40", fix="10 measure energy threshold 1 2", setup=HOT))

    line = re.search(r"energy spread \(eV per atom\).* typically (\S+), at most (\S+);", run.log)
    assert float(line[1]) == pytest.approx(np.median(spread), rel=0.1)  # from a histogram
    assert float(line[2]) == pytest.approx(max(spread), rel=0.01)
    hint = re.search(r"lower lo below (\S+) eV per atom", run.log)
    assert np.median(spread) < 1.1 * float(hint[1]) < 1.2 * max(spread)
    assert not re.search("largest (sigma|novelty).* lo ", run.log)  # are not compared


def test_densities_that_were_refused_are_told(lmp_run, query_script):
    """Below the limits; mass and volume by hand, 1.66 g/cm^3 is 1 u/Angstrom^3."""
    setup = f"{HOT}fix d all deform 1 x scale 1.1 remap v"
    run = lmp_run(query_script("run 10", fix=f"10 {PICK_ALL} gate density 3 4", setup=setup))
    density = 64 * 28.0855 * 1.66053907 / (2 * LATTICE_CONSTANT) ** 3

    found = re.search(r"density 2 \(steps 0 to 10, from (\S+) to (\S+) g/cm\^3\)", run.log)
    assert float(found[1]) == pytest.approx(density / 1.1, rel=0.02)
    assert float(found[2]) == pytest.approx(density, rel=1e-3)


def test_sigterm_in_a_run_without_init(tmp_path, query_script):
    commands = 'run 20\nrun 1000000 pre no\nprint "the script went on"'
    process = start(tmp_path, query_script(commands, fix=f"10 {PICK_ALL} trace t", setup=HOT))
    wait_for_trace(tmp_path / "t", 6, process)
    screen = screen_after_sigterm(process)

    assert screen.count("told to end by SIGTERM, all runs stop") == 1
    assert "the script went on" in screen


def test_known_files_may_grow_or_be_torn_or_vanish(lmp_run, query_script):
    """A program that labels frames writes to them while the run goes on."""
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT)).folder / "al_batch.0001.extxyz"
    frames = ase_io.read(first, index=":")
    frames.sort(key=lambda atoms: atoms.info["step"])
    lines = first.read_text().splitlines(keepends=True)
    (first.parent / "torn.extxyz").write_text("".join(lines[:30]))
    ase_io.write(first.parent / "two.extxyz", frames[:2])
    ase_io.write(first.parent / "four.extxyz", frames[:4])
    commands = f"""shell cp {first.parent}/two.extxyz labels/a.extxyz
shell cp {first.parent}/torn.extxyz labels/b.extxyz
run 10
shell cp {first.parent}/four.extxyz labels/a.extxyz
run 20
shell mv labels elsewhere
run 20"""
    run = lmp_run(
        query_script(
            commands,
            fix=f"{fix} known labels",
            setup=f"shell mkdir labels\nshell cp {first.parent}/two.extxyz labels\n{HOT}",
        )
    )

    chosen = [
        f["step"]
        for path in sorted(run.folder.glob("al_batch.*.json"))
        for f in json.loads(path.read_text())["frames"]
    ]
    assert sorted(chosen) == [40, 50]  # 0 and 10 were known at first, 20 and 30 later
    assert run.log.count("labels/b.extxyz, frame 1") == 1
    assert "known is 'labels', which is not there any more" in run.log


def test_packed_files_of_a_known_folder(lmp_run, query_script, tmp_path):
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT)).folder / "al_batch.0001.extxyz"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.extxyz.gz").write_bytes(gzip.compress(first.read_bytes()))
    again = lmp_run(query_script("run 50", fix=f"{fix} known {tmp_path}/labels", setup=HOT))

    assert [f["step"] for f in manifest(again)["frames"]] == [50]


def test_what_the_spool_lacks_is_told_at_once(lmp_run, query_script):
    """A folder that another program has put a file for: told before the run ends, and at its end."""
    run = lmp_run(
        query_script(
            "shell touch al_batch.spool\nrun 40", fix=f"10 {PICK_ALL} spacing 10", setup=HOT
        )
    )
    warning = "fix al_query: al_batch.spool: the folder of the spool cannot be made"

    assert run.log.count(warning) == 1
    assert run.log.index(warning) < run.log.index("candidates written")
    assert "candidates are missing in the spool" in run.log


def test_a_restart_without_its_spool_is_told(lmp_run, query_script, silicon_potential):
    fix = f"10 {PICK_ALL} spacing 10"
    whole = lmp_run(query_script("restart 40 saved\nrun 40", fix=fix, setup=HOT))
    rest = lmp_run(
        f"read_restart {whole.folder}/saved.40\npair_style almlip\n"
        f"pair_coeff * * {silicon_potential} Si\nfix nve all nve\nfix q all al_query {fix}\nrun 0"
    )

    assert "0001.extxyz: is not there, or another run or process has it; a new file is begun" in (
        rest.log
    )
