# SPDX-License-Identifier: GPL-2.0-or-later
"""Claims about `pair_style almlip` in a real LAMMPS."""

import os
from pathlib import Path

import numpy as np
import pytest

import lammps_frames as lf

FRAMES = {
    "crystal": (lf.crystal, "Si", ["Si"]),
    "liquid": (lf.liquid, "Si", ["Si"]),
    "triclinic": (lf.triclinic, "Si", ["Si"]),
    "two elements": (lf.silicon_germanium, "SiGe", ["Si", "Ge"]),
}


@pytest.fixture(params=FRAMES.values(), ids=FRAMES.keys())
def frame(request, potentials):
    make, potential, elements = request.param
    return make(), potentials[potential], elements


def test_energy_forces_virial_and_sigma_agree_with_eval(frame, evaluate, tmp_path):
    atoms, potential, elements = frame
    written, prediction = lf.predict(potential, atoms, tmp_path)
    expected = lf.result_of(prediction)

    assert evaluate(written, potential, elements).close_to(expected, 1e-10)


# Forces of random weights are of order 1 eV/Angstrom; float rounds to 6e-8 and a few hundred terms are added.
def test_mixed_precision_agrees_with_double_to_the_rounding_of_float(frame, evaluate):
    atoms, potential, elements = frame
    mixed = evaluate(atoms, potential, elements, style="pair_style almlip precision mixed")
    double = evaluate(atoms, potential, elements)

    assert mixed.close_to(double, 1e-4)
    assert not np.array_equal(mixed.forces, double.forces)


@pytest.mark.parametrize("ranks", [2, 4])
def test_result_does_not_depend_on_number_of_ranks(frame, evaluate, ranks):
    atoms, potential, elements = frame
    assert evaluate(atoms, potential, elements, ranks).close_to(
        evaluate(atoms, potential, elements), 1e-10
    )


def test_rank_without_atoms_takes_part(potentials, evaluate):
    one = evaluate(lf.slab(), potentials["Si"], ["Si"])
    four = evaluate(lf.slab(), potentials["Si"], ["Si"], ranks=4, before="processors 1 1 4")

    assert four.close_to(one, 1e-10)


def test_summary_does_not_depend_on_number_of_ranks(potentials, evaluate):
    columns = "c_unc[1] c_unc[2] c_unc[4] c_unc[8]"
    settings = {"after": "compute unc all pair almlip\n", "columns": columns}
    one = evaluate(lf.crystal(), potentials["Si"], ["Si"], **settings).thermo
    two = evaluate(lf.crystal(), potentials["Si"], ["Si"], ranks=2, **settings).thermo

    assert all(two[name] == pytest.approx(one[name], rel=1e-10) for name in columns.split())


def test_force_is_minus_slope_of_energy(potentials, lmp_run, tmp_path):
    step = 1e-4  # Angstrom
    data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
    moves = [
        f"displace_atoms one move {'0 ' * d}{move} {'0 ' * (2 - d)}units box\nrun 0\n"
        for d in range(3)
        for move in (step, -2 * step, step)
    ]
    script = (
        lf.setup(data, potentials["Si"], ["Si"], before="")
        + "group one id 17\n"
        + lf.PRINT.format(columns="")
    )
    done = lmp_run(script + "run 0\n" + "".join(moves) + lf.WRITE)

    energy = [row["PotEng"] for row in done.thermo]
    slope = [(energy[1 + 3 * d] - energy[2 + 3 * d]) / (2 * step) for d in range(3)]
    forces = lf.read_result(done.folder, done.thermo[-1]).forces
    assert forces[16] == pytest.approx(
        -np.array(slope), abs=1e-5
    )  # O(step^2) times third derivatives of 1e3


STRAINS = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]  # order of LAMMPS's virial


def strained(atoms, row, column, size):
    deformation = np.eye(3)
    deformation[row, column] += size  # x_row += size x_column keeps the cell lower triangular
    moved = atoms.copy()
    moved.set_cell(atoms.cell[:] @ deformation.T, scale_atoms=True)
    return moved


def test_virial_is_minus_slope_of_energy_with_strain(potentials, lmp_run, tmp_path):
    size = 2e-5
    script = ""
    for k, (row, column) in enumerate(STRAINS):
        for sign in (1, -1):
            data = lf.write_data(
                tmp_path / f"{k}{sign}.data",
                strained(lf.triclinic(), row, column, sign * size),
                ["Si"],
            )
            script += (
                lf.setup(data, potentials["Si"], ["Si"])
                + lf.PRINT.format(columns="")
                + "run 0\nclear\n"
            )
            script += f"plugin load {os.environ['ALMLIP_PLUGIN']}\n"
    data = lf.write_data(tmp_path / "frame.data", lf.triclinic(), ["Si"])
    done = lmp_run(
        script + lf.setup(data, potentials["Si"], ["Si"]) + lf.PRINT.format(columns="") + lf.RUN
    )

    energy = np.array([row["PotEng"] for row in done.thermo[:-1]]).reshape(6, 2)
    virial = lf.read_result(done.folder, done.thermo[-1]).virial
    slope = (energy[:, 0] - energy[:, 1]) / (2 * size)
    assert virial == pytest.approx(
        -slope, abs=1e-6 * np.abs(slope).max() + 1e-7
    )  # O(size^2); rounding 1e-15 E / size


PER_ATOM_SUMS = """compute e all pe/atom
compute s all stress/atom NULL
compute c all centroid/stress/atom NULL
compute sum all reduce sum c_e c_s[1] c_s[2] c_s[3] c_s[4] c_s[5] c_s[6] c_c[1] c_c[2] c_c[3] c_c[4] c_c[5] c_c[6] &
  c_c[7] c_c[8] c_c[9]
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_per_atom_energy_and_virials_add_up(frame, evaluate, ranks):
    atoms, potential, elements = frame
    row = evaluate(
        atoms,
        potential,
        elements,
        ranks,
        after=PER_ATOM_SUMS,
        columns=" ".join(f"c_sum[{k}]" for k in range(1, 17)),
    ).thermo

    stress = np.array([row[f"c_vir[{k}]"] for k in range(1, 7)])
    sums = -np.array([row[f"c_sum[{k}]"] for k in range(2, 17)]) / row["Volume"]
    assert row["c_sum[1]"] == pytest.approx(row["PotEng"], rel=1e-12)
    assert sums[:6] == pytest.approx(stress, abs=1e-10 * np.abs(stress).max())
    assert sums[6:12] == pytest.approx(stress, abs=1e-10 * np.abs(stress).max())
    assert sums[12:] == pytest.approx(
        stress[3:], abs=1e-10 * np.abs(stress).max()
    )  # yx zx zy: no net torque


def test_virial_of_the_core_is_that_of_forces_and_positions(frame, evaluate):
    atoms, potential, elements = frame
    of_forces = evaluate(atoms, potential, elements)
    of_core = evaluate(atoms, potential, elements, style="pair_style almlip\npair_modify nofdotr")

    assert of_core.close_to(of_forces, 1e-10)


# eV in the unit of energy and Angstrom in the unit of length, CODATA 2018; LAMMPS's constants differ by up to 1e-6.
UNITS = {
    "real": (23.060548, 1.0),
    "si": (1.602176634e-19, 1e-10),
    "cgs": (1.602176634e-12, 1e-8),
    "electron": (0.036749322, 1.8897261),
    "micro": (1.602176634e-4, 1e-4),
    "nano": (160.2176634, 0.1),
}


@pytest.mark.parametrize("units", UNITS)
def test_other_units_are_converted(potentials, evaluate, units):
    electron_volt, angstrom = UNITS[units]
    metal = evaluate(lf.crystal(), potentials["Si"], ["Si"])
    other = evaluate(
        lf.crystal(),
        potentials["Si"],
        ["Si"],
        units=units,
        unit=angstrom,
        after=PER_ATOM_SUMS + f"neighbor {2 * angstrom} bin\n",
        columns="c_sum[1] c_sum[2] c_sum[8]",
    )

    scaled = [
        other.energy / electron_volt,
        other.forces * angstrom / electron_volt,
        other.sigma * angstrom / electron_volt,
    ]
    assert scaled[0] == pytest.approx(metal.energy, rel=2e-6)
    assert scaled[1] == pytest.approx(
        metal.forces, abs=2e-5
    )  # also the length unit's digits, at 1e-7 Angstrom
    assert scaled[2] == pytest.approx(metal.sigma, abs=2e-5)
    assert other.thermo["c_sum[1]"] == pytest.approx(other.energy, rel=1e-12)
    for k in (2, 8):
        assert -other.thermo[f"c_sum[{k}]"] / other.thermo["Volume"] == pytest.approx(
            other.thermo["c_vir[1]"], rel=1e-8
        )


def test_several_types_of_one_element_are_one(potentials, evaluate):
    plain = evaluate(lf.crystal(), potentials["Si"], ["Si"])
    split = evaluate(
        lf.crystal(), potentials["Si"], ["Si", "Si"], types=[1 + i % 2 for i in range(64)]
    )

    assert split.close_to(plain, 1e-12)


def test_elements_may_be_mapped_in_any_order(potentials, evaluate):
    plain = evaluate(lf.silicon_germanium(), potentials["SiGe"], ["Si", "Ge"])
    swapped = evaluate(lf.silicon_germanium(), potentials["SiGe"], ["Ge", "Si"])

    assert swapped.close_to(plain, 1e-12)


@pytest.mark.parametrize("ranks", [1, 2])
def test_overlay_adds_other_styles(potentials, evaluate, ranks):
    plain = evaluate(lf.crystal(), potentials["Si"], ["Si"])
    overlay = evaluate(
        lf.crystal(),
        "almlip " + str(potentials["Si"]),
        ["Si"],
        ranks,
        style="pair_style hybrid/overlay almlip lj/cut 4.0\npair_coeff * * lj/cut 0.0 2.0",
    )

    assert overlay.close_to(plain, 1e-10)


def test_types_that_are_null_are_not_seen(potentials, evaluate):
    silicon = lf.crystal()
    mixed = silicon.copy()
    mixed.extend(type(silicon)("Ar", [[1.0, 2.0, 3.0]]))
    plain = evaluate(silicon, potentials["Si"], ["Si"])
    hybrid = evaluate(
        mixed,
        "almlip " + str(potentials["Si"]),
        ["Si", "NULL"],
        type_elements=["Si", "Ar"],
        style="pair_style hybrid almlip zero 5.0\npair_coeff * 2 zero",
        ranks=2,
    )

    assert hybrid.energy == pytest.approx(plain.energy, rel=1e-12)
    assert hybrid.forces[:64] == pytest.approx(plain.forces, abs=1e-10)
    assert hybrid.sigma == pytest.approx([*plain.sigma, 0.0], abs=1e-10)
    assert hybrid.forces[64] == pytest.approx([0, 0, 0], abs=0)


def test_energies_can_be_counted_from_atoms_without_neighbours(potentials, lmp_run, tmp_path):
    """An atom far from all others, or excluded as fix gcmc does it, adds nothing."""
    atoms = lf.silicon_germanium()
    more = atoms.copy()
    more.append("Ge")
    more.positions[-1] = atoms.positions[0] + 0.8  # amid the others
    energies = {}
    for name, system, exclude in (("with", more, True), ("without", atoms, False)):
        data = lf.write_data(tmp_path / f"{name}.data", system, ["Si", "Ge"])
        script = lf.setup(
            data, potentials["SiGe"], ["Si", "Ge"], style="pair_style almlip isolated zero"
        )
        if exclude:
            script += f"group gone id {len(more)}\nneigh_modify exclude group gone all\n"
        run = lmp_run(script + "thermo_modify format float %.12g\nrun 0\n", ranks=2)
        energies[name] = run.thermo[0]["E_pair"]
    assert energies["with"] == pytest.approx(energies["without"], abs=1e-7)

    data = lf.write_data(tmp_path / "same.data", atoms, ["Si", "Ge"])
    run = lmp_run(
        lf.setup(data, potentials["SiGe"], ["Si", "Ge"])
        + "compute each all pe/atom\ncompute sum all reduce sum c_each\n"
        + "thermo_style custom step pe c_sum\nthermo_modify format float %.12g\nrun 0\n"
        + f"pair_style almlip isolated zero\npair_coeff * * {potentials['SiGe']} Si Ge\nrun 0\n"
    )
    model, zero = run.thermo
    assert zero["PotEng"] == pytest.approx(zero["c_sum"], abs=1e-7)
    assert zero["PotEng"] == pytest.approx(energies["without"], abs=1e-7) != model["PotEng"]


@pytest.mark.parametrize("ranks", [1, 3])
def test_atoms_without_neighbours_are_told_once(potentials, lmp_run, tmp_path, ranks):
    script = lf.setup_with_atoms_alone(tmp_path, potentials["SiGe"])
    run = lmp_run(script + "run 0\nrun 0\n", ranks)

    assert run.log.count(" atoms have no neighbour within the cutoff of ") == 1
    assert "WARNING: pair_style almlip: 2 atoms have no neighbour" in run.log
    zero = script.replace("pair_style almlip", "pair_style almlip isolated zero")
    assert "no neighbour" not in lmp_run(zero + "run 0\n", ranks).log


RELOADS = ["Si refitted", "Si of 3, longer", "Si of 7"]


@pytest.mark.parametrize("style", ["almlip", "hybrid/overlay almlip zero 6.0"])
@pytest.mark.parametrize("reload", RELOADS)
def test_pair_coeff_issued_again_loads_another_potential(potentials, evaluate, reload, style):
    hybrid = "almlip" if "hybrid" in style else ""
    settings = {
        "style": f"pair_style {style}" + ("\npair_coeff * * zero" if hybrid else ""),
        "ranks": 2,
    }
    fresh = evaluate(lf.crystal(), f"{hybrid} {potentials[reload]}", ["Si"], **settings)
    again = evaluate(
        lf.crystal(),
        f"{hybrid} {potentials['Si']}",
        ["Si"],
        **settings,
        after="compute unc all pair almlip\nrun 0\n"
        f"pair_coeff * * {hybrid} {potentials[reload]} Si\nrun 1\n",  # fix pair reads a step once
        columns="c_unc[1] c_unc[2] c_unc[8]",
    )

    assert again.close_to(
        fresh, 1e-12
    )  # not exactly: the second run finds the atoms in another order
    assert again.thermo["c_unc[1]"] == pytest.approx(fresh.sigma.max(), rel=1e-12)


def test_hash_is_logged_once_per_load(potentials, lmp_run, tmp_path):
    data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
    log = lmp_run(lf.setup(data, potentials["Si"], ["Si"]) + "run 0\nrun 0\n", ranks=2).log

    lines = [line for line in log.splitlines() if line.startswith("pair_style almlip: ")]
    assert lines == [
        (
            f"pair_style almlip: {potentials['Si']}, hash {content_hash(potentials['Si'])}, 5 members, "
            "cutoff 5 Angstrom, elements Si"
        )
    ]


def content_hash(path):
    """FNV-1a of 64 bit, http://www.isthe.com/chongo/tech/comp/fnv/"""
    value = 14695981039346656037
    for byte in path.read_bytes():
        value = (value ^ byte) * 1099511628211 % 2**64
    return f"{value:016x}"


def test_energy_is_conserved(lmp_run, tmp_path):
    silicon_potential = Path(__file__).parents[2] / "potentials" / "Si.almlip.json"
    atoms = lf.rattled(lf.bulk("Si", "diamond", a=5.47, cubic=True).repeat(4), 0.01, seed=1)
    data = lf.write_data(tmp_path / "frame.data", atoms, ["Si"])
    done = lmp_run(f"""units metal
box tilt large
read_data {data}
pair_style almlip
pair_coeff * * {silicon_potential} Si
velocity all create 1200 12345 loop geom
fix nve all nve
timestep 0.001
thermo 10
thermo_style custom step temp etotal
thermo_modify format float %.12g
run 3000
""")

    rows = done.thermo[10:]  # the first 0.1 ps heats the lattice
    time = np.array([row["Step"] for row in rows]) * 1e-3  # ps
    energy = np.array([row["TotEng"] for row in rows]) / len(atoms)
    drift = np.polyfit(time, energy, 1)[0]
    assert 500 < np.mean([row["Temp"] for row in rows]) < 700
    assert abs(drift) < 1e-5  # eV/atom/ps
