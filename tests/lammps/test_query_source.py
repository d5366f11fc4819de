# SPDX-License-Identifier: GPL-2.0-or-later
"""Which pair style fix al_query reads, and the fix by its two names, in a real LAMMPS."""

import os

import pytest

OTHER_SIGMA = 0.25  # of pair_style other, tests/lammps/other_pair


def with_other_pair(script):
    return f"plugin load {os.environ['ALMLIP_OTHER_PAIR']}\n{script}"


@pytest.mark.parametrize(
    "style, coefficients",
    [
        ("other", "pair_coeff * *"),
        ("hybrid/overlay zero 3.0 other", "pair_coeff * * zero\npair_coeff * * other"),
    ],
)
def test_any_pair_style_that_offers_the_same_is_read(lmp_run, query_script, style, coefficients):
    run = lmp_run(
        with_other_pair(query_script("run 10", pair_style=style, coefficients=coefficients)),
        ranks=2,
    )

    assert [row["f_q[1]"] for row in run.thermo] == [OTHER_SIGMA] * 2


def test_two_pair_styles_that_offer_it_are_one_clear_error(
    lmp_run, query_script, silicon_potential
):
    script = query_script(
        "run 0",
        pair_style="hybrid/overlay almlip other",
        coefficients=f"pair_coeff * * almlip {silicon_potential} Si\npair_coeff * * other",
    )
    run = lmp_run(with_other_pair(script), check=False)

    assert run.error == (
        "fix al_query: exactly one pair style must tell its uncertainty, but almlip tells all, other tells all; "
        "use pair_style almlip, alone or once in a hybrid style"
    )


def test_both_names_are_the_same_fix(lmp_run, query_script):
    script = query_script("run 10", fix="10 threshold 0.0 1000.0 gate mindist 0 fmax 0")
    first, second = lmp_run(script), lmp_run(script.replace("al_query", "al/query"))

    assert first.thermo == second.thermo
    frames = [(run.folder / "al_batch.0001.extxyz").read_text() for run in (first, second)]
    assert frames[0] == frames[1]
