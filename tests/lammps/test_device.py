# SPDX-License-Identifier: GPL-2.0-or-later
"""`pair_style almlip device` in a stock LAMMPS: the same results as on the CPU, whatever the device and the ranks."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import lammps_frames as lf

PLUGIN = Path(os.environ["ALMLIP_PLUGIN"])
HAS_DEVICE_LIBRARY = (PLUGIN.parent / "almlip_device.so").exists()
with_device = pytest.mark.skipif(
    not HAS_DEVICE_LIBRARY, reason="ALMLIP was built without ALMLIP_DEVICE"
)
CHOICE = "pair_style almlip: computing on "


def choice(log):
    """What the pair style says it computes on, one line for each potential that was read."""
    return [line[len(CHOICE) :] for line in log.splitlines() if line.startswith(CHOICE)]


@pytest.fixture
def run(lmp_run, potentials, tmp_path):
    """run(style, ranks, steps): molecular dynamics with lists that are made again, sigma on the way, all outputs at the end."""

    def run(style, ranks=1, steps=40):
        data = lf.write_data(tmp_path / "frame.data", lf.silicon_germanium(), ["Si", "Ge"])
        script = lf.setup(data, potentials["SiGe"], ["Si", "Ge"], style=style)
        script += f"""unfix sig
compute unc all pair almlip
compute e all pe/atom pair
compute s all stress/atom NULL pair
compute c all centroid/stress/atom NULL pair
fix x all pair 5 almlip sigma 1 novelty 1 descriptor 1
velocity all create 600 1 loop geom
fix move all nve
neighbor 0.3 bin
neigh_modify every 1 delay 0 check yes
thermo 10
thermo_style custom step pe pxx pyy pzz pxy pxz pyz c_unc[1] c_unc[2] c_unc[3] c_unc[4] c_unc[8]
thermo_modify format float %.14g
dump d all custom {steps} end.*.dump id fx fy fz c_e c_s[*] c_c[*] f_x[*]
dump_modify d sort id format float %.14g
run {steps}
"""
        done = lmp_run(script, ranks)
        return done, np.loadtxt(done.folder / f"end.{steps}.dump", skiprows=9)

    return run


def assert_same(got, expected, tolerance):
    """Thermo output and per-atom values agree, relative to the largest of a column plus 1."""
    for mine, theirs in zip(map(tables, got), map(tables, expected)):
        assert mine.shape == theirs.shape and len(theirs) > 2
        scale = abs(theirs).max(axis=0) + 1.0
        assert (abs(mine - theirs) / scale).max() < tolerance


def tables(result):
    """Rows of numbers, of a run or a dump."""
    return (
        np.array([list(row.values()) for row in result.thermo])
        if hasattr(result, "thermo")
        else result
    )


# Trajectories of 40 steps: differences by the order of sums have grown a thousandfold.
@with_device
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_device_gives_what_the_cpu_gives(run, ranks):
    on_cpu = run("pair_style almlip device no")
    on_device = run("pair_style almlip device yes", ranks)

    assert_same(on_device, on_cpu, 1e-7)
    assert len(choice(on_device[0].log)) == 1
    assert choice(on_cpu[0].log) == []


@with_device
def test_device_gives_what_the_cpu_gives_in_mixed_precision(run):
    on_cpu = run("pair_style almlip precision mixed device no", steps=30)
    on_device = run("pair_style almlip precision mixed device yes", steps=30)

    assert_same(on_device, on_cpu, 2e-3)


@with_device
def test_neighbour_lists_were_made_again_on_the_way(run):
    assert (
        int(
            run("pair_style almlip device yes")[0]
            .log.split("Neighbor list builds = ")[1]
            .split()[0]
        )
        > 1
    )


@with_device
def test_energies_of_isolated_atoms_come_from_the_device_too(run):
    on_cpu = run("pair_style almlip isolated zero")
    on_device = run("pair_style almlip isolated zero device yes")

    assert_same(on_device, on_cpu, 1e-7)


def test_auto_says_what_it_uses_and_computes(run):
    automatic = run("pair_style almlip device auto", ranks=2)

    assert len(choice(automatic[0].log)) == 1
    assert_same(automatic, run("pair_style almlip"), 1e-7)


@pytest.fixture
def plugin_without_device(tmp_path, monkeypatch):
    folder = tmp_path / "plugin"
    folder.mkdir()
    for file in (PLUGIN, PLUGIN.parent / "almlip_lammps.so"):
        shutil.copy(file, folder)
    monkeypatch.setenv("ALMLIP_PLUGIN", str(folder / PLUGIN.name))


def script(potentials, tmp_path, style):
    data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
    return lf.setup(data, potentials["Si"], ["Si"], style=style) + "run 0\n"


@pytest.mark.parametrize("ranks", [1, 2])
def test_plugin_without_its_device_part_refuses_yes(
    plugin_without_device, lmp_run, potentials, tmp_path, ranks
):
    done = lmp_run(script(potentials, tmp_path, "pair_style almlip device yes"), ranks, check=False)

    assert done.status != 0
    assert "pair_style almlip device: this ALMLIP was not built for devices" in done.error
    assert "build it with -DALMLIP_DEVICE=ON" in done.error


def test_plugin_without_its_device_part_falls_back_with_auto(
    plugin_without_device, lmp_run, potentials, tmp_path
):
    done = lmp_run(script(potentials, tmp_path, "pair_style almlip device auto"))

    [line] = choice(done.log)
    assert line.startswith("the CPU: this ALMLIP was not built for devices")


@pytest.mark.usefixtures("plugin_without_device")
def test_device_part_that_cannot_be_loaded_is_told_with_the_reason(lmp_run, potentials, tmp_path):
    (tmp_path / "plugin" / "almlip_device.so").write_text("no library")

    refused = lmp_run(script(potentials, tmp_path, "pair_style almlip device yes"), check=False)
    automatic = lmp_run(script(potentials, tmp_path, "pair_style almlip device auto"))

    for line in (refused.error, *choice(automatic.log)):
        assert "the part for devices cannot be loaded (" in line
        assert "almlip_device.so: file too short)" in line


def test_other_values_are_an_error(lmp_run, potentials, tmp_path):
    done = lmp_run(script(potentials, tmp_path, "pair_style almlip device gpu"), check=False)

    assert done.error.endswith("device is gpu, but it must be no or yes or auto")
