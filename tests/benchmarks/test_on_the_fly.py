# SPDX-License-Identifier: GPL-2.0-or-later
"""The on-the-fly benchmark: its parts, and one small loop of each sort of arm in LAMMPS."""

import numpy as np
import pytest

import learning_loop
import on_the_fly
from reference_dynamics import Reference, Run, dynamics, least_distance, whole_frames
from reference_systems import SYSTEMS

TINY = learning_loop.Protocol(
    start=20, rounds=1, batch=5, steps=100, test_runs=1, pool_runs=1, apart=20, hot_steps=100,
    flags=("--preset", "fast", "--epochs", "4"),
)  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_structures_are_periodic_and_their_atoms_apart(name):
    system = SYSTEMS[name]()
    for kind in (system.kinds | system.unseen).values():
        atoms = kind.build(np.random.default_rng(1))
        assert atoms.pbc.all()
        assert set(atoms.symbols) <= set(system.elements)
        assert least_distance(atoms) > 1.4  # Si-O 1.6, everything else longer


def test_label_is_the_derivative_of_the_energy():
    system = SYSTEMS["Si"]()
    atoms = system.kinds["crystal"].build(np.random.default_rng(1))
    atoms.rattle(0.1, seed=1)
    reference, step = Reference(system), 1e-4  # Angstrom
    ends = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[3, 1] += sign * step
        ends.append(reference.label(moved).get_potential_energy())

    force = reference.label(atoms).get_forces()[3, 1]
    assert force == pytest.approx((ends[1] - ends[0]) / (2 * step), abs=1e-4)  # O(step^2)
    assert reference.num_labels == 3


def test_stress_of_a_label_has_the_sign_of_ase():
    system = SYSTEMS["Si"]()
    atoms = system.kinds["crystal"].build(np.random.default_rng(1))
    atoms.set_cell(0.98 * atoms.cell, scale_atoms=True)
    assert (Reference(system).label(atoms).get_stress()[:3] < 0).all()  # compressed


def test_melt_of_the_reference_is_a_melt(tmp_path):
    run = Run("melt", 1000, 500)
    frames, ended = dynamics(tmp_path / "run", SYSTEMS["Si"](), run, np.random.default_rng(1))
    moved = frames[-1].get_scaled_positions() - frames[0].get_scaled_positions()
    assert ended and len(frames) == 3
    assert abs(moved - moved.round()).max() > 0.05  # of 10.9 Angstrom; in a crystal 0.02


def test_input_that_lammps_refuses_is_an_error(tmp_path):
    run = Run("melt", 100, 50, pair="pair_style none_such")
    with pytest.raises(RuntimeError, match="Unrecognized pair style"):
        dynamics(tmp_path / "run", SYSTEMS["Si"](), run, np.random.default_rng(1))


def test_frame_that_is_cut_off_is_left_out():
    frame = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 1\n0 1\n0 1\nITEM: ATOMS id type x y z\n1 1 0 0 0\n"
    assert whole_frames(frame + frame) == frame + frame
    assert whole_frames(frame + frame[:-3]) == frame
    assert whole_frames("") == ""


def test_even_frames_end_with_the_last():
    assert learning_loop.evenly(list(range(60)), 2) == [29, 59]
    assert learning_loop.evenly([0], 2) == [0]
    assert learning_loop.evenly([], 2) == []


def test_frames_are_drawn_once_and_kinds_in_turn():
    pool = {"a": list(range(10)), "b": list(range(10, 20))}
    chosen = learning_loop.drawn(pool, 8, np.random.default_rng(1))
    assert len(set(chosen)) == 8
    assert sum(n < 10 for n in chosen) == 4


def test_change_is_paired_by_seed():
    # Arms that differ by a tenth in each seed, however much seeds differ: -10 % without scatter.
    change, error = on_the_fly.ratio([0.9, 1.8, 3.6], [1.0, 2.0, 4.0])
    assert change == pytest.approx(-10)
    assert error == pytest.approx(0, abs=1e-12)


def test_change_of_one_seed_has_no_error():
    assert on_the_fly.ratio([0.5], [1.0]) == (pytest.approx(-50), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("loops")
    (root / "Si").mkdir()
    return root


@pytest.mark.parametrize("arm", ["default", "even", "random"])
def test_arm_uses_its_labels_and_is_kept(folder, arm):
    result = learning_loop.learn(folder, "Si", "phases", arm, 1, TINY)

    assert result["labelled"] == TINY.rounds * TINY.batch
    assert 0 < result["all"]["force_mae"] < 1  # forces are 1.4 eV/Angstrom in root mean square
    assert set(result["kinds"]) == set(result["hot"]) == set(SYSTEMS["Si"]().kinds)
    assert learning_loop.learn(folder, "Si", "phases", arm, 1, None) == result  # nothing is run
