// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "almlip/potential.h"

namespace almlip::train {

/// Force error and force spread of one held-out atom.
struct AtomError {
  int element = 0;
  double error = 0.0;     ///< |F_i - reference|, eV/Angstrom
  double spread = 0.0;    ///< s_i of the committee, eV/Angstrom
  int frame = 0;
};

/// Below this spread (eV/Angstrom) a force vanishes by symmetry in every member and the spread is
/// rounding. Elsewhere spreads are from 1e-4 upwards.
constexpr double symmetry_spread = 1e-5;

/// Fits sigma_i = factor s_i^exponent of every element.
///
/// Maximum likelihood of error vectors that are normal with the variance sigma^2 / 3 in each
/// component: factor^2 = mean(error^2 / s^(2 exponent)), and the exponent, from 0 to 1, minimises
/// log(factor) + exponent mean(log s), which is convex. Atoms below symmetry_spread are left out,
/// here and in the quantile. An element with fewer than 30 atoms left takes the parameters of all
/// elements together. The 90 % quantile of error/sigma is an upper tolerance limit: of rank n (0.9
/// + d) among the n atoms, d = sqrt(0.9 0.1 / k) one standard error of the share of 0.9. They count
/// as k independent ones, k the variance of the share of large errors among independent atoms over
/// that by whole frames, whose atoms are alike. With one frame it is the largest value.
/// @return  sigma = spread and num_atoms 0 if there is nothing to fit (no atoms, members that agree
///                  everywhere, or no errors)
/// Source: ours (docs/almlip.md has the measurement); quantile: Wilks, Ann. Math. Stat. 12, 91
/// (1941), in the normal approximation; k: design effect, Kish, Survey Sampling (1965)
Calibration calibrate(const std::vector<AtomError> &atoms, int num_elements);

/// Corrects a calibration by the errors of the potential on further frames, which it has not
/// learned.
///
/// Every factor becomes the most likely one for the atoms of before, as if they were at most twice
/// as many as the further ones, and these; exponents and quantile stay. So a chain of refits
/// follows what its new frames say and forgets the first ones.
Calibration corrected(const Calibration &before, const std::vector<AtomError> &atoms);

/// Raises sigma where it does not cover the errors of learned atoms, which those of others hardly
/// fall below: a fit that has not come to rest, as with a few violent frames, may err more than the
/// fits that judge it.
///
/// The factor of an element grows by the 90 % quantile of error/sigma of its atoms, over that of
/// the calibration, if it is larger. An element with fewer than 30 atoms takes that of all.
/// @param learned  atoms of the training frames
/// Source: ours (docs/notebook/2026-11-28-few-frames.md)
Calibration covering(const Calibration &before, const std::vector<AtomError> &learned);

/// To six significant digits: plenty for a distance, and a third of the room in a file.
double rounded(double number);

/// Fits the distance from the training environments of one element: Mahalanobis with the covariance
/// shrunk towards its diagonal.
/// @param descriptors  standardised, shape [num_atoms][num_descriptors]
/// @return             threshold is the 99.5 % quantile of the environments' own distances
/// Source: Ledoit and Wolf, J. Multivar. Anal. 88 (2004), doi:10.1016/S0047-259X(03)00096-4, for
/// the idea; the weight of the diagonal is fixed
Novelty fit_novelty(const std::vector<double> &descriptors, int num_descriptors);

}    // namespace almlip::train
