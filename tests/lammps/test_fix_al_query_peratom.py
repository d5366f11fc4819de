# SPDX-License-Identifier: GPL-2.0-or-later
"""Per-atom output of fix al_query: sigma, novelty and flag of each atom, and the group watched."""

import pytest

from al_query_batches import HOT, PICK_ALL, manifest


def test_per_atom_sigma_is_that_of_the_pair_style(lmp_run, query_script):
    commands = """fix pair all pair 10 almlip sigma 1
compute top all reduce max f_q f_pair
compute mean all reduce ave f_q
thermo_style custom step f_q[1] f_q[2] c_top[1] c_top[2] c_mean
run 20"""
    run = lmp_run(query_script(commands, setup=HOT), ranks=2)

    for row in run.thermo:
        assert row["f_q[1]"] == row["c_top[1]"] == row["c_top[2]"] > 0
        assert row["f_q[2]"] == pytest.approx(row["c_mean"], rel=1e-6)


def sigma_of(path):
    """{atom: sigma} of a dump of `id` and sigma."""
    rows = [line.split() for line in path.read_text().splitlines()[9:]]
    return {int(number): float(value) for number, value in rows}


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("peratom", ["", "peratom array"])
def test_sigma_stays_with_its_atom(peratom, ranks, lmp_run, query_script):
    """Also where atoms move between ranks, and into the places of others."""
    value = "f_q[1]" if peratom else "f_q"
    commands = f"""run 0
write_dump all custom before.dump id {value}
region low block INF 3 INF INF INF INF
group low region low
delete_atoms group low compress no
write_dump all custom after.dump id {value}"""
    run = lmp_run(query_script(commands, fix=f"1 {PICK_ALL} {peratom}", setup=HOT), ranks=ranks)

    assert run.status == 0, run.error
    before, after = sigma_of(run.folder / "before.dump"), sigma_of(run.folder / "after.dump")
    assert 10 < len(after) < len(before) - 10
    assert len(set(after.values())) > 10
    assert after == {number: before[number] for number in after}


def test_replicate_has_to_come_before_the_fix(lmp_run, query_script):
    """As for all fixes that keep numbers of atoms; their order would be lost."""
    run = lmp_run(query_script("run 0\nreplicate 2 1 1"), check=False)

    assert run.status != 0
    assert "Cannot replicate with fixes" in run.error + run.log


@pytest.mark.parametrize("peratom", ["", "peratom array"])
def test_atoms_created_between_runs_have_no_sigma_yet(peratom, lmp_run, query_script):
    """More than LAMMPS allocates at once, so that the fix's arrays must grow."""
    value = "f_q[1]" if peratom else "f_q"
    commands = f"""run 0
region far block INF INF INF INF INF INF
lattice sc 0.3
create_atoms 1 region far
write_dump all custom end.dump id {value}"""
    run = lmp_run(query_script(commands, fix=f"1 {PICK_ALL} {peratom}"))

    assert run.status == 0, run.error
    sigma = sigma_of(run.folder / "end.dump")
    assert len(sigma) > 40000
    assert all(sigma[number] > 0 for number in range(1, 65))
    assert all(value == 0 for number, value in sigma.items() if number > 64)


def test_only_the_group_is_watched(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "compute top few reduce max f_q\nthermo_style custom step f_q[1] c_top\nrun 20",
            group="few",
            setup=HOT + "group few id 1:8",
            fix=f"10 {PICK_ALL} batch 2",
        )
    )

    assert all(row["f_q[1]"] == row["c_top"] for row in run.thermo)
    assert all(
        frame["worst_atom"] <= 8 and frame["num_atoms"] == 64 for frame in manifest(run)["frames"]
    )
