# SPDX-License-Identifier: GPL-2.0-or-later
"""Claims about fix al_query, in a real LAMMPS."""

import json
import re
import subprocess

import numpy as np
import pytest

from al_query_batches import HOT, PICK_ALL, batch, manifest
from conftest import LATTICE_CONSTANT, data_file
from random_potential import write_random_potential

ase_io = pytest.importorskip("ase.io")


def rejections(run, number=1):
    return {entry["reason"]: entry["count"] for entry in manifest(run, number)["rejections"]}


@pytest.mark.parametrize(
    "strategy",
    ["random", "uncertainty", "diversity", "hybrid", "alc", "alc_atoms", "lcmd", "badge", "power"],
)
def test_batch_does_not_depend_on_the_number_of_ranks(lmp_run, query_script, strategy):
    text = query_script(
        "run 60", fix=f"5 {PICK_ALL} spacing 5 batch 4 clusters 3 strategy {strategy}", setup=HOT
    )
    ranks = (1, 2, 4, 8) if strategy == "alc_atoms" else (1, 2, 4)
    runs = [lmp_run(text, n) for n in ranks]

    first = batch(runs[0])
    assert len(first) == 4
    for run in runs[1:]:
        assert [f["step"] for f in manifest(run)["frames"]] == [
            f["step"] for f in manifest(runs[0])["frames"]
        ]
        for a, b in zip(first, batch(run), strict=True):
            # 60 steps let rounding grow to far less than this
            np.testing.assert_allclose(
                a.get_scaled_positions() % 1.0, b.get_scaled_positions() % 1.0, atol=1e-9
            )
            np.testing.assert_allclose(a.arrays["sigma"], b.arrays["sigma"], rtol=1e-6)


def test_buffer_is_bounded(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "run 100",
            fix=f"5 {PICK_ALL} spacing 5 batch 3 clusters 3 buffer 6 trigger end",
            setup=HOT,
        )
    )

    assert max(row["f_q[5]"] for row in run.thermo) == 6
    assert manifest(run)["candidates"] == 6
    assert rejections(run) == {"buffer_full": 21 - 6, "passed_over": 6 - 3}  # steps 0, 5, ... 100


def test_uncertainty_buffer_keeps_the_most_uncertain(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "run 100",
            setup=HOT,
            thermo=5,
            fix=f"5 {PICK_ALL} spacing 5 batch 3 buffer 3 strategy uncertainty trigger end",
        )
    )

    largest = sorted((row["f_q[1]"] for row in run.thermo), reverse=True)[:3]
    np.testing.assert_allclose(
        [frame["max_sigma"] for frame in manifest(run)["frames"]], largest, rtol=1e-5
    )  # thermo's digits


def test_stored_frames_keep_their_spacing(lmp_run, query_script):
    run = lmp_run(
        query_script("run 60", fix=f"5 {PICK_ALL} spacing 18 batch 20 buffer 20", setup=HOT)
    )

    assert sorted(frame["step"] for frame in manifest(run)["frames"]) == [
        0,
        20,
        40,
        60,
    ]  # multiples of 5 at least 18 apart
    assert rejections(run) == {"spacing": 9}


def test_a_batch_is_chosen_as_soon_as_the_trigger_is_reached(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "run 70", fix=f"10 {PICK_ALL} spacing 10 batch 2 clusters 2 trigger 3", setup=HOT
        )
    )

    assert [manifest(run, k)["reason"] for k in (1, 2, 3)] == ["trigger", "trigger", "end_of_run"]
    assert [manifest(run, k)["step"] for k in (1, 2, 3)] == [20, 50, 70]
    assert [row["f_q[5]"] for row in run.thermo] == [1, 2, 0, 1, 2, 0, 1, 2]
    assert [row["f_q[7]"] for row in run.thermo] == [0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("reason, limit", [("fmax", 2.0), ("mindist", 2.2)])
def test_gate_rejects_what_is_unphysical(lmp_run, query_script, reason, limit):
    """The cold start passes the gate, the hot atoms later do not."""
    gates = {"fmax": 0, "mindist": 0, reason: limit}
    fix = f"5 threshold 0.0 1e9 gate mindist {gates['mindist']} fmax {gates['fmax']} spacing 5 batch 20"
    run = lmp_run(query_script("run 60", fix=fix, setup=HOT))

    for atoms in batch(run):
        distances = atoms.get_all_distances(mic=True) + 10 * np.eye(64)
        forces = np.linalg.norm(atoms.arrays["predicted_forces"], axis=1)
        assert forces.max() <= limit if reason == "fmax" else distances.min() >= limit
    (entry,) = manifest(run)["rejections"]
    assert entry["reason"] == reason
    assert (
        entry["count"] == run.thermo[-1]["f_q[4]"] == 13 - len(batch(run)) > 0
    )  # steps 0, 5, ... 60
    assert entry["worst"] > limit if reason == "fmax" else entry["worst"] < limit


def test_default_gate_follows_the_training_set(lmp_run, query_script, silicon_potential):
    settings = manifest(lmp_run(query_script("run 0", fix="10 threshold 0.0 1000.0")))["settings"]
    training = json.loads(silicon_potential.read_text())["training"]

    assert settings["mindist_ratio"] == 0.7  # of the least distance of each pair of elements
    assert settings["fmax"] == pytest.approx(training["force_limit"], rel=1e-12)


@pytest.mark.parametrize("repeat", [1, 2])
def test_default_threshold_is_that_of_the_held_out_frames(
    lmp_run, query_script, silicon_potential, repeat
):
    """For the number of atoms at hand: the largest sigma of many atoms is larger."""
    commands = "thermo_style custom step f_q[1] f_q[3] f_q[11] f_q[12]\nrun 20"
    setup = f"replicate {repeat} 1 1\ndisplace_atoms all random 0.2 0.2 0.2 3\n"
    run = lmp_run(query_script(commands, fix="10", setup=setup))
    record = json.loads(silicon_potential.read_text())["training"]

    assert set(record["held_out_atoms"]) == {64}
    growth = np.sqrt((2 * np.log(64 * repeat) + 1) / (2 * np.log(64) + 1))
    largest = growth * np.sort(record["held_out_sigma"])
    lo, hi = largest[len(largest) // 10], max(3 * largest[-1], 2 * record["rms_force"])
    assert (run.thermo[0]["f_q[11]"], run.thermo[0]["f_q[12]"]) == pytest.approx((lo, hi), rel=1e-6)
    assert run.thermo[-1]["f_q[3]"] == sum(row["f_q[1]"] >= lo for row in run.thermo)


def test_below_lo_nothing_happens(lmp_run, query_script):
    run = lmp_run(query_script("run 20", fix="10 threshold 900 1000", setup=HOT))

    assert run.thermo[-1]["f_q[1]"] > 0
    assert run.thermo[-1]["f_q[3]"] == 0
    assert not list(run.folder.glob("al_batch*"))


def test_the_first_above_hi_is_taken(lmp_run, query_script):
    """It is the most valuable one; what follows it is of the same excursion."""
    run = lmp_run(query_script("run 20", fix="10 threshold 0.0 1e-9", setup=HOT))

    assert [row["f_q[5]"] for row in run.thermo] == [1, 1, 1]
    assert [row["f_q[4]"] for row in run.thermo] == [0, 1, 2]
    assert run.thermo[-1]["Step"] == 20  # action continue
    assert [frame["step"] for frame in manifest(run)["frames"]] == [0]
    assert manifest(run)["frames"][0]["why"] == "above_hi"
    assert rejections(run) == {"above_hi": 2}


def test_numbers_that_are_not_finite_are_never_taken(lmp_run, query_script):
    setup = HOT + "variable push equal exp(1000)\nfix boom all addforce v_push 0 0"
    run = lmp_run(
        query_script(
            'run 100\nprint "stopped at $(step)"', fix=f"10 {PICK_ALL} action soft", setup=setup
        )
    )

    assert (
        "fix al_query: step 0: force, position, sigma or novelty of atom 1 is not a number, element Si"
        in run.log
    )
    assert "\nstopped at 0\n" in run.log
    assert run.thermo[0]["f_q[4]"] == 1
    assert not list(run.folder.glob("al_batch*"))


def test_ranks_without_atoms_and_open_boundaries(lmp_run, query_script):
    text = query_script(
        "run 0", fix=f"10 {PICK_ALL}", setup="change_box all x final -5 60 boundary f p p units box"
    )
    one, four = lmp_run(text), lmp_run("processors 4 1 1\n" + text, ranks=4)

    (ours,), (theirs,) = batch(one), batch(four)
    assert list(theirs.pbc) == [False, True, True]
    assert theirs.cell.lengths() == pytest.approx([65, 10.862, 10.862])
    np.testing.assert_allclose(theirs.positions, ours.positions, atol=1e-12)
    assert ours.positions[0, 0] == pytest.approx(
        5, abs=0.1
    )  # the corner of the box, -5, is the origin
    np.testing.assert_allclose(theirs.arrays["sigma"], ours.arrays["sigma"], rtol=1e-9)


def test_soft_stop_above_hi_lets_the_script_go_on(lmp_run, query_script):
    commands = """run 100
print "stopped at $(step)"
unfix q
thermo_style custom step pe
run 5
print "then at $(step)" """
    run = lmp_run(query_script(commands, fix="10 threshold 0.0 1e-9 action soft", setup=HOT))

    assert "\nstopped at 0\n" in run.log
    assert "\nthen at 5\n" in run.log
    assert re.search(r"atom \d+.* is above 1e-09, element Si, the run stops", run.log)


def test_soft_stop_after_a_batch_lets_the_script_go_on(lmp_run, query_script):
    commands = 'run 100\nprint "stopped at $(step)"\nrun 100\nprint "stopped at $(step)"'
    run = lmp_run(
        query_script(
            commands,
            fix=f"10 {PICK_ALL} spacing 10 batch 2 clusters 2 trigger 3 action soft",
            setup=HOT,
        ),
        ranks=2,
    )

    assert "\nstopped at 20\n" in run.log
    assert "\nstopped at 50\n" in run.log
    assert len(batch(run, 2)) == 2


def test_candidates_that_wait_are_written_when_hi_is_exceeded(lmp_run, query_script):
    sigma = [
        row["f_q[1]"]
        for row in lmp_run(query_script("run 20", fix="10 threshold 900 1000", setup=HOT)).thermo
    ]
    assert sigma[1] < sigma[2]  # the displacements grow from a cold start
    hi = (sigma[1] + sigma[2]) / 2
    run = lmp_run(
        query_script(
            'run 100\nprint "stopped at $(step)"',
            setup=HOT,
            fix=f"10 threshold 0.0 {hi} gate mindist 0 fmax 0 spacing 10 action soft",
        )
    )

    assert "\nstopped at 20\n" in run.log
    assert manifest(run)["reason"] == "above_hi"
    assert sorted(frame["step"] for frame in manifest(run)["frames"]) == [0, 10, 20]
    assert rejections(run) == {}


def test_manifest_is_complete(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "run 30",
            fix=f"10 {PICK_ALL} spacing 10 batch 2 clusters 2 alpha 0.3 seed 7 trigger 4",
            setup=HOT,
        )
    )
    record = manifest(run)

    assert set(record) == {
        "format",
        "format_version",
        "reason",
        "step",
        "potential",
        "lammps",
        "lammps_units",
        "settings",
        "counts",
        "candidates",
        "frames",
        "rejections",
    }
    assert record["settings"] == {
        "threshold": [0.0, 1000.0],
        "novelty": [2.0, 10.0],
        "measure": "any",
        "strategy": "alc_atoms",
        "alpha": 0.3,
        "batch": 2,
        "clusters": 2,
        "seed": 7,
        "duplicate": 0.01,
        "mindist": 0.0,
        "mindist_ratio": 0.0,
        "fmax": 0.0,
        "density": [0.0, 0.0],
        "temperature": 0.0,
        "every": 10,
        "buffer": 500,
        "before": 0,
        "spacing": 10,
        "trigger": 4,
    }
    assert record["counts"] == {
        "looks": 4,
        "flagged": 4,
        "untrusted": 0,
        "rejected": 0,
        "selected": 2,
        "batches": 1,
    }
    assert len(record["potential"]) == 16
    assert "LAMMPS" not in record["lammps"] and "20" in record["lammps"]
    for frame in record["frames"]:
        assert set(frame) == {
            "frame",
            "step",
            "num_atoms",
            "max_sigma",
            "mean_sigma",
            "worst_atom",
            "max_novelty",
            "why",
            "score",
            "cluster",
            "distance",
        }
        assert frame["num_atoms"] == 64 and 1 <= frame["worst_atom"] <= 64


def test_batch_holds_what_ase_needs_and_no_label(lmp_run, query_script):
    run = lmp_run(query_script("run 20", fix=f"10 {PICK_ALL} spacing 10 batch 3", setup=HOT))

    for atoms, why in zip(batch(run), manifest(run)["frames"], strict=True):
        assert atoms.get_chemical_formula() == "Si64"
        assert atoms.pbc.all()
        assert (0 <= atoms.get_scaled_positions(wrap=False)).all() and (
            atoms.get_scaled_positions(wrap=False) < 1
        ).all()
        assert atoms.calc is None  # no energy or forces that could be taken for a label
        assert atoms.info["config_type"] == "al_query"
        assert atoms.info["step"] == why["step"]
        assert atoms.info["max_sigma"] == pytest.approx(why["max_sigma"], rel=1e-9)
        assert atoms.arrays["sigma"].max() == pytest.approx(why["max_sigma"], rel=1e-12)
        assert atoms.arrays["sigma"].argmax() == why["worst_atom"] - 1


def test_frames_tell_the_temperature_of_lammps(lmp_run, query_script):
    columns = "thermo_style custom step temp\nrun 30"
    run = lmp_run(
        query_script(columns, fix=f"10 {PICK_ALL} spacing 10 batch 4", setup=HOT, thermo=10),
        ranks=2,
    )

    temperature = {row["Step"]: row["Temp"] for row in run.thermo}
    chosen = batch(run)
    assert len(chosen) == 4
    for atoms in chosen:
        assert atoms.info["temperature"] == pytest.approx(temperature[atoms.info["step"]], rel=1e-5)


@pytest.mark.parametrize(
    "box",
    [
        "",
        "change_box all triclinic\nchange_box all xy final 1.5 xz final -0.7 yz final 2.0 remap units box",
    ],
)
def test_batch_is_the_configuration_that_lammps_had(lmp_run, query_script, silicon_potential, box):
    """`almlip eval` of the batch gives back energies, forces and sigma of the run."""
    setup = f"{box}\nvelocity all create 2000 4928459 loop geom\nfix npt all npt temp 2000 2000 0.1 aniso 0 0 1"
    run = lmp_run(
        query_script("run 40", fix=f"10 {PICK_ALL} spacing 20 batch 3", setup=setup, thermo=40),
        ranks=2,
    )
    subprocess.run(
        [
            "almlip",
            "eval",
            silicon_potential,
            run.folder / "al_batch.0001.extxyz",
            "--output",
            run.folder / "eval.extxyz",
        ],
        check=True,
        capture_output=True,
    )

    chosen = batch(run)
    assert (
        len({round(atoms.cell.volume, 6) for atoms in chosen}) == 3
    )  # the barostat changes the cell
    for ours, theirs in zip(
        chosen, ase_io.read(run.folder / "eval.extxyz", index=":"), strict=True
    ):
        np.testing.assert_allclose(theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8)
        np.testing.assert_allclose(theirs.arrays["sigma"], ours.arrays["sigma"], rtol=1e-6)
        assert theirs.get_potential_energy() == pytest.approx(
            ours.info["predicted_energy"], abs=1e-6
        )


@pytest.mark.parametrize(
    "units, length, energy", [("real", 1.0, 23.060549), ("electron", 1 / 0.5291772, 1 / 27.211386)]
)
def test_other_units_give_the_same_frame(
    lmp_run, query_script, silicon_cell, tmp_path, units, length, energy
):
    """Length and energy: Angstrom and eV in these units."""
    scaled = tmp_path / "scaled.data"
    scaled.write_text(
        data_file(
            length * np.loadtxt(silicon_cell, skiprows=14)[:, 2:5], length * 2 * LATTICE_CONSTANT
        )
    )
    text = query_script("run 0", fix=f"10 {PICK_ALL}")
    metal_run = lmp_run(text)
    other_run = lmp_run(
        text.replace("units metal", f"units {units}").replace(str(silicon_cell), str(scaled))
    )

    ours, theirs = batch(metal_run)[0], batch(other_run)[0]
    # LAMMPS's constants of the unit styles agree to about 1e-5
    np.testing.assert_allclose(theirs.cell.array, ours.cell.array, rtol=1e-5)
    np.testing.assert_allclose(theirs.positions, ours.positions, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(
        theirs.arrays["predicted_forces"], ours.arrays["predicted_forces"], rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(theirs.arrays["sigma"], ours.arrays["sigma"], rtol=1e-2)
    assert theirs.info["predicted_energy"] == pytest.approx(ours.info["predicted_energy"], rel=1e-5)
    assert other_run.thermo[0]["f_q[1]"] == pytest.approx(
        energy / length * metal_run.thermo[0]["f_q[1]"], rel=1e-2
    )
    assert manifest(other_run)["settings"]["threshold"][1] == pytest.approx(
        1000.0 / energy * length, rel=1e-4
    )


def test_the_same_configuration_is_chosen_only_once(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "run 0\nreset_timestep 100\nrun 0\nreset_timestep 200\nrun 0",
            fix=f"10 {PICK_ALL} spacing 1",
        )
    )

    assert [row["f_q[6]"] for row in run.thermo] == [0, 1, 1]  # selected when the first run ended
    assert [row["f_q[4]"] for row in run.thermo] == [0, 1, 2]  # afterwards a duplicate


def test_training_frames_are_not_chosen(lmp_run, query_script, silicon_frames):
    atoms = ase_io.read(silicon_frames, index=9)
    rows = "\n".join(
        f"set atom {i + 1} x {x:.12g} y {y:.12g} z {z:.12g}"
        for i, (x, y, z) in enumerate(atoms.positions)
    )
    length = atoms.cell[0, 0]
    box = f"change_box all x final 0 {length} y final 0 {length} z final 0 {length} units box"
    run = lmp_run(query_script("run 0", fix=f"10 {PICK_ALL}", setup=f"{box}\n{rows}"))

    assert run.thermo[0]["f_q[4]"] == 1
    assert not list(run.folder.glob("al_batch*"))


def test_restart_goes_on_counting(lmp_run, query_script, silicon_potential):
    first = query_script(
        "run 40\nwrite_restart saved", fix=f"10 {PICK_ALL} spacing 30 batch 2", setup=HOT
    )
    second = f"""read_restart saved
pair_style almlip
pair_coeff * * {silicon_potential} Si
fix nve all nve
fix q all al_query 10 {PICK_ALL} spacing 30 batch 2
thermo 10
thermo_style custom step f_q[3] f_q[5] f_q[6] f_q[7]
run 30"""
    before = lmp_run(first)
    after = lmp_run(f"shell cp {before.folder}/saved .\n{second}")

    assert before.thermo[-1]["f_q[3]"] == 5  # steps 0, 10, ... 40
    assert [row["f_q[3]"] for row in after.thermo] == [5, 6, 7, 8]  # step 40 is not counted twice
    assert [row["f_q[6]"] for row in after.thermo] == [2, 2, 2, 2]
    assert [frame["step"] for frame in manifest(after)["frames"]] == [
        60
    ]  # the last one stored was 30
    assert manifest(after)["counts"]["selected"] == 3


def test_restart_in_the_middle_of_a_run_leaves_the_same_batch(
    lmp_run, query_script, silicon_potential
):
    fix = f"fix q all al_query 10 {PICK_ALL} spacing 10 batch 3 buffer 5 clusters 2"
    whole = lmp_run(
        query_script("restart 40 saved\nrun 100", fix=fix.split("al_query ")[1], setup=HOT)
    )
    rest = lmp_run(
        f"read_restart {whole.folder}/saved.40\npair_style almlip\npair_coeff * * {silicon_potential} Si\n"
        f"fix nve all nve\n{fix}\nrun 60"
    )

    assert [f["step"] for f in manifest(rest)["frames"]] == [
        f["step"] for f in manifest(whole)["frames"]
    ]
    assert manifest(rest)["counts"] == manifest(whole)["counts"]
    assert manifest(rest)["rejections"] == manifest(whole)["rejections"]


def test_new_potential_between_runs(lmp_run, query_script, silicon_potential, tmp_path):
    other = tmp_path / "other.almlip.json"
    other.write_text(
        json.dumps(json.loads(silicon_potential.read_text()), indent=0)
    )  # same numbers, other hash
    run = lmp_run(
        query_script(
            f"run 20\npair_coeff * * {other} Si\nrun 20",
            fix=f"10 {PICK_ALL} spacing 10 batch 3",
            setup=HOT,
        )
    )

    first, second = manifest(run, 1), manifest(run, 2)
    assert first["potential"] != second["potential"]
    assert second["counts"]["flagged"] == 6  # step 20 is looked at again
    assert sorted(frame["step"] for frame in second["frames"]) == [30, 40]  # too soon after step 20


def test_several_elements_and_types(lmp_run, tmp_path):
    """Types 1 and 3 are one element; the frame holds elements, not types."""
    potential = write_random_potential(tmp_path / "GeSi.almlip.json", ["Ge", "Si"])
    run = lmp_run(f"""units metal
lattice diamond 5.5
region box block 0 2 0 2 0 2
create_box 3 box
create_atoms 1 box basis 2 2 basis 3 3
mass 1 28.0855
mass 2 72.63
mass 3 28.0855
pair_style almlip
pair_coeff * * {potential} Si Ge Si
displace_atoms all random 0.1 0.1 0.1 4711
dump d all custom 1 types id type
dump_modify d sort id
fix q all al_query 10 {PICK_ALL}
run 0""")

    types = np.loadtxt(run.folder / "types", skiprows=9, dtype=int)[:, 1]
    (atoms,) = batch(run)
    assert atoms.get_chemical_symbols() == [{1: "Si", 2: "Ge", 3: "Si"}[t] for t in types]


def test_works_under_hybrid(lmp_run, query_script, silicon_potential):
    coefficients = f"pair_coeff * * almlip {silicon_potential} Si\npair_coeff * * zero"
    alone = lmp_run(query_script("run 20", fix=f"10 {PICK_ALL} batch 3", setup=HOT))
    hybrid = lmp_run(
        query_script(
            "run 20",
            fix=f"10 {PICK_ALL} batch 3",
            setup=HOT,
            pair_style="hybrid/overlay almlip zero 3.0",
            coefficients=coefficients,
        )
    )

    assert [row["f_q[1]"] for row in hybrid.thermo] == pytest.approx(
        [row["f_q[1]"] for row in alone.thermo], rel=1e-6
    )
    assert len(batch(hybrid)) == len(batch(alone)) == 1  # spacing is 50


def test_rerun_chooses_from_a_trajectory(lmp_run, query_script):
    first = lmp_run(
        query_script(
            "dump d all custom 10 traj id type x y z\ndump_modify d format float %.12g sort id\nrun 40",
            fix="10 threshold 900 1000",
            setup=HOT,
        )
    )
    again = lmp_run(
        query_script(
            f"rerun {first.folder}/traj dump x y z",
            fix=f"10 {PICK_ALL} spacing 10 batch 2 clusters 2 trigger end",
        )
    )

    assert manifest(again)["candidates"] == 5
    assert len(batch(again)) == 2
