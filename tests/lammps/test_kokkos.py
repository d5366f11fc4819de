# SPDX-License-Identifier: GPL-2.0-or-later
"""`pair_style almlip/kk` in a LAMMPS that has the package KOKKOS: the same results as `pair_style almlip` in the same LAMMPS.

ALMLIP_KOKKOS_LMP names its program, ALMLIP_PLUGIN the plugin that was built for it (CONTRIBUTING.md).
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest

import lammps_frames as lf
from al_query_batches import HOT, PICK_ALL, batch
from random_potential import write_random_potential

LMP = os.environ.get("ALMLIP_KOKKOS_LMP", "")
PLUGIN = Path(os.environ["ALMLIP_PLUGIN"])
pytestmark = pytest.mark.skipif(
    not LMP, reason="no LAMMPS with the package KOKKOS was given (ALMLIP_KOKKOS_LMP)"
)

PLAIN = (LMP,)
ON_GPU = os.environ.get("ALMLIP_KOKKOS_ARGUMENTS", "")  # such as "g 1"


def kokkos(threads=1, newton="on"):
    """The program with every style of the package, which has newton off by itself on GPUs."""
    place = ON_GPU.split() or ["t", str(threads)]
    package = ["-pk", "kokkos", "newton", newton, "neigh", "half"]
    return (LMP, "-k", "on", *place, "-sf", "kk", *package)


# Everything the pair style gives: columns of the dump are forces, then what follows by name.
OUTPUTS = """compute unc all pair almlip
compute e all pe/atom pair
compute s all stress/atom NULL pair
compute c all centroid/stress/atom NULL pair
fix x all pair 1 almlip sigma 1 zbl 1 force 0 descriptor 1
fix n all pair 1 almlip novelty 1
neighbor 0.3 bin
neigh_modify every 1 delay 0 check yes
thermo_style custom step pe pxx pyy pzz pxy pxz pyz c_unc[*]
thermo_modify format float %.17g
dump d all custom {steps} end.*.dump id fx fy fz c_e c_s[*] c_c[*] f_x[*]
dump_modify d sort id format float %.17g
dump n all custom {steps} novelty.*.dump id f_n
dump_modify n sort id format float %.17g
"""
STATIC = OUTPUTS.format(steps=1) + "run 0\n"


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """Potentials that have novelty, a sigma of the energy and a repulsion which some of the pairs of the frames feel, by their elements."""
    folder = tmp_path_factory.mktemp("rich")
    return {
        names: write_random_potential(
            folder / f"{names.replace(' ', '')}.json",
            names.split(),
            seed=9,
            factors=[1.5, 2.5][: len(names.split())],
            novelty_threshold=5.0,
            zbl=2.3,
            energies=True,
        )
        for names in ("Si", "Si Ge")
    }


@pytest.fixture
def evaluate(lmp_run, rich, tmp_path):
    """evaluate(atoms, elements, program, ...): run, thermo output, per-atom values and novelty at the end."""

    def run(atoms, elements, program, ranks=1, commands=STATIC, style="almlip", before=""):
        names = elements.split()
        data = lf.write_data(tmp_path / "frame.data", atoms, names)
        script = lf.setup(data, rich[elements], names, f"pair_style {style}", before=before)
        script = re.sub(r"\b(pair|pair 1) almlip\b", rf"\1 {style.split()[0]}", script + commands)
        done = lmp_run(script, ranks, program=program)
        thermo = np.array([list(row.values()) for row in done.thermo])
        end = int(thermo[-1, 0])
        tables = [
            np.loadtxt(done.folder / f"{name}.{end}.dump", skiprows=9)
            for name in ("end", "novelty")
        ]
        return done, thermo, *tables

    return run


def difference(mine, theirs):
    """Largest difference, each column relative to its largest number. What is no number must be so in both."""
    assert mine.shape == theirs.shape
    np.testing.assert_array_equal(np.isnan(mine), np.isnan(theirs))
    mine, theirs = np.nan_to_num(mine), np.nan_to_num(theirs)
    scale = abs(theirs).max(axis=0)
    return (abs(mine - theirs) / np.where(scale > 1e-6, scale, 1.0)).max()


# The novelty of the CPU is in single precision, and compute pair shows the largest.
SINGLE = 1e-5


def assert_same(got, expected, tolerance):
    (_, thermo, values, novelty), (_, its_thermo, its_values, its_novelty) = got, expected
    largest_novelty = 8 + 2  # step, pe, pressures, then that column of compute pair
    others = [k for k in range(thermo.shape[1]) if k != largest_novelty]
    assert difference(thermo[:, others], its_thermo[:, others]) < tolerance
    assert difference(
        thermo[:, largest_novelty:][:, :1], its_thermo[:, largest_novelty:][:, :1]
    ) < (max(SINGLE, tolerance))
    assert difference(values, its_values) < tolerance
    assert difference(novelty, its_novelty) < max(SINGLE, tolerance)
    assert np.isfinite(its_values).all() and (its_novelty[:, 1] > 0).all()


FRAMES = {
    "two elements": (lf.silicon_germanium, "Si Ge", ""),
    "triclinic, smaller than the cutoff": (lf.triclinic, "Si", ""),
    "ranks without atoms": (lf.slab, "Si", "processors 1 1 *"),
}


@pytest.mark.parametrize("ranks, threads", [(1, 1), (1, 2), (2, 1), (4, 1)])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_all_outputs_are_those_of_the_plain_style(evaluate, frame, ranks, threads):
    make, elements, before = frame
    plain = evaluate(make(), elements, PLAIN, before=before)
    on_kokkos = evaluate(make(), elements, kokkos(threads), ranks, before=before)

    assert "pair_style almlip/kk: computing on " in on_kokkos[0].log
    assert_same(on_kokkos, plain, 1e-10)


@pytest.mark.parametrize("ranks", [1, 2])
def test_mixed_precision_agrees_to_the_rounding_of_float(evaluate, ranks):
    style = "almlip precision mixed"
    plain = evaluate(lf.silicon_germanium(), "Si Ge", PLAIN, style=style)
    on_kokkos = evaluate(lf.silicon_germanium(), "Si Ge", kokkos(), ranks, style=style)

    assert_same(on_kokkos, plain, 1e-5)


def test_style_of_the_host_computes_too(evaluate):
    plain = evaluate(lf.silicon_germanium(), "Si Ge", PLAIN)
    on_host = evaluate(lf.silicon_germanium(), "Si Ge", kokkos(), 2, style="almlip/kk/host")

    assert_same(on_host, plain, 1e-10)


def test_energies_count_from_isolated_atoms(evaluate):
    style = "almlip isolated zero"
    plain = evaluate(lf.silicon_germanium(), "Si Ge", PLAIN, style=style)
    on_kokkos = evaluate(lf.silicon_germanium(), "Si Ge", kokkos(), 2, style=style)

    assert_same(on_kokkos, plain, 1e-10)


# Lists are made again and atoms sorted on the way. Differences by the order of sums grow in 100 steps.
@pytest.mark.parametrize("ranks, threads", [(1, 2), (2, 1), (4, 1)])
def test_trajectory_is_that_of_the_plain_style_and_conserves_energy(evaluate, ranks, threads):
    move = OUTPUTS.format(steps=100) + (
        "velocity all create 900 7 loop geom\nfix move all nve\nthermo 10\n"
        "thermo_style custom step pe pxx pyy pzz pxy pxz pyz c_unc[*] etotal\n"
        "thermo_modify format float %.17g\ntimestep 0.0005\nrun 100\n"
    )
    sort = "atom_modify sort 7 2.0"
    atoms = lf.silicon_germanium()
    plain = evaluate(atoms, "Si Ge", PLAIN, commands=move, before=sort)
    on_kokkos = evaluate(atoms, "Si Ge", kokkos(threads), ranks, move, before=sort)
    log = on_kokkos[0].log
    energy = on_kokkos[1][:, -1]

    assert int(re.search(r"Neighbor list builds = (\d+)", log)[1]) > 1
    assert_same(on_kokkos, plain, 1e-6)
    assert np.ptp(energy) < 1e-3 * np.ptp(on_kokkos[1][:, 1])


@pytest.mark.parametrize("ranks", [1, 2])
def test_overlay_adds_to_other_styles(lmp_run, rich, tmp_path, ranks):
    atoms = lf.silicon_germanium()
    data = lf.write_data(tmp_path / "frame.data", atoms, ["Si", "Ge", "C"])
    script = f"""units metal
box tilt large
atom_modify map yes
read_data {data}
pair_style hybrid/overlay almlip lj/cut 4.0
pair_coeff * * almlip {rich["Si Ge"]} Si Ge NULL
pair_coeff * * lj/cut 0.02 2.0
create_atoms 3 single 1.1 1.2 1.3
{STATIC}"""
    plain = lmp_run(script, program=PLAIN)
    on_kokkos = lmp_run(script, ranks, program=kokkos())
    values, expected = (
        np.loadtxt(run.folder / "end.0.dump", skiprows=9) for run in (on_kokkos, plain)
    )

    assert difference(values, expected) < 1e-10
    assert on_kokkos.thermo[0]["PotEng"] == pytest.approx(plain.thermo[0]["PotEng"], rel=1e-12)


def test_other_units_are_converted(lmp_run, rich, tmp_path):
    data = lf.write_data(tmp_path / "frame.data", lf.silicon_germanium(), ["Si", "Ge"])
    script = lf.setup(data, rich["Si Ge"], ["Si", "Ge"], units="real") + STATIC
    values, expected = (
        np.loadtxt(lmp_run(script, 2, program=program).folder / "end.0.dump", skiprows=9)
        for program in (kokkos(), PLAIN)
    )

    assert difference(values, expected) < 1e-10


def test_query_takes_the_same_configurations(lmp_run, rich, tmp_path):
    data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
    script = f"""units metal
atom_modify map yes
read_data {data}
pair_style almlip
pair_coeff * * {rich["Si"]} Si
timestep 0.001
{HOT}fix q all al_query 5 {PICK_ALL} spacing 5 batch 4 clusters 3
thermo_style custom step pe f_q[*]
run 40
"""
    plain, on_kokkos = lmp_run(script, program=PLAIN), lmp_run(script, 2, program=kokkos())

    assert [row["Step"] for row in plain.thermo] == [row["Step"] for row in on_kokkos.thermo]
    assert len(batch(plain)) > 2
    for mine, theirs in zip(batch(on_kokkos), batch(plain), strict=True):
        assert mine.get_chemical_symbols() == theirs.get_chemical_symbols()
        assert mine.positions == pytest.approx(theirs.positions, abs=1e-6)
    chosen = [[atoms.info["step"] for atoms in batch(run)] for run in (on_kokkos, plain)]
    assert chosen[0] == chosen[1]


def small_script(rich, tmp_path, style="pair_style almlip"):
    data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
    return lf.setup(data, rich["Si"], ["Si"], style) + "run 0\n"


def test_without_the_package_running_the_style_is_refused(lmp_run, rich, tmp_path):
    done = lmp_run(small_script(rich, tmp_path, "pair_style almlip/kk"), program=PLAIN, check=False)

    assert done.error.startswith("pair_style almlip/kk: LAMMPS runs without its package KOKKOS")


def test_newton_off_is_refused_with_what_to_add(lmp_run, rich, tmp_path):
    done = lmp_run(small_script(rich, tmp_path), program=kokkos(newton="off"), check=False)

    assert done.error.endswith("add -pk kokkos newton on neigh half to the command line")


def test_atoms_at_one_place_are_named(lmp_run, rich, tmp_path):
    atoms = lf.crystal()
    atoms.positions[6] = atoms.positions[3] + [0, 0, 1e-8]
    data = lf.write_data(tmp_path / "frame.data", atoms, ["Si"])
    script = lf.setup(data, rich["Si"], ["Si"]) + "run 0\n"
    done = lmp_run(script, program=kokkos(), check=False)

    assert re.search(r"atoms (4 and 7|7 and 4) are at the same place", done.error)


@pytest.mark.parametrize("ranks", [1, 3])
def test_atoms_without_neighbours_are_told(lmp_run, rich, tmp_path, ranks):
    script = lf.setup_with_atoms_alone(tmp_path, rich["Si Ge"]) + "run 0\n"
    run = lmp_run(script, ranks, program=kokkos())

    assert "WARNING: pair_style almlip: 2 atoms have no neighbour" in run.log


def test_device_yes_points_to_the_style(lmp_run, rich, tmp_path):
    script = small_script(rich, tmp_path, "suffix off\npair_style almlip device yes")
    done = lmp_run(script, program=kokkos(), check=False)

    assert "use pair_style almlip/kk" in done.error


def test_plugin_for_another_kokkos_is_refused_with_both(lmp_run, rich, tmp_path):
    """A plugin that was told, when it was compiled, of a Kokkos that there is not."""
    content = PLUGIN.read_bytes()
    built = re.search(
        rb"Kokkos \d\.\d\.\d+ \([A-Za-z ]+\) in (double|mixed|single) precision", content
    )
    other = re.sub(rb"Kokkos \d", b"Kokkos 9", built[0])
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / PLUGIN.name).write_bytes(content.replace(built[0], other))
    script = f"plugin load {folder / PLUGIN.name}\n" + small_script(rich, tmp_path)
    done = lmp_run(script, plugin=False, check=False, program=PLAIN)

    assert done.error.startswith(
        f"almlipplugin.so: built for a LAMMPS with {other.decode()}, "
        f"but this one has {built[0].decode()}; build ALMLIP for this LAMMPS"
    )
