# SPDX-License-Identifier: GPL-2.0-or-later
"""How runs with fix al_query end, and what is kept of them: errors, signals, halts, restarts, reruns."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from al_query_batches import HOT, PICK_ALL, manifest, predicted, spooled

ase_io = pytest.importorskip("ase.io")


def test_lost_atoms_lose_no_candidate(lmp_run, query_script):
    setup = f"change_box all boundary f f f\n{HOT}variable push equal 1e5*(step>=31)\nfix boom all addforce v_push 0 0"
    run = lmp_run(
        query_script("run 100", fix=f"10 {PICK_ALL} spacing 10 gate fmax 30", setup=setup),
        check=False,
    )

    assert run.status != 0 and "Lost atoms" in run.screen
    assert [f.info["step"] for f in spooled(run.folder)][:4] == [0, 10, 20, 30]


def pushed(force, steps):
    """Dynamics in which atom 5 alone is pushed in some steps."""
    return f"{HOT}variable push equal {force}*({steps})\ngroup one id 5\nfix boom one addforce v_push 0 0"


@pytest.mark.parametrize("ranks", [1, 2])
def test_an_exploding_run_ends_softly_by_default(lmp_run, query_script, ranks):
    """It ends where an atom first moves more than 1 Angstrom in a timestep, as in what LAMMPS dumps itself."""
    commands = (
        "dump d all custom 1 ways id type xu yu zu\ndump_modify d sort id format float %.10f\n"
        'run 100\nprint "stopped at $(step)"'
    )
    fix = f"1 {PICK_ALL} spacing 10"
    setup = pushed(300, "step>=15")
    run = lmp_run(query_script(commands, fix=fix, setup=setup, thermo=100), ranks=ranks)

    places = [f.positions for f in ase_io.read(run.folder / "ways", ":", format="lammps-dump-text")]
    moves = np.linalg.norm(np.diff(places, axis=0), axis=2).max(axis=1)  # of steps 1, 2, ...
    found = re.search(
        r"step (\d+): atom 5 moves (\S+) Angstrom in one timestep, which is above 1, element Si, the run stops",
        run.log,
    )
    step = int(found[1])
    assert step > 15 and len(moves) == step
    assert float(found[2]) == pytest.approx(moves[-1], rel=1e-3) and moves[-1] > 1
    assert all(moves[:-1] <= 1)
    assert f"\nstopped at {step}\n" in run.log
    assert manifest(run)["reason"] == "exploded"


@pytest.mark.parametrize("thermo", [10, 1000])
def test_a_run_that_has_lost_atoms_ends_softly(lmp_run, query_script, thermo):
    """The atom leaves the periodic box by many lengths between two looks; thermo output of that step comes later."""
    commands = 'run 200\nprint "stopped at $(step)"'
    setup = pushed("1e6", "step==12")
    fix = f"10 {PICK_ALL} spacing 10"
    run = lmp_run(query_script(commands, fix=fix, setup=setup, thermo=thermo))

    assert "fix al_query: lost atoms: original 64 current 63" in run.screen
    assert "fix al_query: step 20: lost atoms: 1, the run stops\n" in run.log
    assert "\nstopped at 20\n" in run.log
    assert "not taken: lost_atoms 1 (steps 20 to 20, worst 1 atoms)" in run.log
    assert [f.info["step"] for f in spooled(run.folder)] == [0, 10]
    assert {len(f) for f in spooled(run.folder)} == {64}
    assert manifest(run)["reason"] == "exploded"
    assert "to do: the run has blown up: label al_batch.0001.extxyz and refit" in run.log


def test_velocities_of_a_rerun_and_of_run_0_are_no_explosion(lmp_run, query_script):
    """No step is made, whatever velocities and timestep are."""
    commands = (
        "run 20\nundump d\ntimestep 1.0\nrerun seen dump x y z vx vy vz\nrun 0\n"
        'print "stopped at $(step)"'
    )
    setup = HOT + "dump d all custom 10 seen id type x y z vx vy vz"
    run = lmp_run(query_script(commands, fix=f"10 {PICK_ALL} spacing 1", setup=setup))

    assert " 0 not trusted" in run.log and "moves" not in run.log
    assert len(spooled(run.folder)) == 3


def start(folder, script, command=("lmp",)):
    (folder / "in.lmp").write_text(f"plugin load {os.environ['ALMLIP_PLUGIN']}\n{script}")
    return subprocess.Popen(
        [*command, "-in", "in.lmp", "-log", "log.lammps"],
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


def test_sigterm_of_batch_system_and_launcher_is_one(tmp_path, query_script):
    """Both tell every process; the next look is half a second of dynamics away."""
    process = start(
        tmp_path,
        query_script("run 1000000", fix=f"1000 {PICK_ALL} trace t", setup=HOT, thermo=1000),
    )
    wait_for_trace(tmp_path / "t", 1, process)
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(0.05)
    screen = screen_after_sigterm(process)

    assert "Total wall time" in screen
    assert (tmp_path / "al_batch.0001.json").exists()


@pytest.mark.skipif("/floor/" in os.environ.get("ALMLIP_PLUGIN", ""), reason="its lmp is a script")
def test_sigterm_to_mpirun_ends_all_ranks_softly(tmp_path, query_script):
    """As batch systems send it to a job script that has replaced itself by mpirun."""
    commands = 'run 1000000\nprint "the script went on"'
    command = ["mpirun", "-n", "2", "lmp"]
    process = start(
        tmp_path, query_script(commands, fix=f"10 {PICK_ALL} trace t", setup=HOT), command
    )
    wait_for_trace(tmp_path / "t", 5, process)
    process.terminate()
    process.communicate(timeout=60)

    assert (tmp_path / "al_batch.0001.json").exists()
    assert "the script went on" in (tmp_path / "log.lammps").read_text()


def test_sigterm_in_a_run_without_init(tmp_path, query_script):
    commands = 'run 20\nrun 1000000 pre no\nprint "the script went on"'
    process = start(tmp_path, query_script(commands, fix=f"10 {PICK_ALL} trace t", setup=HOT))
    wait_for_trace(tmp_path / "t", 6, process)
    screen = screen_after_sigterm(process)

    assert screen.count("told to end by SIGTERM, all runs stop") == 1
    assert "the script went on" in screen


def test_sigterm_in_a_rerun_chooses_at_once(tmp_path, query_script):
    """LAMMPS reads all snapshots of a rerun; it may be killed before it has."""
    commands = (
        "dump d all custom 1 traj id type x y z\nrun 3000\nundump d\n"
        'rerun traj dump x y z\nrun 1000000\nprint "the script went on"'
    )
    fix = f"1 {PICK_ALL} trace t"
    process = start(tmp_path, query_script(commands, fix=fix, setup=HOT, thermo=1000))
    wait_for_trace(tmp_path / "t", 3010, process)
    screen = screen_after_sigterm(process)

    assert screen.count("told to end by SIGTERM, all runs but reruns are skipped") == 1
    assert "the script went on" in screen
    of_run, at_once = sorted(tmp_path.glob("al_batch.*.json"))[:2]
    assert json.loads(of_run.read_text())["step"] == 3000
    assert json.loads(at_once.read_text())["step"] < 3000


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


def test_a_restart_from_before_the_first_candidate_leaves_the_same_spool(
    lmp_run, query_script, silicon_potential
):
    """Candidates of the run before are cut off, not there twice in two files."""
    fix = f"10 {PICK_ALL} spacing 10 gate density 0 2.2"  # g/cm^3; diamond has 2.33
    widen = "change_box all x scale 1.1 y scale 1.1 z scale 1.1 remap\nrun 40"
    whole = lmp_run(query_script(f"run 40\nwrite_restart saved.40\n{widen}", fix=fix, setup=HOT))
    steps = [f.info["step"] for f in spooled(whole.folder)]
    copy = f"shell cp -r {whole.folder}/al_batch.spool .\n"
    rest = lmp_run(copy + restarted(whole.folder, silicon_potential, fix, widen))

    assert steps == [40, 50, 60, 70, 80]
    assert [f.info["step"] for f in spooled(rest.folder)] == steps
    assert "5 candidates from after the restart point are now in al_batch.spool/0001" in rest.log


def test_a_restart_from_before_a_batch_chooses_nothing_beside_its_frames(
    lmp_run, query_script, silicon_potential
):
    """The run crashed after it had written a batch, so that looks after the restart point are known."""
    fix = f"5 {PICK_ALL} spacing 10 batch 9 strategy random"
    whole = lmp_run(query_script("restart 40 saved\nrun 80", fix=fix, setup=HOT))
    steps = sorted(frame["step"] for frame in manifest(whole, 1)["frames"])
    copy = f"shell cp -r {whole.folder}/al_batch.spool {whole.folder}/al_batch.0001.* .\n"
    rest = lmp_run(copy + restarted(whole.folder, silicon_potential, fix, "run 40\nrun 20"))

    assert steps == list(range(0, 90, 10))
    assert sorted(frame["step"] for frame in manifest(rest, 2)["frames"]) == [90, 100]


def restarted(folder, potential, fix, commands):
    """A script that goes on from step 40 with the fix q."""
    return f"""read_restart {folder}/saved.40
pair_style almlip
pair_coeff * * {potential} Si
fix nve all nve
fix q all al_query {fix}
{commands}"""


def test_a_threshold_that_moves_does_so_after_a_restart(lmp_run, query_script, silicon_potential):
    fix = "2 threshold adaptive 0.3 gate mindist 0 fmax 0 measure force trace t"
    whole = lmp_run(query_script("restart 40 saved\nrun 80", fix=fix, setup=HOT))
    rest = lmp_run(restarted(whole.folder, silicon_potential, fix, "run 40"))

    lo = [np.loadtxt(run.folder / "t", usecols=(0, 5)) for run in (whole, rest)]
    np.testing.assert_allclose(lo[1], lo[0][-20:], rtol=1e-5)  # steps 42, 44, ... 80
    assert len(set(lo[1][:, 1])) > 10


def test_a_restart_counts_no_label_twice(lmp_run, query_script, silicon_potential):
    """The batches before the restart point are in its state and in the folder."""
    fix = f"5 {PICK_ALL} spacing 5 trigger 4 batch 2 spool off"
    whole = lmp_run(query_script("restart 40 saved\nrun 55", fix=fix, setup=HOT))
    rest = lmp_run(
        f"shell cp {whole.folder}/al_batch.0001.extxyz {whole.folder}/al_batch.0001.json .\n"
        f"shell cp {whole.folder}/al_batch.0002.extxyz {whole.folder}/al_batch.0002.json .\n"
        + restarted(whole.folder, silicon_potential, fix, "run 15")
    )

    frames = [manifest(run, 3)["frames"] for run in (whole, rest)]
    assert [f["step"] for f in frames[1]] == [f["step"] for f in frames[0]]
    np.testing.assert_allclose(
        [f["score"] for f in frames[1]], [f["score"] for f in frames[0]], rtol=1e-6
    )


def test_a_restart_with_another_potential_tells_what_becomes_of_candidates(
    lmp_run, query_script, silicon_potential, tmp_path
):
    other = tmp_path / "other.almlip.json"
    other.write_text(json.dumps(json.loads(silicon_potential.read_text()), indent=0))
    fix = f"10 {PICK_ALL} spacing 10"
    whole = lmp_run(query_script("restart 40 saved\nrun 80", fix=fix, setup=HOT))
    copy = f"shell cp -r {whole.folder}/al_batch.spool .\n"
    again, refitted = [
        lmp_run(copy + restarted(whole.folder, potential, fix, "run 20"))
        for potential in (silicon_potential, other)
    ]

    note = "another one than before; 5 candidates of the one before are taken out of the buffer, not out of the spool"
    assert note in refitted.log and note not in again.log
    assert sorted(f["step"] for f in manifest(again)["frames"]) == [0, 10, 20, 30, 40, 50, 60]
    assert min(f["step"] for f in manifest(refitted)["frames"]) > 40
    assert {f.info["step"] for f in spooled(refitted.folder)} >= {0, 10, 20, 30, 40}


def test_a_restart_may_do_without_a_spool(lmp_run, query_script, silicon_potential):
    fix = f"10 {PICK_ALL} spacing 10"
    whole = lmp_run(query_script("restart 40 saved\nrun 40", fix=fix, setup=HOT))
    rest = lmp_run(restarted(whole.folder, silicon_potential, f"{fix} spool off", "run 20"))

    assert max(f["step"] for f in manifest(rest)["frames"]) == 60
    assert not list(rest.folder.glob("*.spool"))


def test_a_spool_that_is_taken_away_is_begun_anew(lmp_run, query_script):
    commands = "run 20\nshell mv al_batch.spool moved\nrun 20"
    run = lmp_run(query_script(commands, fix=f"10 {PICK_ALL} spacing 10", setup=HOT))

    assert [f.info["step"] for f in spooled(run.folder, "moved")] == [0, 10, 20]
    assert [f.info["step"] for f in spooled(run.folder)] == [30, 40]
    assert run.log.count("0001.extxyz: is not there any more, with 3 candidates") == 1


def test_a_batch_without_a_folder_names_no_spool_that_is_gone(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "run 20\nshell mv sub moved\nrun 20",
            fix=f"10 {PICK_ALL} spacing 10 file sub/x",
            setup=HOT + "\nshell mkdir sub",
        ),
        check=False,
    )

    assert run.status != 0
    assert run.error.endswith(
        "; the spool sub/x.spool/0001.extxyz, which has candidates too, was moved or deleted"
    )


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
    snapshots = (first.folder / "traj").read_text().split("ITEM: TIMESTEP\n")[1:]
    steps, bodies = zip(*(snapshot.split("\n", 1) for snapshot in snapshots))
    order = np.argsort(-sigma)  # it comes first
    (first.folder / "traj").write_text(
        "".join(f"ITEM: TIMESTEP\n{step}\n{bodies[k]}" for step, k in zip(steps, order))
    )
    after = lmp_run(
        query_script(
            f'rerun {first.folder}/traj dump x y z\nrun 7\nprint "at $(step)"',
            fix=f"10 threshold 0.0 {hi} measure force spacing 1 action soft gate mindist 0 fmax 0",
        )
    )

    assert "fix al_query q: 4 looks: 0 known, 4 at or above lo, 4 candidates, 1 not trusted" in (
        after.log
    )
    assert "the run stops" not in after.log  # a rerun reads all snapshots
    assert "\nat 37\n" in after.log


def test_fix_halt_as_documented(lmp_run, query_script):
    page = (Path(__file__).parents[2] / "docs" / "fix_al_query.md").read_text()
    [block] = [b for b in page.split("```") if " halt " in b]
    block = re.sub("> [0-9.]+", "> -1.0", block)  # at once
    run = lmp_run(query_script(f'{block}\nrun 50\nprint "at $(step)"', setup=HOT))

    assert "\nat 10\n" in run.log


def test_frames_before_a_blow_up_are_kept(lmp_run, query_script):
    setup = HOT + "variable push equal 1e300^(step>=30)\nfix boom all addforce v_push 0 0"
    run = lmp_run(
        query_script("run 100", fix="10 threshold 900 1000 before 2 action soft", setup=setup)
    )

    assert sorted(f["step"] for f in manifest(run)["frames"]) == [10, 20]
    assert {f["why"] for f in manifest(run)["frames"]} == {"before"}


def test_frames_before_a_blow_up_do_not_stand_for_it(lmp_run, query_script):
    """The first look that is not trusted is refused by a gate, the second one is taken."""
    commands = """run 0
variable first equal $(f_q[1])
reset_timestep 10
displace_atoms all random 0.3 0.3 0.3 1
change_box all x scale 1.5
run 0
variable second equal $(f_q[1])
reset_timestep 20
change_box all x scale $(1.0/1.5)
run 0
print "sigma $(v_first) $(v_second) $(f_q[1])"
"""
    gates = "measure force gate mindist 0 fmax 0 density 2.0 3.0"
    looks = lmp_run(query_script(commands, fix=f"10 threshold 900 1000 {gates}"))
    trusted, *others = map(float, re.search("^sigma (.*)", looks.log, re.MULTILINE)[1].split())
    hi = (trusted + min(others)) / 2
    run = lmp_run(query_script(commands, fix=f"10 threshold {hi - 1e-9} {hi} before 2 {gates}"))

    assert trusted < min(others)
    assert [(f.info["step"], f.info["reason"]) for f in spooled(run.folder)] == [
        (0, "before"),
        (20, "above_hi"),
    ]


def test_looks_before_a_blow_up_pass_the_gates(lmp_run, query_script):
    """Silicon of 2.33 g/cm^3, in the last look before it half of that. A neighbour is at 0.8 Angstrom then."""
    commands = """run 0
reset_timestep 10
change_box all x scale 2.0
run 0
reset_timestep 20
change_box all x scale 0.5
group one id 1
displace_atoms one move 0.9 0.9 0.9 units box
run 0
"""
    fix = "10 threshold 900 1000 measure force before 2 gate mindist 0 fmax 0 density 2.0 3.0"
    run = lmp_run(query_script(commands, fix=fix))

    assert [(f.info["step"], f.info["reason"]) for f in spooled(run.folder)] == [
        (0, "before"),
        (20, "above_hi"),
    ]
