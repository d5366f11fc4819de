# SPDX-License-Identifier: GPL-2.0-or-later
"""OUTCAR and vasprun.xml with the numbers of given frames, in VASP's layout."""

import numpy as np
from ase import units

KBAR = 0.1 * units.GPa
MOST_ITERATIONS = 6


def outcar(frames, iterations, zero_smearing):
    """Text of an OUTCAR; the energies of the frames are the free energies.

    iterations     electronic ones of each step
    zero_smearing  eV, what the energy extrapolated to zero smearing is above the free energy
    """
    symbol, count = frames[0].get_chemical_symbols()[0], len(frames[0])
    potcar = f" POTCAR:    PAW_PBE {symbol} 06Sep2000\n"
    text = f" vasp.5.4.4.18Apr17\n{potcar}{potcar}   ions per type = {count:15d}\n"
    text += f"   NELM   = {MOST_ITERATIONS:6d};   NELMIN=  2; NELMDL= -5     # of ELM steps\n"
    for step, (atoms, number) in enumerate(zip(frames, iterations), 1):
        for k in range(1, number + 1):
            text += f"--------------------- Iteration {step:6d}({k:4d})  ----------------------\n"
        # VASP 5 prints this after NELM iterations, too
        text += "------------------- aborting loop because EDIFF is reached ------------------\n"
        xx, yy, zz, yz, xz, xy = -atoms.get_stress() / KBAR
        text += "  in kB  " + "".join(f"{x:12.5f}" for x in (xx, yy, zz, xy, yz, xz)) + "\n"
        text += "      direct lattice vectors                 reciprocal lattice vectors\n"
        for row, reciprocal in zip(atoms.cell.array, atoms.cell.reciprocal()):
            text += "  " + "".join(f"{x:13.9f}" for x in (*row, *reciprocal)) + "\n"
        text += "\n POSITION                                       TOTAL-FORCE (eV/Angst)\n ----\n"
        for row in zip(atoms.positions, atoms.get_forces()):
            text += "".join(f"{x:14.6f}" for x in np.concatenate(row)) + "\n"
        energy = atoms.get_potential_energy()
        text += f""" ----
  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  = {energy:18.8f} eV

  energy  without entropy= {energy:18.8f}  energy(sigma->0) = {energy + zero_smearing:18.8f}
"""
    return text


def vasprun(frames, iterations, zero_smearing):
    """The same as vasprun.xml."""
    symbols = frames[0].get_chemical_symbols()
    ions = "".join(f"<rc><c>{symbol}</c><c>1</c></rc>" for symbol in symbols)
    text = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
<kpoints><varray name="kpointlist"><v>0 0 0</v></varray>
<varray name="weights"><v>1</v></varray></kpoints>
<parameters>
<separator name="electronic convergence"><i type="int" name="NELM">{MOST_ITERATIONS}</i></separator>
<separator name="response functions"><i type="int" name="NELM">1</i></separator>
</parameters>
<atominfo><array name="atoms"><set>{ions}</set></array></atominfo>
<structure name="initialpos">{_structure(frames[0])}</structure>
"""
    for atoms, number in zip(frames, iterations):
        energy = atoms.get_potential_energy()
        energies = f"""<energy><i name="e_fr_energy">{energy:.8f}</i>
<i name="e_0_energy">{energy + zero_smearing:.8f}</i></energy>"""
        tensor = -atoms.get_stress(voigt=False) / KBAR
        text += f"""<calculation>{f"<scstep>{energies}</scstep>" * number}
<structure>{_structure(atoms)}</structure>
{_array("forces", atoms.get_forces())}{_array("stress", tensor)}{energies}</calculation>
"""
    return text + "</modeling>\n"


def _structure(atoms):
    return (
        f"<crystal>{_array('basis', atoms.cell.array)}</crystal>"
        f"{_array('positions', atoms.get_scaled_positions(wrap=False))}"
    )


def _array(name, rows):
    lines = "".join(f"<v>{' '.join(f'{x:.8f}' for x in row)}</v>" for row in rows)
    return f'<varray name="{name}">{lines}</varray>'
