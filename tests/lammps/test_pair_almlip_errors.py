# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wrong use of `pair_style almlip` is one clear error, in a real LAMMPS."""

import re

import pytest

import lammps_frames as lf

ERRORS = {
    "unknown argument": (
        "pair_style almlip fast",
        "unknown argument fast; allowed are: precision double|mixed, isolated model|zero, device yes|no|auto",
    ),
    "precision": (
        "pair_style almlip precision single",
        "precision is single, but it must be double or mixed",
    ),
    "missing file": (
        "pair_coeff * * missing.json Si Ge",
        "cannot read missing.json: not in the current folder nor in those of LAMMPS_POTENTIALS, or it is empty or cannot be read",
    ),
    "missing file, but one of its name among the potentials": (
        "pair_coeff * * missing/Si.almlip.json Si Si",
        "cannot read missing/Si.almlip.json: no such file, or it is empty or cannot be read",
    ),
    "file that cannot be read": (
        "pair_coeff * * /proc/self/mem Si Ge",
        "cannot read /proc/self/mem: no such file, or it is empty or cannot be read",
    ),
    "words": (
        "pair_coeff * * {SiGe} Si",
        "pair_coeff needs * * FILE and one element or NULL for each of the 2 atom types, but it has 4 words",
    ),
    "element": (
        "pair_coeff * * {SiGe} Si Zr",
        "{SiGe} has no element Zr (it has Si, Ge); retrain with Zr or map type 2 to NULL",
    ),
    "element in lower case": (
        "pair_coeff * * {SiGe} si Ge",
        "{SiGe} has no element si (it has Si, Ge); did you mean Si? Write it so, or map type 1 to NULL",
    ),
    "no element": (
        "pair_coeff * * {SiGe} Si xx",
        "{SiGe} has no element xx (it has Si, Ge); there is no element xx, correct the name or map type 2 to NULL",
    ),
    "folder": (
        "shell mkdir d\npair_coeff * * ./d Si Ge",
        "./d is a folder; name the potential file in it",
    ),
    "exclusions": (
        "pair_coeff * * {SiGe} Si Ge\nneigh_modify exclude type 1 2\nrun 0",
        "neigh_modify exclude takes pairs out of the neighbour lists, which changes the energies of their atoms by electron volts; do without it, or, where excluded atoms are to count as absent as in fix gcmc, use pair_style almlip isolated zero",
    ),
    "null": (
        "pair_coeff * * {SiGe} Si NULL",
        "atom type 2 is NULL, which needs pair_style hybrid or hybrid/overlay",
    ),
    "all null": (
        "pair_style hybrid almlip zero 5.0\npair_coeff * * almlip {SiGe} NULL NULL",
        "all atom types are NULL; name the element of at least one",
    ),
    "newton": (
        "pair_coeff * * {SiGe} Si Ge\nrun 0",
        "newton is off for pairs; add the command newton on",
    ),
    "one member": (
        "pair_coeff * * {Si of 1} Si Si\nfix s all pair 1 almlip sigma 1\nrun 0",
        "sigma was asked for, but the potential has one member; train a committee of 2 or more",
    ),
    "more members without setup": (
        "pair_coeff * * {Si} Si Si\nrun 0\npair_coeff * * {Si of 7} Si Si\nrun 1 pre no",
        (
            "pair_coeff changed the cutoff or the number of members; "
            'start the next run without "pre no"'
        ),
    ),
    "units": (
        "pair_coeff * * {SiGe} Si Ge",
        "units are lj, but a potential in eV and Angstrom needs real units, such as metal",
    ),
    "descriptors": (
        "fix s all pair 1 almlip descriptor 1",
        "the number of descriptors is known after pair_coeff; put pair_coeff before what reads them",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error_says_what_is_wrong_and_what_to_do(potentials, lmp_run, tmp_path, case):
    commands, message = ERRORS[case]
    data = lf.write_data(tmp_path / "frame.data", lf.silicon_germanium(), ["Si", "Ge"])
    script = (
        f"units {'lj' if case == 'units' else 'metal'}\nnewton {'off' if case == 'newton' else 'on'}\n"
        f"box tilt large\nread_data {data}\npair_style almlip\n{commands.format(**potentials)}\n"
    )
    done = lmp_run(script, ranks=2, check=False)

    assert done.status != 0
    assert done.error == "pair_style almlip: " + message.format(**potentials)


def test_truncated_file_is_an_error_that_names_it(potentials, lmp_run, tmp_path):
    half = tmp_path / "half.json"
    half.write_text(potentials["Si"].read_text()[:1000])
    data = lf.write_data(tmp_path / "frame.data", lf.crystal(), ["Si"])
    done = lmp_run(lf.setup(data, half, ["Si"]), check=False)

    assert done.error.startswith(f"pair_style almlip: {half}: this is not a complete JSON file")


def test_masses_of_other_elements_are_a_warning(potentials, lmp_run, tmp_path):
    data = lf.write_data(tmp_path / "frame.data", lf.silicon_germanium(), ["Si", "Ge"])
    right = lmp_run(lf.setup(data, potentials["SiGe"], ["Si", "Ge"]) + "run 0\n")
    swapped = lmp_run(lf.setup(data, potentials["SiGe"], ["Ge", "Si"]) + "run 0\nrun 0\n")

    assert "with a mass of" not in right.log
    told = "atom type 1 is Ge with a mass of 28.09, but its mass is 72.63; check the order of the elements in pair_coeff"
    assert swapped.log.count(told) == 1


def test_bonded_pairs_that_lammps_leaves_out_are_an_error(potentials, lmp_run):
    bonded = f"""units metal
atom_style bond
region box block 0 10 0 10 0 10
create_box 1 box bond/types 1 extra/bond/per/atom 1 extra/special/per/atom 2
create_atoms 1 single 1 1 1
create_atoms 1 single 3 1 1
mass 1 28.0855
bond_style zero
bond_coeff 1
create_bonds single/bond 1 1 2
pair_style almlip
pair_coeff * * {potentials["Si"]} Si
"""
    refused = lmp_run(bonded + "run 0", check=False)
    assert "special_bonds takes pairs of atoms that are 1 bonds apart out" in refused.error

    plain = bonded.replace("atom_style bond", "atom_style atomic")
    plain = re.sub("bond_style.*\n|bond_coeff.*\n|create_bonds.*\n| bond/types.*", "", plain)
    energies = [
        lmp_run(script + "thermo_modify format float %.10g\nrun 0").thermo[0]["E_pair"]
        for script in (bonded + "special_bonds lj/coul 1e-100 1e-100 1e-100\n", plain)
    ]
    assert energies[0] == pytest.approx(energies[1], rel=1e-9)


@pytest.mark.parametrize("ranks", [1, 2])
def test_atoms_at_one_place_are_named(lmp_run, potentials, tmp_path, ranks):
    atoms = lf.crystal()
    atoms.append(atoms[6])
    atoms.positions[-1] += 1e-9  # Angstrom: what rounding may leave of a copy
    data = lf.write_data(tmp_path / "frame.data", atoms, ["Si"])

    run = lmp_run(lf.setup(data, potentials["Si"], ["Si"]) + "run 0\n", ranks, check=False)

    assert run.status != 0
    assert re.match(
        f"pair_style almlip: atoms (7 and {len(atoms)}|{len(atoms)} and 7) are at the same place, "
        ".* delete_atoms overlap",
        run.error,
    )


# The command and LAMMPS share the model; neighbours, ghosts, communication and input are their own.
