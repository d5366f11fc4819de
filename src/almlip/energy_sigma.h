// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/potential.h"

namespace almlip {

/// What the energy of a frame depends on, if it were linear in the descriptors: for every element
/// the sums over its atoms of the standardised descriptors and of 1. Shape [num_elements][D + 1].
/// Sums of parts of a frame add up.
/// @param element      shape [num_atoms], -1 for atoms that do not count
/// @param descriptors  standardised, shape [num_atoms][D]
std::vector<double> energy_features(const std::vector<int> &element, const double *descriptors,
                                    int num_descriptors, int num_elements);

/// Number of atoms that features are sums over.
double num_atoms_of(const std::vector<double> &features, int num_elements);

/// d^2 = sum_e |whitening_e f_e|^2, the variance of the energy per atom of a frame that the
/// training energies leave, in units of that of one of them: Bayesian linear regression for each
/// element by itself.
/// @param features   of one atom in the mean, shape [num_elements][D + 1]
/// @param whitening  as in EnergyCalibration
/// Source: MacKay, Neural Comput. 4, 415 (1992), for the variance
double energy_distance2(const std::vector<double> &features,
                        const std::vector<std::vector<double>> &whitening);

/// Expected error of the energy of a frame, sqrt(E (energy - reference)^2), eV/atom. The same for a
/// cell and its supercells. Infinite if the frame holds two elements that no training frame holds
/// both of; not a number without a calibration or atoms.
/// @param features  sums over all atoms of the frame, shape [num_elements][D + 1]
double energy_sigma(const Potential &potential, std::vector<double> features);

}    // namespace almlip
