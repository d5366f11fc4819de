# SPDX-License-Identifier: GPL-2.0-or-later
"""References beside predictions, as `almlip eval --output` writes them."""

import numpy as np


class Comparison:
    """Frames with predictions and references; one entry per frame in every list.

    kinds          config_type
    energy         (reference, prediction) in eV/atom without the energies of free atoms, or None
    forces         (reference, prediction), shape [num_atoms][3], eV/Angstrom, or None
    stress         (reference, prediction) in Voigt order, GPa, or None; references without the offset of the labels
                   that the fit has found
    sigma          predicted error of each force, eV/Angstrom, shape [num_atoms], or None
    """

    def __init__(self, frames, info):
        self.frames = frames
        self.quantile90 = info["calibration"].get("quantile90") if info.get("calibration") else None
        free = info["reference_energy"]
        self.kinds = [str(atoms.info.get("config_type", "none")) for atoms in frames]
        self.energy = [energies(atoms, free) for atoms in frames]
        self.forces = [
            (atoms.arrays["ref_forces"], atoms.get_forces()) if atoms.has("ref_forces") else None
            for atoms in frames
        ]
        offsets = info["provenance"].get("stress_offset", {})
        self.stress = [stresses(atoms, offsets) for atoms in frames]
        self.sigma = [atoms.arrays.get("sigma") for atoms in frames]

    def has_labels(self):
        return any(each is not None for each in (*self.energy, *self.forces))

    def formula(self, n):
        return self.frames[n].get_chemical_formula()

    def force_errors(self, n):
        """Length of the force error of each atom, eV/Angstrom; empty without a reference."""
        if self.forces[n] is None:
            return np.zeros(0)
        reference, prediction = self.forces[n]
        return np.linalg.norm(prediction - reference, axis=1)

    def energy_error(self, n):
        """eV/atom, signed; None without a reference."""
        if self.energy[n] is None:
            return None
        reference, prediction = self.energy[n]
        return float(prediction[0] - reference[0])

    def worst(self, count):
        """Numbers of the frames with the largest force errors, largest first."""
        largest = [self.force_errors(n).max(initial=0.0) for n in range(len(self.frames))]
        return [int(n) for n in np.argsort(largest)[::-1][:count] if largest[n] > 0]

    def worst_atom(self, n):
        errors = self.force_errors(n)
        return int(errors.argmax()), float(errors.max())

    def components(self):
        """{kind: (references, predictions)} of all force components, eV/Angstrom."""
        return self.pairs(self.forces)

    def pairs(self, values):
        """{kind: (references, predictions)} of a list of this class, flat."""
        found = {}
        for kind, pair in zip(self.kinds, values):
            if pair is not None:
                lists = found.setdefault(kind, ([], []))
                lists[0].append(np.ravel(pair[0]))
                lists[1].append(np.ravel(pair[1]))
        return {kind: tuple(map(np.concatenate, lists)) for kind, lists in found.items()}

    def uncertain_atoms(self):
        """{kind: (sigma, length of the force error)} of atoms, eV/Angstrom.

        Atoms whose forces vanish by symmetry are left out, as `almlip eval` does.
        """
        pairs = [
            None if forces is None or sigma is None else (sigma, self.force_errors(n))
            for n, (forces, sigma) in enumerate(zip(self.forces, self.sigma))
        ]
        found = self.pairs(pairs)
        return {kind: (s[s > 1e-5], e[s > 1e-5]) for kind, (s, e) in found.items()}

    def scaled_components(self):
        """Errors of force components over their standard deviation, sigma / sqrt(3)."""
        parts = [
            np.ravel((pair[1] - pair[0])[s > 1e-5] / s[s > 1e-5, None]) * np.sqrt(3.0)
            for pair, s in zip(self.forces, self.sigma)
            if pair is not None and s is not None
        ]
        return np.concatenate(parts) if parts else np.zeros(0)


def energies(atoms, free):
    if "ref_energy" not in atoms.info:
        return None
    atoms_alone = sum(free[symbol] for symbol in atoms.symbols)
    pair = (float(atoms.info["ref_energy"]), atoms.get_potential_energy())
    return tuple(np.array([(each - atoms_alone) / len(atoms)]) for each in pair)


def stresses(atoms, offsets):
    if "ref_virial" not in atoms.info or atoms.cell.rank < 3:
        return None
    offset = offsets.get(str(atoms.info.get("label_source", "unnamed")), {}).get("virial", 0.0)
    reference = np.reshape(atoms.info["ref_virial"], (3, 3)) - len(atoms) * offset * np.eye(3)
    scale = -160.21766 / atoms.get_volume()  # GPa; stress is -virial / volume
    return tuple(
        virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] * scale
        for virial in (reference, np.reshape(atoms.info["virial"], (3, 3)))
    )
