# SPDX-License-Identifier: GPL-2.0-or-later
"""The labeller: real pw.x for physics and failures, ASE's EMT for the machinery around it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.cell import Cell

from almlip.frames import BadInput, read_frames, write_frames
from almlip.labels.batch import label_batch, main, split_frames
from almlip.labels.espresso import read_results
from almlip.labels.kpoints import kpoint_grid
from almlip.labels.labeller import Rejected
from almlip.labels.labellers import make_labeller

REPOSITORY = Path(__file__).resolve().parents[2]
PSEUDO_DIR = "/usr/share/espresso/pseudo"
SILICON = json.loads((REPOSITORY / "examples/silicon/label.json").read_text())
CHEAP = {**SILICON, "kpoints": {"grid": [1, 1, 1], "shift": [1, 1, 1]}, "workers": 1}
EMT = {"calculator": "ase", "name": "emt"}

needs_pw = pytest.mark.skipif(
    shutil.which("pw.x") is None or not os.path.isfile(f"{PSEUDO_DIR}/Si.pbe-rrkj.UPF"),
    reason="pw.x or its pseudopotentials are not installed (Debian: quantum-espresso, "
    "quantum-espresso-data)",
)


def silicon(seed=1, rattle=0.05):
    atoms = bulk("Si", "diamond", 5.47)
    atoms.rattle(rattle, seed=seed)
    return atoms


def aluminium(seed):
    atoms = bulk("Al", "fcc", 4.05, cubic=True)
    atoms.rattle(0.05, seed=seed)
    atoms.info["config_type"] = f"seed{seed}"
    return atoms


def with_input(section, **values):
    """CHEAP with some of pw.x's own settings changed."""
    changed = {**CHEAP["input_data"], section: {**CHEAP["input_data"].get(section, {}), **values}}
    return {**CHEAP, "input_data": changed}


def label_one(settings, atoms, cache):
    return label_batch(make_labeller(settings), [atoms], cache)[0]


@needs_pw
def test_forces_are_the_slope_of_the_energy_at_the_settings_of_the_example(tmp_path):
    h = 0.02  # Angstrom
    shifted = [silicon() for _ in range(3)]
    shifted[1].positions[0, 0] += h
    shifted[2].positions[0, 0] -= h
    middle, plus, minus = label_batch(make_labeller(SILICON), shifted, tmp_path)

    slope = (plus["energy"] - minus["energy"]) / (2 * h)
    # conv_thr 1e-6 Ry leaves 1.4e-5 eV / 2h = 4e-4 eV/Angstrom; the rest is O(h^2)
    assert middle["forces"][0][0] == pytest.approx(-slope, abs=3e-3)
    assert abs(slope) > 0.1


@needs_pw
def test_stress_is_the_slope_of_the_energy_under_shear(tmp_path):
    h = 0.01
    settings = {**SILICON, "kpoints": {"grid": [3, 3, 3], "shift": [1, 1, 1]}}
    strained = [silicon(rattle=0.0) for _ in range(3)]
    for atoms, shear in zip(strained, (0.03, 0.03 + h, 0.03 - h)):
        deformation = np.eye(3)
        deformation[0, 1] = deformation[1, 0] = shear / 2
        atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    middle, plus, minus = label_batch(make_labeller(settings), strained, tmp_path)

    slope = (plus["energy"] - minus["energy"]) / (2 * h) / strained[0].get_volume()
    # the number of plane waves changes with the cell: a few per cent at 18 Ry
    assert middle["stress"][5] == pytest.approx(slope, rel=0.08)
    assert slope > 0.005


@needs_pw
def test_stress_of_compressed_silicon_is_negative_as_in_ase(tmp_path):
    compressed = bulk("Si", "diamond", 5.47 * 0.96)
    result = label_one(CHEAP, compressed, tmp_path)
    assert max(result["stress"][:3]) < -0.01  # eV/Angstrom^3


@needs_pw
def test_energy_is_reproducible(tmp_path):
    first = label_one(CHEAP, silicon(), tmp_path / "first")
    second = label_one(CHEAP, silicon(), tmp_path / "second")
    assert first["verdict"] == second["verdict"] == "ok"
    assert first["energy"] == pytest.approx(second["energy"], abs=1e-6)  # printed to 1e-8 Ry
    assert not second["cached"]


@needs_pw
def test_unconverged_calculation_gets_its_verdict_although_pw_prints_job_done(tmp_path):
    result = label_one(with_input("electrons", electron_maxstep=2), silicon(), tmp_path)
    assert result["verdict"] == "scf_not_converged"
    assert "2 iterations" in result["reason"]
    assert "JOB DONE" in (tmp_path / result["key"] / "pw.out").read_text()


@needs_pw
def test_calculation_over_the_time_limit_is_stopped(tmp_path, processes_below):
    slow = {**SILICON, "timeout": 0.4, "kpoints": {"grid": [6, 6, 6]}}
    result = label_one(slow, silicon(), tmp_path)
    assert (result["verdict"], result["reason"]) == ("timeout", "not done after 0.4 s")
    assert result["seconds"] < 5
    wait_for(lambda: processes_below(tmp_path) == [], limit=5)


@needs_pw
def test_pw_error_is_a_crash_with_the_message_of_pw(tmp_path):
    result = label_one(with_input("system", smearing="nonsense"), silicon(), tmp_path)
    assert result["verdict"] == "crashed"
    assert "nonsense" in result["reason"]


@needs_pw
def test_largest_force_decides_when_pw_converges_on_nonsense(tmp_path):
    close = bulk("Si", "diamond", 5.47)
    close.positions[1] = close.positions[0] + (0.0, 0.0, 1.2)
    result = label_one({**CHEAP, "min_distance": 0.5}, close, tmp_path)
    assert result["verdict"] == "unphysical"
    assert "largest force" in result["reason"]


@pytest.mark.parametrize("distance, verdict", [(1.5, "unphysical"), (0.0, "unphysical")])
def test_close_atoms_are_not_computed(tmp_path, distance, verdict):
    close = bulk("Al", "fcc", 4.05, cubic=True)
    close.positions[1] = close.positions[0] + (0.0, 0.0, distance)
    result = label_one({**EMT, "min_distance": 1.6}, close, tmp_path)
    assert result["verdict"] == verdict
    assert f"{distance:.3f} Angstrom apart" in result["reason"]


def test_periodic_images_count_as_close_atoms(tmp_path):
    thin = bulk("Al", "fcc", 4.05, cubic=True)
    thin.cell[2, 2] = 1.5
    result = label_one({**EMT, "min_distance": 1.6}, thin, tmp_path)
    assert result["verdict"] == "unphysical"


@pytest.mark.parametrize(
    "break_it",
    [
        lambda atoms: atoms.positions.fill(np.nan),
        lambda atoms: atoms.set_cell(np.zeros((3, 3))),  # periodic, but without a cell
    ],
)
def test_structure_without_meaning_is_not_computed(tmp_path, break_it):
    atoms = aluminium(1)
    break_it(atoms)
    assert label_one(EMT, atoms, tmp_path)["verdict"] == "unphysical"


def test_silent_program_is_a_parse_error(tmp_path, make_program):
    program = make_program("pw.x", "echo 'JOB DONE.'\n", "/bin/sh")
    settings = {**CHEAP, "command": str(program), "pseudo_dir": pseudo_folder(tmp_path)}
    result = label_one(settings, silicon(), tmp_path / "cache")
    assert result["verdict"] == "parse_error"
    assert "final energy" in result["reason"]


def test_program_that_fails_by_a_signal_of_its_own_is_a_crash(tmp_path, make_program):
    program = make_program("pw.x", "kill -SEGV $$\n", "/bin/sh")
    settings = {**CHEAP, "command": str(program), "pseudo_dir": pseudo_folder(tmp_path)}
    result = label_one(settings, silicon(), tmp_path / "cache")
    assert result["verdict"] == "crashed"
    assert "SIGSEGV" in result["reason"]


def test_program_that_ends_without_a_word_says_nothing_about_the_structure(tmp_path, make_program):
    program = make_program("pw.x", "echo lost a daemon >&2; exit 1\n", "/bin/sh")
    settings = {**CHEAP, "command": str(program), "pseudo_dir": pseudo_folder(tmp_path)}
    for _ in range(2):
        result = label_one(settings, silicon(), tmp_path / "cache")
        assert (result["verdict"], result["cached"]) == ("killed", False)
    assert "lost a daemon" in result["reason"]


def test_missing_forces_are_a_parse_error():
    text = "convergence has been achieved in 7 iterations\n!    total energy  = -1.0 Ry\n"
    with pytest.raises(Rejected, match="lacks: forces"):
        read_results(text, num_atoms=2)


def pseudo_folder(tmp_path):
    folder = tmp_path / "pseudo"
    folder.mkdir()
    (folder / "Si.pbe-rrkj.UPF").write_text("stand-in")
    return str(folder)


def test_output_keeps_order_positions_and_info(tmp_path):
    frames = [aluminium(seed) for seed in (3, 1, 2)]
    frames[1].positions[1] = frames[1].positions[0]
    results = label_batch(make_labeller({**EMT, "workers": 2}), frames, tmp_path)
    labelled, quarantined = split_frames(frames, results)
    write_frames(tmp_path / "labelled.extxyz", labelled)
    back = read_frames(tmp_path / "labelled.extxyz")

    assert [atoms.info["config_type"] for atoms in back] == ["seed3", "seed2"]
    assert np.array_equal(back[0].positions, frames[0].positions)
    assert np.array_equal(back[0].cell.array, frames[0].cell.array)
    assert back[0].get_potential_energy() == results[0]["energy"]
    assert back[0].get_forces() == pytest.approx(np.array(results[0]["forces"]))
    assert back[0].get_stress() == pytest.approx(np.array(results[0]["stress"]))
    assert quarantined[0].info["verdict"] == "unphysical"


def arguments(folder, labeller):
    """Of `almlip label` with files in a folder."""
    names = [folder / "batch.extxyz", "-o", folder / "out.extxyz", "--labeller", labeller]
    return [str(name) for name in names]


def test_command_writes_labels_quarantine_and_report(tmp_path, write_json):
    settings = write_json("label.json", EMT)
    frames = [aluminium(1), aluminium(2)]
    frames[0].positions[1] = frames[0].positions[0]
    write_frames(tmp_path / "batch.extxyz", frames)
    status = main(arguments(tmp_path, settings))
    report = json.loads((tmp_path / "out.report.json").read_text())

    assert status == 0
    assert len(read_frames(tmp_path / "out.extxyz")) == 1
    assert read_frames(tmp_path / "out.quarantine.extxyz")[0].info["verdict"] == "unphysical"
    assert report["verdicts"] == {"ok": 1, "unphysical": 1}
    assert [entry["index"] for entry in report["structures"]] == [0, 1]


def test_finished_work_is_not_repeated_and_other_input_is_other_work(tmp_path):
    labeller = make_labeller(EMT)
    assert not label_batch(labeller, [aluminium(1)], tmp_path)[0]["cached"]
    assert label_batch(labeller, [aluminium(1)], tmp_path)[0]["cached"]
    other = make_labeller({**EMT, "parameters": {"asap_cutoff": True}})
    assert not label_batch(other, [aluminium(1)], tmp_path)[0]["cached"]


def test_limits_are_applied_when_reading(tmp_path):
    calm, wild = aluminium(1), aluminium(2)
    wild.positions[0, 0] += 0.6
    force = label_one(EMT, wild, tmp_path)
    largest = np.linalg.norm(force["forces"], axis=1).max()
    strict = {**EMT, "max_force": largest / 2, "timeout": 7, "workers": 2, "min_distance": 0.9}
    results = label_batch(make_labeller(strict), [calm, wild], tmp_path)
    assert [each["verdict"] for each in results] == ["ok", "unphysical"]
    assert [each["cached"] for each in results] == [False, True]
    assert f"above max_force {largest / 2}" in results[1]["reason"]
    assert label_one(EMT, wild, tmp_path)["verdict"] == "ok"


def failing(tmp_path, make_program):
    program = make_program("fails", f"echo run >> {tmp_path}/runs; exit 3\n", "/bin/sh")
    return make_labeller({"calculator": "command", "command": str(program)})


def test_failures_are_computed_again_only_on_request(tmp_path, make_program):
    labeller, cache = failing(tmp_path, make_program), tmp_path / "cache"
    for retry in (False, False, True, False):
        result = label_batch(labeller, [aluminium(1)], cache, retry_failed=retry)[0]
        assert result["verdict"] == "crashed"
    assert (tmp_path / "runs").read_text() == "run\n" * 2


@pytest.mark.parametrize(
    "change, again", [({"launcher": "env"}, True), ({"threads": 2}, True), ({"workers": 2}, False)]
)
def test_failures_of_a_program_that_was_started_otherwise_are_forgotten(
    tmp_path, make_program, change, again
):
    labeller, cache = failing(tmp_path, make_program), tmp_path / "cache"
    first = label_batch(labeller, [aluminium(1)], cache)[0]
    other = make_labeller({**labeller.settings, **change})
    second = label_batch(other, [aluminium(1)], cache)[0]
    assert first["key"] == second["key"]
    assert second["cached"] is not again
    assert label_batch(other, [aluminium(1)], cache)[0]["cached"]


def test_timeouts_are_computed_again(tmp_path):
    labeller = make_labeller(EMT)
    key = label_batch(labeller, [aluminium(1)], tmp_path)[0]["key"]
    late = {"verdict": "timeout", "reason": "not done after 600 s", "seconds": 600, "attempt": "x"}
    (tmp_path / key / "result.json").write_text(json.dumps(late))
    result = label_batch(labeller, [aluminium(1)], tmp_path)[0]
    assert (result["cached"], result["verdict"]) == (False, "ok")


def test_a_process_whose_parent_has_ended_before_its_first_step_ends_too():
    child = "import os; from almlip.processes import die_with_parent; {}; print('alive')"

    def outcome(call):
        command = [sys.executable, "-c", child.format(call)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout

    ended = subprocess.Popen(["true"])
    ended.wait()
    assert outcome(f"die_with_parent({ended.pid})") == (-signal.SIGKILL, "")
    assert outcome("die_with_parent(os.getppid())") == (0, "alive\n")


def wait_for(condition, limit=120.0):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def test_grid_from_spacing_has_the_same_density_in_every_cell():
    spacing = {"spacing": 0.43, "shift": [1, 1, 1]}  # 2 pi / 5.47 = 1.149 1/Angstrom, / 0.43 = 2.7
    assert kpoint_grid(Cell.new([5.47, 5.47, 5.47]), spacing) == ((3, 3, 3), (1, 1, 1))
    assert kpoint_grid(Cell.new([10.94, 5.47, 5.47]), spacing) == ((2, 3, 3), (1, 1, 1))
    assert kpoint_grid(Cell.new([50.0, 50.0, 50.0]), spacing) == ((1, 1, 1), (1, 1, 1))


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"calculator": "magic"},
            'unknown calculator "magic"; allowed: ase, command, cp2k, espresso, vasp',
        ),
        (
            {**EMT, "tiemout": 3},
            (
                'unknown setting "tiemout"; allowed: calculator, energy_window, folder, '
                "max_force, min_distance, name, parameters, timeout, vacuum, workers"
            ),
        ),
        ({**EMT, "timeout": -3}, '"timeout" is -3, but it must be a positive number'),
        (
            {**CHEAP, "kpoints": {}},
            '"kpoints" must be {"spacing": 1/Angstrom} or {"grid": [n, n, n]}',
        ),
        ({**EMT, "name": 3}, '"name" is 3, but it must be a text'),
        ({**EMT, "energy_window": 3}, '"energy_window" is 3, but it must be [low, high] in eV'),
        (
            {**CHEAP, "input_data": "scf"},
            "\"input_data\" is 'scf', but it must be keys with values",
        ),
        ({**CHEAP, "threads": "all"}, "\"threads\" is 'all', but it must be a positive integer"),
        ({**CHEAP, "command": "no-such-pw.x"}, 'program "no-such-pw.x" not found'),
        (
            {**CHEAP, "command": "sh", "pseudo_dir": "/nowhere"},
            "pseudopotential /nowhere/Si.pbe-rrkj.UPF of Si not found",
        ),
        (
            {**CHEAP, "command": "sh", "pseudopotentials": {}},
            'no pseudopotential for Si in "pseudopotentials" (it has none)',
        ),
    ],
)
def test_bad_settings_end_in_one_line(settings, message):
    with pytest.raises(BadInput) as error:
        make_labeller(settings).check({"Si"})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_setting_is_told_with_its_file(write_json, tmp_path, capsys):
    settings = write_json("label.json", {**EMT, "tiemout": 3})
    assert main(arguments(tmp_path, settings)) == 1
    assert f'almlip: {settings}:1: unknown setting "tiemout"' in capsys.readouterr().err


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "no such file"),
        ("", "holds no frames"),
        ("8\nnothing\n", "not a readable extended XYZ"),
    ],
)
def test_bad_batch_is_an_error_before_any_work(tmp_path, write_json, capsys, content, message):
    batch = tmp_path / "batch.extxyz"
    if content is not None:
        batch.write_text(content)
    status = main(arguments(tmp_path, write_json("label.json", EMT)))
    stderr = capsys.readouterr().err
    assert status == 1
    assert stderr.startswith("almlip: ")
    assert message in stderr
    assert stderr.count("\n") == 1
