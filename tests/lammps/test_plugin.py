"""Claims about loading the plugin: the right LAMMPS, its own Kokkos, one file for LAMMPS's plugin path."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import SANITIZED
from random_potential import write_random_potential

PLUGIN = Path(os.environ["ALMLIP_PLUGIN"])
STYLES = PLUGIN.parent / "almlip_lammps.so"


@pytest.fixture
def script(silicon_cell, tmp_path):
    """script(load): input that runs one step with a random potential after the line `load`."""
    potential = write_random_potential(tmp_path / "random.almlip.json", ["Si"])

    def make(load=""):
        return f"{load}\nunits metal\nread_data {silicon_cell}\npair_style almlip\npair_coeff * * {potential} Si\nrun 1\n"

    return make


def copy_plugin(folder, *files):
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder)
    return folder / PLUGIN.name


def test_plugin_for_another_lammps_is_refused_with_both_versions(lmp_run, script):
    other = os.environ.get("ALMLIP_OTHER_PLUGIN")
    if not other:
        pytest.skip("no plugin for another LAMMPS was built (ALMLIP_OTHER_PLUGIN)")

    run = lmp_run(script(f"plugin load {other}"), plugin=False, check=False)

    assert run.status != 0
    date = r"\d+ [A-Z][a-z][a-z] \d{4}"
    versions = re.fullmatch(
        f"almlipplugin.so: built for LAMMPS ({date}), but this is LAMMPS ({date}); build ALMLIP .*",
        run.error,
    )
    assert versions and versions[1] != versions[2]
    assert f"LAMMPS ({versions[2]}" in run.log


def test_refusal_on_two_ranks_ends_both(lmp_run, script):
    other = os.environ.get("ALMLIP_OTHER_PLUGIN")
    if not other:
        pytest.skip("no plugin for another LAMMPS was built (ALMLIP_OTHER_PLUGIN)")

    run = lmp_run(script(f"plugin load {other}"), ranks=2, plugin=False, check=False)

    assert run.status != 0
    assert run.screen.count("built for LAMMPS") == 1


def test_missing_second_file_is_named(lmp_run, script, tmp_path):
    alone = copy_plugin(tmp_path / "alone", PLUGIN)

    run = lmp_run(script(f"plugin load {alone}"), plugin=False, check=False)

    assert run.status != 0
    assert run.error.endswith("keep almlipplugin.so and almlip_lammps.so in one folder")


def test_loading_from_the_plugin_path_needs_no_command(lmp_run, script, monkeypatch):
    monkeypatch.setenv("LAMMPS_PLUGIN_PATH", str(PLUGIN.parent))

    run = lmp_run(script(), plugin=False)

    assert f"Loaded 1 plugins from {PLUGIN.parent}" in run.screen
    assert run.thermo


def test_plugin_can_be_unloaded_and_loaded_again(lmp_run, script):
    again = f"clear\nplugin unload pair almlip\nplugin unload fix al_query\n{script(f'plugin load {PLUGIN}')}"

    run = lmp_run(script() + again)

    assert len(run.thermo) == 4  # two runs, first and last step
    assert run.thermo[0] == run.thermo[2]


def kokkos_symbols():
    """Names of all functions in the Kokkos library that the styles use."""
    linked = subprocess.run(["ldd", STYLES], capture_output=True, text=True, check=True).stdout
    [library] = re.findall(r"=> (\S*kokkoscore\S*)", linked)
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    return re.findall(r"^\S+ [TW] (\S*Kokkos[^\s@]*)$", listed, re.MULTILINE)


def library_of_traps(folder):
    """A shared library with every function of Kokkos, each of which kills the process: a foreign Kokkos at its worst."""
    names = kokkos_symbols()
    assert "_ZN6Kokkos14is_initializedEv" in names
    source = folder / "traps.c"
    source.write_text(
        "".join(
            f'void trap{k}(void) __asm__("{name}");\nvoid trap{k}(void) {{ __builtin_trap(); }}\n'
            for k, name in enumerate(names)
        )
    )
    library = folder / "libtraps.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def run_with_preloaded(library, lmp_run, script, monkeypatch, plugin):
    """Runs with the library before all others but sanitizers; `lmp` of a wheel is a Python script, which passes the preload on."""
    monkeypatch.setenv("LD_PRELOAD", f"{os.environ.get('LD_PRELOAD', '')}:{library}".lstrip(":"))
    return lmp_run(script(f"plugin load {plugin}"), plugin=False, check=False)


@pytest.mark.skipif(SANITIZED, reason="sanitizers allow no RTLD_DEEPBIND")
def test_foreign_kokkos_in_the_process_is_never_called(lmp_run, script, monkeypatch, tmp_path):
    undisturbed = lmp_run(script())

    run = run_with_preloaded(library_of_traps(tmp_path), lmp_run, script, monkeypatch, PLUGIN)

    assert run.status == 0, run.screen
    assert run.thermo == undisturbed.thermo


def test_traps_do_catch_a_plugin_that_is_not_isolated(lmp_run, script, monkeypatch, tmp_path):
    """Without this, the test above could pass because the traps are never seen."""
    plain = tmp_path / "plainplugin.so"
    source = tmp_path / "plain.c"
    source.write_text(
        "#include <dlfcn.h>\n"
        "void lammpsplugin_init(void *lmp, void *handle, void *regfunc) {\n"
        f'  void *styles = dlopen("{STYLES}", RTLD_NOW | RTLD_LOCAL);\n'
        '  ((void (*)(void *, void *, void *)) dlsym(styles, "almlip_register"))(lmp, handle, regfunc);\n'
        "}\n"
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", plain, source], check=True)

    run = run_with_preloaded(library_of_traps(tmp_path), lmp_run, script, monkeypatch, plain)

    assert run.status != 0
    assert not run.thermo
