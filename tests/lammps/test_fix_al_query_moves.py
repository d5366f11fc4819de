# SPDX-License-Identifier: GPL-2.0-or-later
"""Every frame of fix al_query is the configuration that LAMMPS itself dumps at the end of the step,
whatever changes atoms, types, IDs and box within runs and between them, on any number of ranks."""

import numpy as np
import pytest

from al_query_batches import PICK_ALL, predicted
from random_potential import write_random_potential

ase_io = pytest.importorskip("ase.io")

# Every look is a candidate, none is refused for a distance that was never trained on, and atoms
# move far enough in a step that none is like one before.
WATCH = f"""fix q all al_query 1 {PICK_ALL} spacing 1 spool spool 100
dump d all custom 1 dump.* id element x y z fx fy fz
dump_modify d sort id element Si Ge format float %.16g
"""


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    folder = tmp_path_factory.mktemp("potential")
    return write_random_potential(folder / "SiGe.json", ["Si", "Ge"], least_distance=0.01)


def script(potential, commands, before="", pair="almlip", box="block 0 2 0 2 0 2"):
    return f"""units metal
{before}
lattice diamond 5.5
region box {box}
create_box 2 box
create_atoms 1 box
set type 1 type/fraction 2 0.4 991
mass 1 28.0855
mass 2 72.63
pair_style {pair}
pair_coeff * * {potential} Si Ge
displace_atoms all random 0.1 0.1 0.1 4711 units box
velocity all create 3000 1 loop geom
timestep 0.004
fix nve all nve
{commands}
"""


def looks(run):
    """All frames in the order of the looks."""
    return ase_io.read(run.folder / "spool" / "0001.extxyz", index=":")


def assert_frames_are_dumps(run, frames):
    """Positions up to the wrap around the box, whose corner is the origin of frames."""
    for ours in frames:
        theirs = ase_io.read(run.folder / f"dump.{ours.info['step']}", format="lammps-dump-text")
        assert ours.get_chemical_symbols() == theirs.get_chemical_symbols()
        shift = ours.positions - theirs.positions + theirs.get_celldisp().T
        shift = np.linalg.solve(ours.cell.T, shift.T).T
        np.testing.assert_allclose(shift, np.round(shift), atol=1e-10)
        np.testing.assert_allclose(ours.arrays["predicted_forces"], theirs.get_forces(), atol=1e-10)


def assert_labels_agree(run, potential, frames):
    """A label of the frame as a whole, by another way than LAMMPS's neighbour lists."""
    evaluated = predicted(run.folder / "spool" / "0001.extxyz", potential)
    for ours, theirs in zip(frames, evaluated, strict=True):
        np.testing.assert_allclose(theirs.get_forces(), ours.arrays["predicted_forces"], atol=1e-8)
        np.testing.assert_allclose(theirs.arrays["sigma"], ours.arrays["sigma"], rtol=1e-6)
        assert theirs.get_potential_energy() == pytest.approx(
            ours.info["predicted_energy"], abs=1e-6
        )


MOVES = {
    "swap": "fix moves all atom/swap 1 5 29494 1000.0 types 1 2",
    "semi-grand": "fix moves all atom/swap 1 5 29494 1000.0 semi-grand yes types 1 2 mu 0.0 1.0",
    "gcmc": "fix moves all gcmc 1 10 0 2 29494 3000.0 50.0 0.1 overlap_cutoff 1.0",
    "gcmc with moves": "fix moves all gcmc 2 10 10 2 29494 3000.0 50.0 0.1 full_energy overlap_cutoff 1.0",
    "evaporate": "region low block INF INF INF INF 0 1\nfix moves all evaporate 2 2 low 8723",
    "deposit": "region top block 0 2 0 2 1.6 2\nfix moves all deposit 3 2 2 8723 region top near 0.25 attempt 1000",
}


@pytest.mark.parametrize("ranks", [1, 4])
@pytest.mark.parametrize("moves", MOVES)
def test_the_frame_is_the_state_after_the_moves_of_the_step(lmp_run, potential, moves, ranks):
    """These fixes evaluate energies inside a step, exchange types, create and delete atoms."""
    pair = "almlip isolated zero" if "gcmc" in moves else "almlip"
    run = lmp_run(script(potential, f"{MOVES[moves]}\n{WATCH}run 8", pair=pair), ranks)
    frames = looks(run)

    assert [frame.info["step"] for frame in frames] == list(range(9))
    assert len({str(frame.symbols) for frame in frames}) > 1  # something has moved
    assert_frames_are_dumps(run, frames)
    assert_labels_agree(run, potential, frames)


CHANGES = {
    "new IDs": "delete_atoms random fraction 0.2 yes all NULL 8 compress no\nreset_atom_ids",
    "IDs with gaps": "delete_atoms random fraction 0.2 yes all NULL 8 compress no",
    "types": "set group all type/fraction 2 0.5 77",
    "one type": "set group all type 1",
    "displaced": "displace_atoms all random 0.1 0.1 0.1 77 units box",
    "a type less": "group ge type 2\ndelete_atoms group ge",
    "other box": "change_box all x scale 1.05 y delta -3 1 remap units box",
    "open box": "change_box all boundary p p s",
    "read_dump": "read_dump dump.0 0 x y z box yes\nvelocity all create 6000 5 loop geom",
    "balanced": "balance 0.9 shift xyz 5 1.0",
    "replaced fix": f"unfix q\nundump d\n{WATCH}",
    "no other": "",
}


@pytest.mark.parametrize("change", CHANGES)
def test_frames_follow_what_is_changed_between_runs(lmp_run, potential, change):
    """Another time, so that dumps of the same step are not overwritten."""
    commands = f"{WATCH}run 2\n{CHANGES[change]}\nreset_timestep 1000000000000\nrun 2"
    run = lmp_run(script(potential, commands), ranks=2)
    files = sorted((run.folder / "spool").glob("*.extxyz"))
    frames = [frame for path in files for frame in ase_io.read(path, index=":")]

    steps = [frame.info["step"] for frame in frames]
    assert [step for step in steps if step != 10**12] == [0, 1, 2, 10**12 + 1, 10**12 + 2]
    if change != "open box":  # where a frame has vacuum
        assert_frames_are_dumps(run, frames)


@pytest.mark.parametrize(
    "commands",
    [
        "run 4 every 2 NULL\nrun 3 every 1 NULL",
        "run 2\nrun 2 pre no post no\nrun 2 pre no\nrun 1 post no",
    ],
)
def test_parts_of_runs_are_one_run(lmp_run, potential, commands):
    run = lmp_run(script(potential, WATCH + commands), ranks=2)
    frames = looks(run)

    assert [frame.info["step"] for frame in frames] == list(range(8))
    assert_frames_are_dumps(run, frames)


def test_atoms_that_leave_an_open_box_are_no_longer_in_frames(lmp_run, potential):
    """LAMMPS counts them until its next output, which is the last step here."""
    commands = f"""change_box all boundary f f f
change_box all x delta -0.5 0.5 y delta -0.5 0.5 z delta -0.5 0.5 units box
velocity all scale 50000
compute now all temp
compute_modify now dynamic/dof yes
variable now equal c_now
fix now all print 1 "$(step) $(count(all)) ${{now}}" file temperatures screen no
thermo_modify lost ignore
{WATCH}run 30"""
    run = lmp_run(script(potential, commands), ranks=2)
    temperatures = np.loadtxt(run.folder / "temperatures")
    frames = looks(run)

    assert len(frames[-1]) < 60
    assert [len(frame) for frame in frames[1:]] == list(temperatures[1:, 1])
    np.testing.assert_allclose(
        [frame.info["temperature"] for frame in frames[1:]], temperatures[1:, 2], rtol=1e-5
    )


SURROUNDINGS = {
    "tiled": {"before": "comm_style tiled", "commands": "fix b all balance 2 1.0 rcb"},
    "map": {"before": "atom_modify map hash sort 2 4.0"},
    "long ghosts": {"before": "comm_modify mode single cutoff 9 vel yes"},
    "no skin": {"before": "neighbor 0.0 bin\nneigh_modify every 1 delay 0 check no"},
    "grid": {"before": "processors * 1 1"},
    "large tilt": {"box": "prism 0 2 0 2 0 2 0.9 -0.8 0.7"},
    "flips": {
        "box": "prism 0 2 0 2 0 2 0.95 0 0",
        "commands": "fix shear all deform 1 xy erate 8.0 remap v",
    },
    "barostat": {"commands": "unfix nve\nfix npt all npt temp 600 600 0.1 aniso 0 0 0.1"},
}


@pytest.mark.parametrize("ranks", [1, 4])
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_labels_of_frames_are_those_of_the_run_in_all_surroundings(lmp_run, potential, name, ranks):
    """Where the box changes after the forces, a dump has the box of the end of the step."""
    settings = {"commands": "", **SURROUNDINGS[name]}
    settings["commands"] += f"\n{WATCH}run 6"
    run = lmp_run(script(potential, **settings), ranks)
    frames = looks(run)

    assert [frame.info["step"] for frame in frames] == list(range(7))
    assert_labels_agree(run, potential, frames)


def test_atoms_may_have_any_ids(lmp_run, potential, tmp_path):
    """Few atoms with IDs up to the largest int, in any order."""
    ids = np.random.default_rng(3).choice(2**31 - 100, 8, replace=False)
    corners = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0]])
    positions = np.concatenate([corners, corners + 1]) / 4 * 5.5
    positions += np.random.default_rng(4).normal(0.0, 0.1, (8, 3))
    rows = [f"{i} {1 + k % 2} {x} {y} {z}" for k, (i, (x, y, z)) in enumerate(zip(ids, positions))]
    bounds = "\n".join(f"0 5.5 {axis}lo {axis}hi" for axis in "xyz")
    (tmp_path / "data").write_text(
        f"few\n\n8 atoms\n2 atom types\n{bounds}\n\nMasses\n\n1 28.0855\n2 72.63\n\nAtoms # atomic\n\n"
        + "\n".join(rows)
        + "\n"
    )
    run = lmp_run(
        f"units metal\natom_modify map hash\nread_data {tmp_path}/data\npair_style almlip\n"
        f"pair_coeff * * {potential} Si Ge\n{WATCH}run 0",
        ranks=2,
    )
    (frame,) = looks(run)

    sigma = frame.arrays["sigma"]
    assert frame.info["worst_atom"] == np.sort(ids)[sigma.argmax()]
    np.testing.assert_allclose(
        (frame.positions - positions[np.argsort(ids)] + 2.75) % 5.5, 2.75, atol=1e-10
    )
