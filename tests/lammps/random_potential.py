# SPDX-License-Identifier: GPL-2.0-or-later
"""Potential files with random weights: no training, any elements, forces of the order of 1 eV/Angstrom."""

import json

import numpy as np

CHANNELS, RADIAL, LMAX, HIDDEN = 4, 8, 3, 16  # the shape of the preset `fast`
DESCRIPTORS = CHANNELS + LMAX * CHANNELS * (CHANNELS + 1) // 2 + 4 * CHANNELS


def committee(element, reference_energy, members, random):
    def normal(scale, count):
        return list(scale * random.normal(size=count))

    return {
        "element": element,
        "reference_energy": reference_energy,
        "mean": normal(0.5, DESCRIPTORS),
        "inverse_deviation": [0.2] * DESCRIPTORS,
        "hidden": normal(0.5 / np.sqrt(DESCRIPTORS), members * HIDDEN * DESCRIPTORS),
        "hidden_bias": normal(0.5, members * HIDDEN),
        "output": normal(0.3, members * HIDDEN),
        "skip": normal(0.3 / np.sqrt(DESCRIPTORS), members * DESCRIPTORS),
        "output_bias": normal(0.3, members),
    }


def novelty(element, threshold):
    """Whitening with the unit matrix: plain distance of the standardised descriptors from zero."""
    triangle = [
        1.0 if row == column else 0.0 for row in range(DESCRIPTORS) for column in range(row + 1)
    ]
    return {
        "element": element,
        "threshold": threshold,
        "center": [0.0] * DESCRIPTORS,
        "whitening": triangle,
    }


def energy_calibration(elements):
    """Unit matrices: plain length of the mean descriptors and shares of the elements."""
    size = DESCRIPTORS + 1
    triangle = [1.0 if row == column else 0.0 for row in range(size) for column in range(row + 1)]
    return {
        "factor": 0.002,
        "quantile90": 1.8,
        "num_frames": 12,
        "together": [1] * len(elements) ** 2,
        "whitening": [triangle] * len(elements),
    }


# of the training set, for one element
RECORD = {
    "rms_force": 0.8,
    "force_limit": 30.0,
    "num_frames": {"md": 20},
    "num_atoms": [0.0],
    "min_distances": [1.9],
    "held_out_sigma": [0.25, 0.5],
    "held_out_novelty": [0.75, 1.5],
    "held_out_atoms": [8, 64],
}


def write_random_potential(
    path,
    elements,
    seed=1,
    members=5,
    cutoff=5.0,
    factors=None,
    novelty_threshold=None,
    zbl=None,
    record=False,
    energies=False,
    least_distance=1.9,
):
    random = np.random.default_rng(seed)
    committees = [committee(e, -4.5 - k, members, random) for k, e in enumerate(elements)]
    path.write_text(
        json.dumps(
            {
                "format": "almlip-potential",
                "format_version": 1,
                "units": {"energy": "eV", "length": "Angstrom"},
                "elements": elements,
                "cutoff": cutoff,
                "descriptor": {
                    "num_channels": CHANNELS,
                    "lmax": LMAX,
                    "num_radial": RADIAL,
                    "four_body": "b3",
                    "partners": "same",
                },
                "network": {"num_hidden": HIDDEN, "num_members": members},
                "radial": list(random.normal(size=len(elements) ** 2 * CHANNELS * RADIAL)),
                "committees": committees,
                "calibration": {
                    "factor": factors or [1.5] * len(elements),
                    "exponent": [0.6] * len(elements),
                    "quantile90": 1.9,
                    "num_atoms": 100,
                },
                **({"energy_calibration": energy_calibration(elements)} if energies else {}),
                "zbl": {
                    "inner": [0.85 * zbl] * len(elements) ** 2,
                    "outer": [zbl] * len(elements) ** 2,
                }
                if zbl
                else {"inner": [], "outer": []},
                "training": {
                    "least_distance": least_distance,
                    "largest_force": 12.0,
                    "force_error": 0.05,
                    **(RECORD if record else {}),
                },
                "novelty": [novelty(e, novelty_threshold) for e in elements]
                if novelty_threshold
                else [],
                "known_fingerprints": [],
                "provenance": {},
            }
        )
    )
    return path
