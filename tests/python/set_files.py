# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of copper as training sets of other programs, in the layouts and conventions that these document.

Each function writes into a folder and returns the arguments for `almlip convert`.
"""

import json

import numpy as np

BAR = 1602176.634  # of 1 eV/Angstrom^3


def write_mlip(folder, frames):
    """MLIP: PlusStress is -dE/dstrain, eV; types count from 0."""
    text = ""
    for atoms in frames:
        virial = -atoms.get_stress() * atoms.get_volume()
        rows = zip(atoms.positions, atoms.get_forces())
        table = "\n".join(
            f"  {i + 1} 1 " + " ".join(repr(float(x)) for x in np.concatenate(row))
            for i, row in enumerate(rows)
        )
        cell = "\n".join(" ".join(map(repr, row)) for row in atoms.cell.array.tolist())
        text += f"""BEGIN_CFG
 Size
    {len(atoms)}
 Supercell
{cell}
 AtomData:  id type cartes_x cartes_y cartes_z fx fy fz
{table}
 Energy
    {float(atoms.get_potential_energy())!r}
 PlusStress:  xx          yy          zz          yz          xz          xy
    {" ".join(map(repr, virial.tolist()))}
 Feature   EFS_by       EMT
END_CFG

"""
    (folder / "train.cfg").write_text(text)
    return folder / "train.cfg", "--elements", "Ag", "Cu"


def write_deepmd(folder, frames):
    """DeePMD-kit: virial.npy is -dE/dstrain, eV."""
    system = folder / "system"
    (system / "set.000").mkdir(parents=True)
    (system / "type_map.raw").write_text("Ag Cu\n")
    (system / "type.raw").write_text("1\n" * len(frames[0]))
    arrays = {
        "coord": [atoms.positions.ravel() for atoms in frames],
        "box": [atoms.cell.array.ravel() for atoms in frames],
        "energy": [atoms.get_potential_energy() for atoms in frames],
        "force": [atoms.get_forces().ravel() for atoms in frames],
        "virial": [-atoms.get_stress(voigt=False).ravel() * atoms.get_volume() for atoms in frames],
    }
    for name, values in arrays.items():
        np.save(system / "set.000" / f"{name}.npy", values)
    return (system,)


def write_fitsnap(folder, frames, style="bar", bar=1.0):
    """FitSNAP: a file for each frame; the stress is positive under compression.

    bar  of the unit `style`
    """
    for k, atoms in enumerate(frames):
        pressure = -atoms.get_stress(voigt=False) * BAR / bar
        data = {
            "PositionsStyle": "angstrom",
            "StressStyle": style,
            "Data": [
                {
                    "Positions": atoms.positions.tolist(),
                    "Lattice": atoms.cell.array.tolist(),
                    "AtomTypes": atoms.get_chemical_symbols(),
                    "Energy": atoms.get_potential_energy(),
                    "Forces": atoms.get_forces().tolist(),
                    "Stress": pressure.tolist(),
                    "NumAtoms": len(atoms),
                }
            ],
        }
        (folder / f"{k}.json").write_text("# of FitSNAP\n" + json.dumps({"Dataset": data}))
    return tuple(folder / f"{k}.json" for k in range(len(frames)))


def write_nep(folder, frames):
    """GPUMD: extended XYZ in small letters; virial is -dE/dstrain, eV."""
    text = ""
    for atoms in frames:
        virial = -atoms.get_stress(voigt=False) * atoms.get_volume()
        lattice, virials = (
            " ".join(map(repr, x.ravel().tolist())) for x in (atoms.cell.array, virial)
        )
        text += f'{len(atoms)}\nlattice="{lattice}" energy={float(atoms.get_potential_energy())!r} '
        text += f'virial="{virials}" pbc="T T T" properties=species:S:1:pos:R:3:force:R:3\n'
        for row in zip(atoms.positions, atoms.get_forces()):
            text += "Cu " + " ".join(repr(float(x)) for x in np.concatenate(row)) + "\n"
    (folder / "train.xyz").write_text(text)
    return (folder / "train.xyz",)
