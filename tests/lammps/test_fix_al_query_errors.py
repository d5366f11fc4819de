# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wrong use of fix al_query is one clear error, in a real LAMMPS."""

import json

import pytest

KEYWORDS = "threshold, measure, strategy, alpha, batch, clusters, buffer, spacing, trigger, gate, before, known, spool, action, file, trace, peratom or seed"


@pytest.mark.parametrize(
    "fix, message",
    [
        ("0", "N is 0, but it must be at least 1"),
        ("10 foo 1", f"keyword 'foo' is unknown; it must be {KEYWORDS}"),
        (
            "10 threshold 0.5 0.1",
            "threshold is 0.5 0.1, but the first must be less than the second",
        ),
        ("10 threshold -1 0.1", "threshold lo is -1, but it must not be negative"),
        ("10 measure foo", "measure is 'foo', but it must be force, energy, novelty or any"),
        (
            "10 measure energy",
            "measure is energy, for which a potential tells no threshold; give threshold lo hi, energies per atom",
        ),
        (
            "10 threshold adaptive 0.3 measure novelty",
            "threshold adaptive moves the lo of sigma, but measure is novelty; use measure force or any, or give threshold lo hi of novelty",
        ),
        (
            "10 threshold adaptive 1.5",
            "threshold adaptive is 1.5, but it must be a share of the looks between 0 and 1",
        ),
        ("10 gate density 3 2", "gate density is 3 2, but the first must be less than the second"),
        ("10 peratom foo", "peratom is 'foo', but it must be vector or array"),
        (
            "10 known seed 1",
            "known is followed by 'seed', but it must be followed by files or folders",
        ),
        (
            "10 strategy foo",
            "strategy is 'foo', but it must be random, uncertainty, diversity, hybrid, alc, alc_atoms, lcmd, badge or power",
        ),
        ("10 alpha 2", "alpha is 2, but it must be 0 to 1"),
        ("10 batch 0", "batch is 0, but it must be at least 1"),
        ("10 clusters 0", "clusters is 0, but it must be at least 1"),
        ("10 buffer 0", "buffer is 0, but it must be at least 1"),
        ("10 spacing 0", "spacing is 0, but it must be at least 1"),
        ("10 seed 0", "seed is 0, but it must be at least 1"),
        ("10 batch 20 buffer 10", "batch is 20, but it must not be more than buffer, which is 10"),
        (
            "10 trigger 600",
            "trigger is 600, but it must not be more than buffer, which is 500; use trigger end to choose only when a run ends",
        ),
        (
            "10 gate foo 1",
            "gate is followed by 'foo', but it must be followed by mindist, fmax, density or temperature and numbers",
        ),
        (
            "10 gate",
            "gate is followed by nothing, but it must be followed by mindist, fmax, density or temperature and numbers",
        ),
        ("ten", "N is 'ten', but it must be a whole number, 1 or more"),
        *(
            (
                f"10 threshold {word}",
                f"threshold is '{word}', but it must be auto, none, adaptive and a share, or two numbers, lo and hi",
            )
            for word in ("foo", "Auto")
        ),
        ("10 threshold 0.1 foo", "threshold hi is 'foo', but it must be a number, 0 or more"),
        (
            "10 threshold adaptive much",
            "threshold adaptive is 'much', but it must be a share of the looks between 0 and 1",
        ),
        (
            "10 trigger never",
            "trigger is 'never', but it must be a whole number, 1 or more, or end",
        ),
        ("10 alpha foo", "alpha is 'foo', but it must be a number from 0 to 1"),
        ("10 gate fmax foo", "gate fmax is 'foo', but it must be a number, 0 or more"),
        (
            "10 spool mine foo",
            "spool size is 'foo', but it must be a number of megabytes, 1 or more",
        ),
        ("10 seed 1.5", "seed is '1.5', but it must be a whole number, 1 or more"),
        ("10 seed 2147483648", "seed is 2147483648, but it must be at most 2147483647"),
        ("10 before some", "before is 'some', but it must be a whole number, 0 or more"),
        ("10 gate mindist -1", "gate mindist is -1, but it must not be negative"),
        ("10 action hard", "action is 'hard', but it must be continue or soft"),
        (
            "10 file nowhere/x",
            "file is 'nowhere/x', but there is no folder 'nowhere'; make it first",
        ),
        (
            "10 file ./",
            "file is './', which is a folder, but it must be the beginning of names; use ./al_batch",
        ),
        (
            "10 spool nowhere/x 10",
            "spool is 'nowhere/x', but there is no folder 'nowhere'; make it first",
        ),
        (
            "10 spool in.lmp 10",
            "spool is 'in.lmp', but this is a file; it must be a folder, or a name that is free",
        ),
        ("10 alpha", "a value is missing after 'alpha'"),
        ("10 batch 3 threshold 0.1", "a value is missing after 'threshold 0.1'"),
        ("10 threshold 0.1 action soft", "a value is missing after 'threshold 0.1'"),
        ("10 gate density 2", "a value is missing after 'gate density 2'"),
        ("10 batch spacing 5", "a value is missing after 'batch'"),
        (
            "10 spool on",
            "spool is 'on', but it must be off, or a folder and its largest size in megabytes",
        ),
        (
            "10 spool mine batch 3",
            "spool is 'mine', but it must be off, or a folder and its largest size in megabytes",
        ),
    ],
)
def test_wrong_settings_are_one_clear_error(lmp_run, query_script, fix, message):
    run = lmp_run(query_script("run 0", fix=fix), check=False)

    assert run.status != 0
    assert run.error == f"fix al_query: {message}"


TINY = """region box block 0 4 0 4 0 4
create_box 2 box
create_atoms 1 single 1 1 1
create_atoms 2 single 3 3 3
mass * 28.0855
"""


@pytest.mark.parametrize(
    "before, style, after, message",
    [
        ("units metal", "", "", "there is no pair style; use pair_style almlip"),
        (
            "units metal",
            "pair_style zero 1.5\npair_coeff * *",
            "",
            (
                "exactly one pair style must tell its uncertainty, but zero does not tell its sigma_flag; "
                "use pair_style almlip, alone or once in a hybrid style"
            ),
        ),
        (
            "units metal",
            (
                "pair_style hybrid/overlay almlip almlip zero 1.5\npair_coeff * * almlip 1 {potential} Si Si\n"
                "pair_coeff * * almlip 2 {potential} Si Si\npair_coeff * * zero"
            ),
            "",
            (
                "exactly one pair style must tell its uncertainty, but almlip tells all, almlip tells all, "
                "zero does not tell its sigma_flag; use pair_style almlip, alone or once in a hybrid style"
            ),
        ),
        (
            "units lj",
            "pair_style zero 1.5\npair_coeff * *",
            "",
            "units are lj, but they must be those of a real material, as metal",
        ),
        (
            "units metal\natom_modify id no",
            "pair_style zero 1.5\npair_coeff * *",
            "",
            "atoms have no IDs; use atom_modify id yes",
        ),
        (
            "units metal",
            "pair_style zero 1.5\npair_coeff * *",
            "run_style respa 2 2",
            "run_style is respa, but it must be verlet",
        ),
        (
            "units metal",
            "pair_style hybrid/overlay almlip zero 1.5\npair_coeff * * almlip {potential} Si NULL\npair_coeff * * zero",
            "",
            "1 atoms have a type that the pair style maps to NULL, but a label needs an element for each atom",
        ),
        (
            "units metal",
            "pair_style almlip\npair_coeff * * {no_error} Si Si",
            "",
            "the potential tells nothing of held-out frames; give threshold lo hi",
        ),
    ],
)
def test_wrong_surroundings_are_one_clear_error(
    lmp_run, silicon_potential, tmp_path, before, style, after, message
):
    potential = json.loads(silicon_potential.read_text())
    potential["training"]["force_error"] = 0.0
    for key in ("held_out_sigma", "held_out_novelty", "held_out_atoms"):
        potential["training"][key] = []
    (tmp_path / "no_error.almlip.json").write_text(json.dumps(potential))
    style = style.format(potential=silicon_potential, no_error=tmp_path / "no_error.almlip.json")
    run = lmp_run(
        f"{before}\n{TINY}{style}\n{after}\nfix nve all nve\nfix q all al_query 10\nrun 0",
        check=False,
    )

    assert run.status != 0
    assert run.error == f"fix al_query: {message}"


def test_novelty_that_the_potential_lacks_is_one_clear_error(
    lmp_run, query_script, silicon_potential, tmp_path
):
    potential = json.loads(silicon_potential.read_text()) | {"novelty": []}
    (tmp_path / "Si.json").write_text(json.dumps(potential))
    run = lmp_run(
        query_script(
            "run 0", fix="10 measure novelty", coefficients=f"pair_coeff * * {tmp_path}/Si.json Si"
        ),
        check=False,
    )

    assert run.error == (
        "fix al_query: measure is novelty, but the potential does not tell it; train it with "
        "novelty true, or use another measure"
    )


@pytest.mark.parametrize("keyword", ["file", "trace"])
def test_what_cannot_be_written_is_found_before_the_run(lmp_run, query_script, keyword):
    name = 300 * "x"  # more than any file system allows
    run = lmp_run(query_script("run 0", fix=f"10 {keyword} {name}"), check=False)

    assert run.status != 0
    assert run.error.startswith(f"fix al_query: {name}") and "File name too long" in run.error
    assert "Step" not in run.log


def test_a_trace_of_two_fixes_is_one_clear_error(lmp_run, query_script):
    fix = "10 threshold 0.0 1000.0 trace t"
    run = lmp_run(query_script("run 0", setup=f"fix p all al_query {fix}", fix=fix), check=False)

    assert run.status != 0
    assert run.error == (
        "fix al_query: trace is t, to which another fix or process writes; "
        "give each a file of its own"
    )


def test_a_batch_that_cannot_be_written_is_one_clear_error(lmp_run, query_script):
    run = lmp_run(
        query_script(
            "shell rmdir out\nrun 0",
            fix="10 threshold 0.0 1000.0 gate mindist 0 fmax 0 file out/batch",
            setup="shell mkdir out",
        ),
        ranks=2,
        check=False,
    )

    assert run.status != 0
    assert run.error.startswith("fix al_query: ") and "out/batch.0001.extxyz" in run.error
