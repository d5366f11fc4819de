# SPDX-License-Identifier: GPL-2.0-or-later
"""What fix al_query tells: closing blocks, trace, vector and per-atom array."""

import re

import numpy as np
import pytest

from al_query_batches import HOT, PICK_ALL, evaluated
from conftest import LATTICE_CONSTANT
from random_potential import write_random_potential

ase_io = pytest.importorskip("ase.io")


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


def test_the_end_of_a_run_says_what_it_gave(lmp_run, query_script):
    run = lmp_run(query_script("run 40\nrun 40\nrun 40", fix="10 threshold 900 1000", setup=HOT))

    assert run.log.count("fix al_query q: 5 looks: 5 known, 0 at or above lo, 0 candidates") == 1
    assert run.log.count("fix al_query q: 4 looks: 4 known") == 2
    assert "fix al_query q: to do: 3 runs in a row gave no candidate; " in run.log


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


@pytest.mark.parametrize("lattice", [4 * LATTICE_CONSTANT, LATTICE_CONSTANT])
def test_atoms_without_a_force_that_could_be_uncertain_are_told(
    lmp_run, silicon_potential, lattice
):
    """Too far apart, as in a wrong unit, or a perfect crystal: no lower limit could help."""
    run = lmp_run(f"""units metal
lattice diamond {lattice}
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
pair_style almlip
pair_coeff * * {silicon_potential} Si
fix q all al_query 10 threshold 0.1 1000 measure force
run 0""")

    assert "to do: no atom has a force that could be uncertain: " in run.log
    assert "lower lo" not in run.log


def test_refusals_are_told(lmp_run, query_script):
    run = lmp_run(query_script("run 40", fix="10 threshold 0 1000 gate fmax 1e-9", setup=HOT))

    assert re.search(r"not taken: fmax 5 \(steps 0 to 40, worst \S+ eV/Angstrom\)", run.log)
    assert "to do: configurations are refused as unphysical" in run.log


def test_densities_that_were_refused_are_told(lmp_run, query_script):
    """Below the limits; mass and volume by hand, 1.66 g/cm^3 is 1 u/Angstrom^3."""
    setup = f"{HOT}fix d all deform 1 x scale 1.1 remap v"
    run = lmp_run(query_script("run 10", fix=f"10 {PICK_ALL} gate density 3 4", setup=setup))
    density = 64 * 28.0855 * 1.66053907 / (2 * LATTICE_CONSTANT) ** 3

    found = re.search(r"density 2 \(steps 0 to 10, from (\S+) to (\S+) g/cm\^3\)", run.log)
    assert float(found[1]) == pytest.approx(density / 1.1, rel=0.02)
    assert float(found[2]) == pytest.approx(density, rel=1e-3)


def test_numbers_that_are_not_finite_are_told(lmp_run, query_script):
    setup = "velocity all create 2000 4928459 loop geom\nfix nvt all nvt temp 2000 2000 0.1"
    commands = "run 10\nvelocity all set NULL NULL 1e300\nrun 20"
    script = query_script(commands, fix=f"1 {PICK_ALL}", setup=setup, thermo=100)
    run = lmp_run(script, check=False)

    assert "not taken: not_finite" in run.log
    assert (
        "to do: the run has blown up before anything was worth a label: lower the timestep"
        in run.log
    )


def test_a_run_that_stays_above_hi_is_told_what_to_do(lmp_run, query_script):
    fix = "10 threshold 0 1e-9 measure force gate mindist 0 fmax 0"
    run = lmp_run(query_script("run 40\nrun 40", fix=fix, setup=HOT))

    assert run.log.count("to do: most looks are not trusted") == 2


def test_a_batch_is_told_what_to_do_with(lmp_run, query_script):
    run = lmp_run(query_script("run 40", fix=f"10 {PICK_ALL}", setup=HOT))

    assert run.log.count("to do: label al_batch.0001.extxyz and refit: almlip label, ") == 1
    assert "choose once: almlip select POT al_batch.spool ...\n" in run.log


def test_all_batches_of_a_run_are_named(lmp_run, query_script):
    fix = f"10 {PICK_ALL} spacing 10 batch 2 trigger 2 spool off"
    run = lmp_run(query_script("run 40\nrun 20", fix=fix, setup=HOT))

    found = re.findall(r"to do: label (.*) and refit: almlip label, almlip train\n", run.log)
    assert found == [
        "al_batch.0001.extxyz to al_batch.0003.extxyz",
        "al_batch.0004.extxyz",
    ]


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


def test_a_group_without_atoms_is_told_once(lmp_run, query_script):
    setup = "group none empty"
    run = lmp_run(query_script("run 0\nrun 10", setup=setup, group="none", fix=f"10 {PICK_ALL}"))

    assert run.log.count("group none has no atoms") == 1
    assert run.log.count("to do: the group has no atom, so that nothing could be uncertain") == 2


def test_a_group_that_has_lost_its_atoms_is_told(lmp_run, query_script):
    script = query_script(
        "run 0\ndelete_atoms group few\nrun 0",
        setup="group few id 1 2 3",
        group="few",
        fix=f"10 {PICK_ALL}",
    )
    run = lmp_run(script)

    assert run.log.count("group few has no atoms") == 1


def test_runs_without_candidates_are_counted_whatever_the_reason(lmp_run, query_script):
    """All are refused: what would lift that is not all one should know."""
    run = lmp_run(
        query_script("run 40\nrun 40\nrun 40", fix="10 threshold none gate fmax 1e-6", setup=HOT)
    )

    assert run.log.count("runs in a row gave no candidate; ") == 1
    assert "fix al_query q: to do: 3 runs in a row gave no candidate; " in run.log
