// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "almlip/frame.h"

namespace almlip::train {

/// Energy per atom of every element by least squares on total energies, relative to the mean energy
/// per atom; where the compositions cannot tell elements apart, they share the deviation (solution
/// of least norm), then relative to isolated atoms if these are known of all elements.
/// @param atom_energies  of isolated atoms, eV
/// @return  shape [num_elements], eV
std::vector<double> fit_reference_energies(const std::vector<Frame> &frames,
                                           const std::vector<std::string> &elements,
                                           const std::map<std::string, double> &atom_energies = {});

/// Orthonormalises the radial basis on the pair distances of the frames, with weight 1/r^2 and the
/// leading function first.
/// @return  shape [num_radial][num_radial], row q holds the Chebyshev coefficients of the q-th
///                function
/// Source: ours
std::vector<double> whiten_radial(const std::vector<Frame> &frames, double cutoff, int num_radial);

/// Least distance of every pair of elements, Angstrom; `reach` where no pair is closer.
/// @return  shape [num_elements][num_elements], symmetric
std::vector<double> min_pair_distances(const std::vector<Frame> &frames,
                                       const std::vector<std::string> &elements, double reach);

/// Largest force on an atom, eV/Angstrom.
double largest_force(const std::vector<Frame> &frames);

/// Largest force on an atom that is no outlier of the frames, eV/Angstrom: from the median of the
/// frames' largest forces upward, up to the first that is more than three times the one before.
double usual_largest_force(const std::vector<Frame> &frames);

/// Root mean square of all force components, eV/Angstrom.
/// @param violent_force  larger forces count as this one, eV/Angstrom; 0: all as they are
double rms_force(const std::vector<Frame> &frames, double violent_force);

/// Atoms with larger forces than a limit; 0 without one.
long num_violent(const std::vector<Frame> &frames, double violent_force);

/// Six times the force that nine of ten atoms off equilibrium have at most, eV/Angstrom; 0 without
/// forces. In sets of dynamics, defects and surfaces no force is larger.
double usual_violent_force(const std::vector<Frame> &frames);

}    // namespace almlip::train
