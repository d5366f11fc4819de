// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/query/novelty.h"

#include <Eigen/Dense>
#include <algorithm>

namespace almlip {

void novelties(const std::vector<Novelty> &novelty, const std::vector<int> &element,
               const double *descriptors, double *values)
{
  using Matrix = Eigen::MatrixXf;
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Column = Eigen::Map<const Eigen::VectorXd>;
  constexpr std::size_t block = 64;    // atoms of one element in one matrix product
  std::vector<std::vector<std::size_t>> atoms(novelty.size());
  for (std::size_t i = 0; i < element.size(); ++i)
    if (element[i] >= 0 && !novelty[element[i]].whitening.empty()) atoms[element[i]].push_back(i);

  for (std::size_t e = 0; e < novelty.size(); ++e) {
    if (atoms[e].empty()) continue;
    const auto dimension = static_cast<Eigen::Index>(novelty[e].center.size());
    const Matrix whitening =
        Eigen::Map<const RowMajor>(novelty[e].whitening.data(), dimension, dimension).cast<float>();
    const Column center(novelty[e].center.data(), dimension);
    for (std::size_t first = 0; first < atoms[e].size(); first += block) {
      const std::size_t count = std::min(block, atoms[e].size() - first);
      Matrix difference(dimension, static_cast<Eigen::Index>(count));
      for (std::size_t k = 0; k < count; ++k)
        difference.col(static_cast<Eigen::Index>(k)) =
            (Column(descriptors + atoms[e][first + k] * static_cast<std::size_t>(dimension),
                    dimension) -
             center)
                .cast<float>();
      const Matrix white = whitening.triangularView<Eigen::Lower>() * difference;
      for (std::size_t k = 0; k < count; ++k)
        values[atoms[e][first + k]] =
            white.col(static_cast<Eigen::Index>(k)).norm() / novelty[e].threshold;
    }
  }
}

}    // namespace almlip
