# SPDX-License-Identifier: GPL-2.0-or-later
"""Lattice constant, elastic constants and phonons of silicon from a few energies, forces and stresses, whoever computes them."""

import numpy as np
from ase.build import bulk
from ase.data import atomic_masses
from scipy.optimize import curve_fit

GPA_PER_EV_A3 = 160.21766
# sqrt(eV / (amu Angstrom^2)) / (2 pi) in THz
THZ = 98.2269 / (2 * np.pi)
STRAIN = 0.01
SHIFT = 0.02  # Angstrom
POINTS = {  # in reciprocal vectors of the primitive cell; names of the branches from below
    "Gamma": ((0, 0, 0), {"O": (3, 4, 5)}),
    "X": ((0, 0.5, 0.5), {"TA": (0, 1), "LA": (2, 3), "TO": (4, 5)}),
    "L": ((0.5, 0.5, 0.5), {"TA": (0, 1), "LA": (2,), "LO": (3,), "TO": (4, 5)}),
}


def statics(evaluate):
    """{name: value} in Angstrom, GPa and THz.

    evaluate   function from a list of ASE structures to their (energy eV, forces eV/Angstrom, pressure tensor GPa);
               called twice. Cells: 8 atoms for all but the phonons, which have 2x2x2 primitive cells.
    """
    constants = np.linspace(5.30, 5.64, 7)
    energies = [e for e, _, _ in evaluate([cube(a) for a in constants])]
    a0, modulus = equation_of_state(constants, energies)
    strained = [cube(a0, sign * e) for e in (stretch(), shear()) for sign in (1, -1)]
    shifted = [shift_sublattice(cube(a0), sign * SHIFT) for sign in (1, -1)]
    moved = [move_atom(a0, axis, sign * SHIFT) for axis in range(3) for sign in (1, -1)]
    results = evaluate(strained + shifted + moved)
    return {
        "a0": a0,
        "B": modulus,
        **elastic_constants(results[:6], a0),
        **phonons(results[6:], a0),
    }


def cube(a, strain=0):
    atoms = bulk("Si", "diamond", a=a, cubic=True)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


def stretch():
    return np.diag([STRAIN, 0, 0])


def shear():
    return np.array([[0, STRAIN / 2, 0], [STRAIN / 2, 0, 0], [0, 0, 0]])


def second_sublattice(atoms):
    """Mask of the atoms at (1/4, 1/4, 1/4) and its translations."""
    return np.rint(4 * atoms.get_scaled_positions().sum(axis=1)).astype(int) % 2 == 1


def shift_sublattice(atoms, distance):
    atoms.positions[second_sublattice(atoms), 2] += distance
    return atoms


def supercell(a0):
    return bulk("Si", "diamond", a=a0) * (2, 2, 2)


def move_atom(a0, axis, distance):
    atoms = supercell(a0)
    atoms.positions[0, axis] += distance
    return atoms


def equation_of_state(constants, energies):
    """Lattice constant and bulk modulus of a Birch-Murnaghan fit for the 8-atom cell."""

    def birch_murnaghan(a, e0, a0, modulus, slope):
        x = (a0 / a) ** 2 - 1
        return e0 + 9 / 16 * a0**3 * modulus * (x**3 * slope + x**2 * (2 - 4 * x))

    start = (min(energies), constants[int(np.argmin(energies))], 0.55, 4.2)
    (_, a0, modulus, _), _ = curve_fit(birch_murnaghan, constants, energies, p0=start)
    return a0, modulus * GPA_PER_EV_A3


def elastic_constants(results, a0):
    """From the pressures of the stretched and sheared cells; the sublattices relax by linear response."""
    (_, _, p1), (_, _, p2), (_, f3, p3), (_, f4, p4), (_, f5, p5), (_, f6, p6) = results
    second = second_sublattice(cube(a0))

    def slope(plus, minus, step):
        return (plus - minus) / (2 * step)

    def force(forces):
        return forces[second, 2].sum()

    force_per_shift = slope(force(f5), force(f6), SHIFT)
    force_per_shear = slope(force(f3), force(f4), STRAIN)
    pressure_per_shift = slope(p5[0, 1], p6[0, 1], SHIFT)
    shift_per_shear = -force_per_shear / force_per_shift
    return {
        "C11": -slope(p1[0, 0], p2[0, 0], STRAIN),
        "C12": -slope(p1[1, 1], p2[1, 1], STRAIN),
        "C44": -slope(p3[0, 1], p4[0, 1], STRAIN) - pressure_per_shift * shift_per_shear,
    }


def phonons(results, a0):
    """Frequencies at Gamma, X and L. Force constants of the second atom follow by inversion."""
    atoms = supercell(a0)
    primitive = bulk("Si", "diamond", a=a0).cell.array
    response = np.array(
        [(results[2 * axis][1] - results[2 * axis + 1][1]) / (2 * SHIFT) for axis in range(3)]
    )  # shape [axis of the move][atom][axis of the force]
    response -= response.mean(axis=1, keepdims=True)  # a translation costs nothing
    cells = np.rint(np.linalg.solve(primitive.T, atoms.positions.T).T - 1e-9 - [[0.125] * 3])
    kind = np.arange(len(atoms)) % 2
    frequencies = {}
    for point, (q, branches) in POINTS.items():
        phase = np.exp(2j * np.pi * cells @ np.array(q))
        blocks = [-np.einsum("anb,n->ab", response[:, kind == k], phase[kind == k]) for k in (0, 1)]
        matrix = np.block([[blocks[0], blocks[1]], [blocks[1].conj().T, blocks[0].conj()]])
        values = np.linalg.eigvalsh((matrix + matrix.conj().T) / 2) / atomic_masses[14]
        omega = np.sign(values) * np.sqrt(abs(values)) * THZ
        for branch, numbers in branches.items():
            frequencies[f"{branch}({point})"] = float(np.mean(omega[list(numbers)]))
    return frequencies
