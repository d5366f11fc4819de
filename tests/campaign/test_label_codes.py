# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels are those of the frame: against runs of the codes that were set up by hand."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from almlip.frames import read_frames, write_frames
from almlip.labels import cp2k
from almlip.labels.batch import label_batch, main, split_frames
from almlip.labels.labellers import make_labeller
from almlip.labels.structure import with_vacuum

PSEUDO_DIR = "/usr/share/espresso/pseudo"
RY = 13.605693  # eV
needs_pw = pytest.mark.skipif(
    shutil.which("pw.x") is None or not os.path.isfile(f"{PSEUDO_DIR}/Si.pbe-rrkj.UPF"),
    reason="pw.x or its pseudopotentials are not installed (Debian: quantum-espresso, "
    "quantum-espresso-data)",
)
needs_cp2k = pytest.mark.skipif(
    shutil.which("cp2k.psmp") is None or not os.path.isfile("/usr/share/cp2k/BASIS_MOLOPT"),
    reason="CP2K or its data are not installed (Debian: cp2k, cp2k-data)",
)


def label(settings, frames, cache):
    return label_batch(make_labeller(settings), frames, cache)


def aluminium_slab(box_edge, below, c_direction=(0.0, 0.0, 1.0)):
    """Two layers, open along z, somewhere in a box of any height and tilt."""
    slab = Atoms("Al2", positions=[[0.0, 0.0, 0.0], [1.43, 1.43, 2.1]])
    slab.cell = [[2.86, 0, 0], [0, 2.86, 0], np.array(c_direction) * box_edge]
    slab.pbc = (True, True, False)
    slab.positions[:, 2] += below
    return slab


ALUMINIUM = {
    "calculator": "espresso",
    "pseudopotentials": {"Al": "Al.pz-vbc.UPF"},
    "kpoints": {"grid": [2, 2, 2], "shift": [1, 1, 1]},
    "input_data": {
        "system": {"ecutwfc": 10, "occupations": "smearing", "degauss": 0.03},
        "electrons": {"conv_thr": 1e-8},
    },
    "vacuum": 6.0,
}


@needs_pw
def test_a_slab_has_one_label_however_large_its_box_was(tmp_path):
    tight = aluminium_slab(box_edge=2.1, below=0.0)  # boundary p p s
    wide = aluminium_slab(box_edge=30.0, below=11.0, c_direction=(0.0, 0.2, 1.0))  # p p f, tilted
    by_hand = aluminium_slab(box_edge=8.1, below=3.0)
    by_hand.pbc = True
    reference = {**ALUMINIUM, "kpoints": {"grid": [2, 2, 1], "shift": [1, 1, 0]}}

    labels = label(ALUMINIUM, [tight, wide], tmp_path)
    expected = label(reference, [by_hand], tmp_path)[0]
    assert labels[0]["key"] == labels[1]["key"] != expected["key"]
    # conv_thr 1e-8 Ry
    assert labels[0]["energy"] == pytest.approx(expected["energy"], abs=1e-6)
    assert labels[0]["forces"] == pytest.approx(np.array(expected["forces"]), abs=1e-4)
    virials = [
        atoms.get_stress() * atoms.get_volume()
        for atoms in split_frames([tight, wide, by_hand], [*labels, expected])[0]
    ]
    assert virials[0] == pytest.approx(virials[2], abs=1e-3)
    assert virials[1] == pytest.approx(virials[2], abs=1e-3)


@pytest.mark.parametrize("cell", [None, [5.0, 5.0, 5.0], [[9, 0, 0], [3, 8, 0], [1, 1, 7]]])
def test_vacuum_changes_neither_energy_nor_forces(cell):
    water = molecule("H2O", cell=cell)
    closed = with_vacuum(water, 9.0)
    for atoms in (water, closed):
        atoms.calc = EMT()
    assert closed.get_potential_energy() == pytest.approx(water.get_potential_energy(), abs=1e-8)
    assert closed.get_forces() == pytest.approx(water.get_forces(), abs=1e-8)
    extent = np.ptp(water.positions, axis=0)
    assert closed.cell.lengths() == pytest.approx(extent + 9.0)


def test_a_wire_keeps_its_period_and_its_hand():
    wire = Atoms(
        "Al2", positions=[[0, 0, 0], [0.3, 1.0, 1.4]], cell=[[9, 1, 0], [0, 9, 0], [0, 0, 2.8]]
    )
    wire.pbc = (False, False, True)
    closed = with_vacuum(wire, 8.0)
    assert closed.cell[2] == pytest.approx(wire.cell[2])
    assert np.linalg.det(closed.cell) > 0
    for atoms in (wire, closed):
        atoms.calc = EMT()
    assert closed.get_potential_energy() == pytest.approx(wire.get_potential_energy(), abs=1e-8)


IRON = {
    "calculator": "espresso",
    "pseudopotentials": {"Fe": "Fe.pbe-nd-rrkjus.UPF"},
    "kpoints": {"grid": [2, 2, 2], "shift": [1, 1, 1]},
    "input_data": {
        "SYSTEM": {
            "ecutwfc": 20,
            "ecutrho": 160,
            "occupations": "smearing",
            "smearing": "mv",
            "degauss": 0.03,
            "nspin": 2,
            "starting_magnetization(1)": 0.4,
        },
        "electrons": {"conv_thr": 1e-6, "mixing_beta": 0.3},
    },
}
IRON_BY_HAND = f"""&control calculation='scf', pseudo_dir='{PSEUDO_DIR}', outdir='./', disk_io='none' /
&system ibrav=0, nat=1, ntyp=1, ecutwfc=20, ecutrho=160, occupations='smearing', smearing='mv',
 degauss=0.03, nspin=2, starting_magnetization(1)=0.4 /
&electrons conv_thr=1e-6, mixing_beta=0.3 /
ATOMIC_SPECIES
Fe 55.845 Fe.pbe-nd-rrkjus.UPF
CELL_PARAMETERS angstrom
-1.43 1.43 1.43
1.43 -1.43 1.43
1.43 1.43 -1.43
ATOMIC_POSITIONS angstrom
Fe 0 0 0
K_POINTS automatic
2 2 2 1 1 1
"""


@needs_pw
def test_iron_is_as_magnetic_as_its_input_says(tmp_path):
    (tmp_path / "pw.in").write_text(IRON_BY_HAND)
    command = ["pw.x", "-in", "pw.in"]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    by_hand = float(re.search(r"^!.*=\s+(\S+) Ry", text, re.MULTILINE)[1]) * RY
    magnetic = bulk("Fe", "bcc", 2.86)
    magnetic.set_initial_magnetic_moments(None)  # ASE gives iron some
    flat = magnetic.copy()
    flat.set_initial_magnetic_moments([1e-9])
    results = label(IRON, [magnetic, flat], tmp_path / "labels")

    assert results[0]["energy"] == pytest.approx(by_hand, abs=1e-4)  # conv_thr 1e-6 Ry
    assert results[0]["key"] != results[1]["key"]
    assert results[1]["energy"] - results[0]["energy"] > 0.1  # not that of the magnetic one


@needs_pw
def test_moments_make_species_and_numbers_of_species_follow(tmp_path):
    settings = json.loads(json.dumps(IRON))
    settings["pseudopotentials"] = {"O": "O.pbe-rrkjus.UPF", **IRON["pseudopotentials"]}
    settings["input_data"]["SYSTEM"] |= {"starting_magnetization(2)": 0.3, "Hubbard_U(2)": 4.0}
    iron = bulk("Fe", "bcc", 2.86, cubic=True)
    iron.set_initial_magnetic_moments(None)  # ASE gives iron some
    plain = make_labeller(settings).write_input(iron)
    iron.set_initial_magnetic_moments([2.0, -2.0])
    iron.info["charge"] = 1
    text = make_labeller(settings).write_input(iron)

    assert "starting_magnetization(1) = 0.3" in plain  # of Fe, which is the only one here
    assert "hubbard_u(1)     = 4.0" in plain
    # z_valence of this UPF file is 8
    assert "starting_magnetization(1) = 0.25" in text
    assert "starting_magnetization(2) = -0.25" in text
    assert "hubbard_u(2)     = 4.0" in text
    assert "tot_charge       = 1.0" in text
    assert re.search(r"^Fe 0\.0 0\.0 0\.0\nFe1 1\.43", text, re.MULTILINE)


def test_key_holds_what_the_result_depends_on(tmp_path):
    pseudo = tmp_path / "pseudo"
    pseudo.mkdir()
    (pseudo / "Fe.UPF").write_text("one")
    settings = {**IRON, "pseudopotentials": {"Fe": "Fe.UPF"}, "pseudo_dir": str(pseudo)}
    settings |= {"command": "sh", "version": "7.3"}

    def identity(**changes):
        return json.dumps(make_labeller({**settings, **changes}).identity(), sort_keys=True)

    data = make_labeller(settings).identity()
    assert json.loads(json.dumps(data)) == data  # so that a stored one can be compared
    first = identity()
    assert first == identity(max_force=1.0, timeout=1.0, workers=3, launcher="mpirun -n 4")
    assert first != identity(version="7.4")
    assert first != identity(kpoints={"grid": [3, 3, 3]})
    (pseudo / "Fe.UPF").write_text("two")
    assert first != identity()


CP2K_INPUT = """
&GLOBAL
&END
&FORCE_EVAL
  METHOD Quickstep
  &DFT
    BASIS_SET_FILE_NAME BASIS_MOLOPT   ! from the data of CP2K
    POTENTIAL_FILE_NAME GTH_POTENTIALS
    &MGRID
      CUTOFF 280
      REL_CUTOFF 30
    &END MGRID
    &SCF
      MAX_SCF 40
      EPS_SCF 1.0E-7
    &END SCF
    &XC
      &XC_FUNCTIONAL PBE
      &END XC_FUNCTIONAL
    &END XC
  &END DFT
  &SUBSYS
    &KIND H
      BASIS_SET DZVP-MOLOPT-SR-GTH
      POTENTIAL GTH-PBE-q1
    &END KIND
  &END SUBSYS
&END FORCE_EVAL
"""


def hydrogen(stretch=0.0):
    return Atoms("H2", positions=[[0.0, 0.0, 0.0], [0.0, 0.0, 0.85 + stretch]])


@needs_cp2k
def test_cp2k_forces_are_the_slope_of_its_energy(tmp_path):
    (tmp_path / "h.inp").write_text(CP2K_INPUT)
    settings = {"calculator": "cp2k", "input": "h.inp", "folder": str(tmp_path), "vacuum": 5.0}
    settings |= {"min_distance": 0.5}
    h = 0.02
    frames = [hydrogen(), hydrogen(h), hydrogen(-h)]
    for atoms in frames:  # one cell, so that grids do not differ
        atoms.cell, atoms.pbc = [5.0, 5.0, 6.0], True
    middle, plus, minus = label(settings, frames, tmp_path / "labels")
    slope = (plus["energy"] - minus["energy"]) / (2 * h)
    assert middle["forces"][1][2] == pytest.approx(-slope, rel=0.03)  # egg-box of 280 Ry
    assert abs(slope) > 0.5
    assert middle["code"] == "cp2k 2023.1"

    unconverged = CP2K_INPUT.replace("MAX_SCF 40", "MAX_SCF 2")
    (tmp_path / "h.inp").write_text(unconverged)
    result = label(settings, frames[:1], tmp_path / "labels")[0]
    assert result["verdict"] == "scf_not_converged"  # although CP2K ends with 0


def test_cp2k_moments_make_kinds(tmp_path):
    (tmp_path / "h.inp").write_text(CP2K_INPUT)
    pair = hydrogen()
    pair.set_initial_magnetic_moments([1.0, -1.0])
    pair.info["charge"] = -1
    labeller = make_labeller({"calculator": "cp2k", "input": "h.inp", "folder": str(tmp_path)})
    text = labeller.write_input(with_vacuum(pair, 5.0))
    for line in ("&KIND H1", "MAGNETIZATION -1.0", "ELEMENT H", "UKS T", "CHARGE -1"):
        assert line in text
    assert text.count("&KIND") == 2
    assert re.search(r"^ *H1 ", text, re.MULTILINE)


CP2K_OUTPUTS = {
    "2023": """
  *** SCF run converged in    10 steps ***
 ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:               -1.125000000000000
 ATOMIC FORCES in [a.u.]
 # Atom   Kind   Element          X              Y              Z
      1      1      H           0.00000000     0.10000000    -0.20000000
      2      1      H           0.00000000    -0.10000000     0.20000000
 SUM OF ATOMIC FORCES           0.00000000     0.00000000     0.00000000     0.00000000
""",
    "2025": """
  *** SCF run converged in    10 steps ***
 ENERGY| Total FORCE_EVAL ( QS ) energy [hartree]             -1.125000000000000
 FORCES| Atomic forces [hartree/bohr]
 FORCES|   Atom     x               y               z               |f|
 FORCES|      1  0.00000000E+00  1.00000000E-01 -2.00000000E-01   2.23606798E-01
 FORCES|      2  0.00000000E+00 -1.00000000E-01  2.00000000E-01   2.23606798E-01
 FORCES| Sum     0.00000000E+00  0.00000000E+00  0.00000000E+00   0.00000000E+00
""",
}
STRESS = """ STRESS| Analytical stress tensor [GPa]
 STRESS|                        x                   y                   z
 STRESS|      x        1.00000000000E+00   4.00000000000E+00   5.00000000000E+00
 STRESS|      y        4.00000000000E+00   2.00000000000E+00   6.00000000000E+00
 STRESS|      z        5.00000000000E+00   6.00000000000E+00   3.00000000000E+00
"""


@pytest.mark.parametrize("year", CP2K_OUTPUTS)
def test_outputs_of_old_and_new_cp2k_are_read(year):
    results = cp2k.read_results(CP2K_OUTPUTS[year] + STRESS, num_atoms=2)
    hartree, bohr, gpa = 27.2113845, 0.52917721, 160.21766  # eV, Angstrom, GPa in eV/Angstrom^3
    assert results["energy"] == pytest.approx(-1.125 * hartree, rel=1e-7)
    expected = np.array([[0, 0.1, -0.2], [0, -0.1, 0.2]]) * hartree / bohr
    assert results["forces"] == pytest.approx(expected, rel=1e-7)
    # CP2K's is positive when compressed; Voigt order xx yy zz yz xz xy
    assert results["stress"] == pytest.approx(-np.array([1, 2, 3, 6, 5, 4]) / gpa, rel=1e-6)


FAKE_VASP = """
import re, sys
from ase.io import read
from ase.calculators.emt import EMT
incar = open("INCAR").read()
nelm = int(re.search(r"NELM = (\\d+)", incar)[1])
atoms = read("POSCAR")
atoms.calc = EMT()
energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(False)
steps = min(nelm, 9)
with open("OUTCAR", "w") as out:
    out.write(" vasp.6.4.2 20Jul23 (build Nov 28 2026) complex\\n\\n")
    for n in range(1, steps + 1):
        out.write(f"--------------------------------------- Iteration      1({n:4d})  ----------\\n")
        out.write(f" total energy-change (2. order) :-0.{n}000000E-0{n % 9}  (-0.1000000E-0{n % 9})\\n")
    reached = "because EDIFF is reached" if nelm > 9 else "EDIFF was not reached (unconverged)"
    if nelm > 9 or "OLD" not in incar:
        out.write(f"------------------------ aborting loop {reached} ----------------\\n")
    out.write(" General timing and accounting informations for this job:\\n")
row = lambda v: "<v>" + " ".join(f"{x:.8f}" for x in v) + "</v>"
rows = lambda name, m: f'<varray name="{name}">' + "".join(map(row, m)) + "</varray>"
kbar = -stress * 1602.1766208
structure = "<crystal>" + rows("basis", atoms.cell) + f'<i name="volume">{atoms.get_volume()}</i></crystal>'
structure += rows("positions", atoms.get_scaled_positions())
numbers = "".join(f'<i name="{k}">{energy:.8f}</i>' for k in ("e_fr_energy", "e_wo_entrp", "e_0_energy"))
step = f"<scstep><energy>{numbers}</energy></scstep>"
kinds = "".join(f"<rc><c>{s}</c><c>1</c></rc>" for s in atoms.symbols)
open("vasprun.xml", "w").write(
    '<modeling><kpoints><varray name="kpointlist"><v>0 0 0</v></varray>'
    '<varray name="weights"><v>1</v></varray></kpoints>'
    f'<atominfo><array name="atoms"><set>{kinds}</set></array></atominfo>'
    f'<structure name="initialpos">{structure}</structure><calculation>{step * steps}'
    f"<structure>{structure}</structure>{rows('forces', forces)}{rows('stress', kbar)}"
    f"<energy>{numbers}</energy></calculation></modeling>"
)
"""


@pytest.fixture
def vasp(tmp_path, make_program):
    program = make_program("vasp_std", FAKE_VASP)
    for element in ("Cu", "Au"):
        folder = tmp_path / "potcars/potpaw_PBE" / element
        folder.mkdir(parents=True)
        (folder / "POTCAR").write_text(f"  PAW_PBE {element} stand-in\n")

    def settings(**parameters):
        return {
            "calculator": "vasp",
            "command": str(program),
            "potcars": str(tmp_path / "potcars"),
            "parameters": {"xc": "PBE", "encut": 300, "nelm": 60, **parameters},
        }

    return settings


def gold_and_copper():
    atoms = bulk("Cu", cubic=True)
    atoms.symbols = ["Au", "Cu", "Au", "Cu"]  # VASP wants them sorted
    atoms.rattle(0.1, seed=3)
    return atoms


def test_vasp_results_come_back_in_the_order_of_the_frame(tmp_path, vasp):
    atoms = gold_and_copper()
    result = label(vasp(), [atoms], tmp_path / "labels")[0]
    atoms.calc = EMT()
    assert result["verdict"] == "ok", result["reason"]
    assert result["code"] == "VASP 6.4.2"
    assert result["energy"] == pytest.approx(atoms.get_potential_energy(), abs=1e-7)
    assert np.array(result["forces"]) == pytest.approx(atoms.get_forces(), abs=1e-6)
    assert result["stress"] == pytest.approx(atoms.get_stress(), abs=1e-6)


@pytest.mark.parametrize("system", ["new", "OLD"])  # VASP 5 says nothing when it stops at NELM
def test_vasp_that_stopped_at_nelm_is_not_converged(tmp_path, vasp, system):
    result = label(vasp(nelm=5, system=system), [gold_and_copper()], tmp_path / "labels")[0]
    assert result["verdict"] == "scf_not_converged"
    assert result["reason"] == "VASP stopped after 5 electronic steps"


def test_a_potcar_is_part_of_the_key(tmp_path, vasp):
    frames = [gold_and_copper()]
    label(vasp(), frames, tmp_path / "labels")
    assert label(vasp(), frames, tmp_path / "labels")[0]["cached"]
    (tmp_path / "potcars/potpaw_PBE/Au/POTCAR").write_text("  PAW_PBE Au of another year\n")
    assert not label(vasp(), frames, tmp_path / "labels")[0]["cached"]


MODEL = """
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones

class Bare(Calculator):
    implemented_properties = ["energy", "forces"]

    def __init__(self, weights):
        super().__init__()
        self.scale = float(open(weights).read())

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        inner = self.atoms.copy()
        inner.calc = LennardJones(epsilon=self.scale, rc=6.0)
        self.results = {"energy": inner.get_potential_energy(), "forces": inner.get_forces()}

class Unsure(Bare):
    converged = False
"""


def test_a_calculator_of_ones_own_with_relative_files_and_the_default_cache(
    tmp_path, monkeypatch, write_json, capsys
):
    (tmp_path / "mine.py").write_text(MODEL)
    (tmp_path / "weights.txt").write_text("0.02")
    settings = {"calculator": "ase", "name": "mine:Bare", "parameters": {"weights": "weights.txt"}}
    write_json("label.json", settings)
    dimer = Atoms("Ar2", positions=[[0, 0, 0], [0, 0, 1.2]])
    write_frames(tmp_path / "batch.extxyz", [dimer])
    monkeypatch.chdir(tmp_path)
    command = ["batch.extxyz", "-o", "out.extxyz", "--labeller", "label.json"]

    assert main(command) == 0
    frame = read_frames("out.extxyz")[0]
    # 4 epsilon (r^-12 - r^-6), shifted to 0 at rc
    expected = 4 * 0.02 * ((1.2**-12 - 1.2**-6) - (6.0**-12 - 6.0**-6))
    assert frame.get_potential_energy() == pytest.approx(expected, abs=1e-8)
    assert "stress" not in frame.calc.results
    assert "1 from the cache" not in capsys.readouterr().out
    assert main(command) == 0
    assert "1 from the cache" in capsys.readouterr().out
    (tmp_path / "weights.txt").write_text("0.03")
    assert main(command) == 0
    assert "0 from the cache" in capsys.readouterr().out


@pytest.mark.parametrize(
    "settings, verdict, status",
    [
        ({"name": "mine:Unsure"}, "scf_not_converged", 0),
        ({"name": "mine:Bare", "parameters": {"weights": "no.txt"}}, "crashed", 1),
    ],
)
def test_all_failed_is_an_error_with_the_reason_if_it_is_not_the_frames(
    tmp_path, write_json, capsys, settings, verdict, status
):
    (tmp_path / "mine.py").write_text(MODEL)
    (tmp_path / "weights.txt").write_text("0.02")
    given = {"calculator": "ase", "parameters": {"weights": "weights.txt"}, **settings}
    path = write_json("label.json", given)
    write_frames(tmp_path / "batch.extxyz", [Atoms("Ar2", positions=[[0, 0, 0], [0, 0, 1.2]])])
    output = tmp_path / "out.extxyz"
    command = [tmp_path / "batch.extxyz", "-o", output, "--labeller", path]

    assert main([str(word) for word in command]) == status
    report = json.loads((tmp_path / "out.report.json").read_text())
    assert report["verdicts"] == {verdict: 1}
    if status:
        assert "no.txt" in next(iter(report["reasons"]))
        assert "almlip: not one of 1 structures was labelled; 1 times: " in capsys.readouterr().err


def test_a_command_that_reads_and_writes_frames(tmp_path, make_program):
    program = make_program(
        "label",
        "import sys\nfrom ase.io import read, write\nfrom ase.calculators.emt import EMT\n"
        "atoms = read(sys.argv[1])\natoms.calc = EMT()\natoms.get_forces()\natoms.get_stress()\n"
        "write(sys.argv[2], atoms)\n",
    )
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    settings = {"calculator": "command", "command": str(program)}
    result = label(settings, [atoms], tmp_path / "labels")[0]
    atoms.calc = EMT()
    assert result["verdict"] == "ok", result["reason"]
    assert result["energy"] == pytest.approx(atoms.get_potential_energy(), abs=1e-7)
    assert np.array(result["forces"]) == pytest.approx(atoms.get_forces(), abs=1e-7)


def test_a_script_beside_the_settings_is_found_and_equal_failures_are_counted(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "fail.py").write_text("import sys\nsys.exit(open('absent.txt').read())\n")
    settings = f"calculator: command\ncommand: {sys.executable} fail.py\n"
    (tmp_path / "label.yaml").write_text(settings)
    frames = [bulk("Cu", cubic=True), bulk("Al", cubic=True)]
    write_frames(tmp_path / "batch.extxyz", frames)
    monkeypatch.chdir(tmp_path.parent)
    names = [tmp_path / "batch.extxyz", "-o", tmp_path / "out.extxyz"]
    command = [*names, "--labeller", tmp_path / "label.yaml"]
    assert main([str(word) for word in command]) == 1
    assert "2 times: " in (text := capsys.readouterr().err)
    assert "No such file or directory: 'absent.txt'" in text


@pytest.mark.parametrize(
    "settings",
    [{"command": "mpirun -n 4 {}"}, {"command": "{}", "launcher": "mpirun -n 4"}],
)
def test_a_launcher_starts_the_program(tmp_path, make_program, monkeypatch, settings):
    make_program("mpirun", f'printf "%s " "$@" > {tmp_path}/words\nshift 2\nexec "$@"\n', "/bin/sh")
    program = make_program("pw.x", "kill -SEGV $$\n", "/bin/sh")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    given = {**settings, "command": settings["command"].format(program), "calculator": "command"}
    result = label(given, [bulk("Cu", cubic=True)], tmp_path / "labels")[0]
    assert (tmp_path / "words").read_text().startswith(f"-n 4 {program}")
    assert result["verdict"] == "crashed"


@pytest.mark.parametrize(
    "said",
    [
        "Program PWSCF v.7\nProgram PWSCF v.7",
        "Error in routine mp_start_pools (1):\n     invalid number of pools, out of range",  # 6.7
    ],
)
def test_copies_that_do_not_know_of_each_other_are_no_label(tmp_path, make_program, said):
    program = make_program("pw.x", f'echo "{said}"\n', "/bin/sh")
    pseudo = tmp_path / "Si.UPF"
    pseudo.write_text("stand-in")
    settings = {**ALUMINIUM, "pseudopotentials": {"Si": "Si.UPF"}, "pseudo_dir": str(tmp_path)}
    settings |= {"command": str(program)}
    result = label(settings, [bulk("Si")], tmp_path / "labels")[0]
    assert result["verdict"] == "crashed"
    assert "belongs to another MPI" in result["reason"]


def test_lennard_jones_needs_no_free_energy(tmp_path):
    solid = bulk("Ar", "fcc", 1.6, cubic=True)
    settings = {"calculator": "ase", "name": "ase.calculators.lj:LennardJones"}
    result = label(settings, [solid], tmp_path)[0]
    solid.calc = LennardJones()
    assert result["energy"] == pytest.approx(solid.get_potential_energy(), abs=1e-8)
