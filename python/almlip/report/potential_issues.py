# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands out when a potential meets frames with labels, and what to do about it."""

import numpy as np
from ase.neighborlist import neighbor_list

USUAL = 0.005  # eV/atom; an offset below it is no sign of other settings


def find_issues(comparison, groups, info):
    """(what, what to do) of each issue."""
    checks = (wrong_coverage, blind_sigma, hard_kinds, energy_offset, hidden_errors)
    return [issue for check in checks for issue in check(comparison, groups, info)]


def wrong_coverage(comparison, groups, info):
    for name, group in groups.items():
        covered = group["coverage90"]
        if covered is None or 0.8 <= covered <= 0.97 or group["frames"] < 5:
            continue
        low = covered < 0.8
        size = "small" if low else "large"
        yield (
            f"{name}: {100 * covered:.0f} % of atoms are within the 90 % bound: sigma is too {size}",
            "Label some of these frames and fit again."
            if low
            else "Queries take more frames than they need; raise the threshold.",
        )


def blind_sigma(comparison, groups, info):
    rank = groups["all"]["spearman"]
    if rank is not None and rank < 0.3:
        yield (
            f"Sigma hardly follows the error (rank correlation {rank:.2f})",
            "These frames may all be alike; else fit with more members.",
        )


def hard_kinds(comparison, groups, info):
    usual = groups["all"]["force_mae"]
    for name, group in groups.items():
        if name != "all" and usual and group["force_mae"] and group["force_mae"] > 3 * usual:
            yield (
                f"{name}: the force error is {group['force_mae'] / usual:.1f} times the mean",
                "Add labelled frames of this kind.",
            )


def energy_offset(comparison, groups, info):
    """Energies that are off by the same amount per atom hint at another code or other settings."""
    for kind, (reference, prediction) in comparison.pairs(comparison.energy).items():
        error = prediction - reference
        if len(error) >= 5 and abs(error.mean()) > max(USUAL, 2 * error.std()):
            yield (
                f"{kind}: energies are off by {1e3 * error.mean():+.1f} meV/atom, all the same way",
                "Were they computed with the settings of the training set?",
            )


def hidden_errors(comparison, groups, info):
    """Atoms with a large error that sigma does not see are what active learning cannot find."""
    atoms = comparison.uncertain_atoms()
    if not atoms:
        return
    sigma, error = (np.concatenate(each) for each in zip(*atoms.values()))
    count = int(((error > 5 * sigma) & (error > 3 * np.sqrt((error**2).mean()))).sum())
    if count:
        yield (
            f"{count} of {len(sigma)} atoms have a large error that is above five times sigma",
            "Look at the worst frames: wrong labels look like this, and so does what is new to all members.",
        )


def check_frames(comparison, info):
    """(what, value, remark) of the data."""
    frames = comparison.frames
    shortest = min((shortest_distance(atoms) for atoms in frames), default=np.inf)
    least = info["training"].get("least_distance")
    largest = max(
        (float(np.linalg.norm(pair[0], axis=1).max()) for pair in comparison.forces if pair),
        default=None,
    )
    usual = info["training"].get("largest_force")
    copies = len(frames) - len({fingerprint(atoms) for atoms in frames})
    return [
        ["frames with energy", with_value(comparison.energy), ""],
        ["frames with forces", with_value(comparison.forces), ""],
        ["frames with stress", with_value(comparison.stress), ""],
        ["exact copies among the frames", copies, "" if not copies else "they count twice"],
        [
            "shortest distance, Å",
            None if shortest == np.inf else float(shortest),
            f"below that of the training set, {least:.3g}" if least and shortest < least else "",
        ],
        [
            "largest reference force, eV/Å",
            largest,
            f"above that of the training set, {usual:.3g}"
            if usual and largest and largest > usual
            else "",
        ],
    ]


def with_value(values):
    return f"{sum(value is not None for value in values)} of {len(values)}"


def shortest_distance(atoms, cutoff=3.0):
    """Angstrom; infinite if no atoms are nearer than the cutoff."""
    return neighbor_list("d", atoms, cutoff).min(initial=np.inf)


def fingerprint(atoms):
    parts = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
    return b"".join(part.tobytes() for part in parts)
