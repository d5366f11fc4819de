// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "almlip/rows.h"

/// Choices that need no covariance between candidates.

namespace almlip {

/// Batch active learning by diverse gradient embeddings: k-means++ on the rows, which are
/// embeddings times uncertainty. The longest row comes first, each further one is drawn with a
/// probability proportional to its squared distance from those before. Source: Ash, Zhang,
/// Krishnamurthy, Langford, Agarwal, ICLR (2020), arXiv:1906.03671
std::vector<int> select_badge(const Rows &embeddings, int batch, std::uint64_t seed);

/// Power acquisition: candidates drawn without replacement with a probability proportional to the
/// square of their uncertainty.
/// @param uncertainty  shape [num_candidates], not negative
/// Source: Kirsch, Farquhar, Atighehchian, Jesson, Branchaud-Charron, Gal, Trans. Mach. Learn. Res.
/// (2023), arXiv:2106.12059
std::vector<int> select_power(const std::vector<double> &uncertainty, int batch,
                              std::uint64_t seed);

/// Medoids of k-means: for each of `count` clusters the row that is nearest to its center; all
/// different.
std::vector<int> select_medoids(const Rows &rows, int count, std::uint64_t seed);

}    // namespace almlip
