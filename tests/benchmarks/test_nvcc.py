# SPDX-License-Identifier: GPL-2.0-or-later
"""nvcc compiles the device's kernels: where it is, and ALMLIP_CUDA_KOKKOS names the folder of a Kokkos built for CUDA."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KOKKOS = os.environ.get("ALMLIP_CUDA_KOKKOS")
pytestmark = [
    pytest.mark.skipif(not shutil.which("nvcc"), reason="no nvcc in PATH"),
    pytest.mark.skipif(not KOKKOS, reason="ALMLIP_CUDA_KOKKOS does not name a Kokkos for CUDA"),
]
sys.path.insert(0, str(ROOT / "benchmarks"))
import registers

SOURCES = ["committee_device", "committee_stages_shape_fast"]


def call(*command):
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_every_stage_compiles_and_tells_its_registers(tmp_path):
    off = [
        f"-DALMLIP_BUILD_{part}=OFF"
        for part in ("PLUGIN", "TRAINER", "PYTHON", "BENCHMARKS", "TESTS")
    ]
    on = ["-DALMLIP_DEVICE=ON", "-DALMLIP_DEVICE_REPORT=ON", "-DALMLIP_SHAPES=fast"]
    call("cmake", "-G", "Ninja", "-S", ROOT, "-B", tmp_path, f"-DKokkos_ROOT={KOKKOS}", *off, *on)
    objects = [f"src/device/CMakeFiles/almlip_device.dir/{name}.cpp.o" for name in SOURCES]
    found = registers.registers(call("ninja", "-C", tmp_path, *objects))
    registers.show(found)

    for stage in ("Gather", "Project", "Standardise", "ReverseInvariants", "PairForces", "Repel"):
        assert {precision for name, _, precision in found if name == stage} == {"mixed", "double"}
    # what spills goes through memory, and mixed precision is the default
    assert {
        stage
        for (stage, _, precision), (_, bytes_spilled) in found.items()
        if precision == "mixed" and bytes_spilled
    } == set()
