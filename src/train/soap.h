// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace almlip::train {

/// Matrices of one shape in the flat parameter vector, one after the other, as the optimiser sees
/// them. A side of length 1 has no basis.
struct SoapBlock {
  std::size_t offset = 0;    ///< first entry in the flat vector; row-major from there
  int rows = 1, cols = 1;
  double rate = 1.0;    ///< factor of the learning rate; 0: the block is frozen
  double weight_decay =
      0.0;    ///< parameters shrink by the factor 1 - learning rate x weight_decay in every step
  int copies = 1;    ///< matrices, which share the basis of the left side
};

struct SoapSettings {
  double momentum = 0.95;         ///< decay of the mean gradient per step
  double second_moment = 0.95;    ///< decay of squared gradients and of their covariances per step
  double epsilon = 1e-8;          ///< added to the root of the second moment
  int refresh = 10;               ///< steps between two refreshes of the bases
};

/// SOAP: Adam in the eigenbasis of the two gradient covariances of every block (Shampoo's), which
/// one power iteration and a QR decomposition refresh every few steps. The covariance of the left
/// side is the sum over all copies of a matrix: members of a committee, whose inputs are the same.
///
/// The first gradient of a block only starts its bases; its parameters change from the second step
/// on.
/// Source: Vyas et al., SOAP: Improving and Stabilizing Shampoo using Adam (2024),
/// arXiv:2409.11321, algorithm 3; one left side for all copies: ours
class Soap {
 public:
  virtual ~Soap() = default;

  /// @param precision  "double" or "single": type of the state and of the arithmetic
  static std::unique_ptr<Soap> create(const std::vector<SoapBlock> &blocks,
                                      const SoapSettings &settings, const std::string &precision);

  virtual const std::vector<SoapBlock> &blocks() const = 0;
  int num_blocks() const { return static_cast<int>(blocks().size()); }

  /// One step downhill of the blocks first .. last-1; the others stay as they are.
  /// @param parameters  flat vector, changed
  /// @param gradient    of the same length; only that of these blocks is read
  virtual void step(std::vector<double> &parameters, const std::vector<double> &gradient,
                    double learning_rate, int first, int last) = 0;
  void step(std::vector<double> &parameters, const std::vector<double> &gradient,
            double learning_rate)
  {
    step(parameters, gradient, learning_rate, 0, num_blocks());
  }

  /// Keeps bases and second moments and forgets the momentum, for a new learning-rate cycle.
  virtual void restart() = 0;

  /// The state of the blocks first .. last-1 in binary form; `load` continues exactly where `save`
  /// was called.
  virtual void save(std::ostream &out, int first, int last) const = 0;
  /// @throws Error if the stream ends early or belongs to other blocks
  virtual void load(std::istream &in, int first, int last) = 0;
  void save(std::ostream &out) const { save(out, 0, num_blocks()); }
  void load(std::istream &in) { load(in, 0, num_blocks()); }
};

/// Deals blocks to ranks, as many as possible with the same work in a row to each.
/// @return  first block of every rank and the number of blocks, shape [num_ranks + 1]
std::vector<int> share_blocks(const std::vector<SoapBlock> &blocks, int num_ranks);

}    // namespace almlip::train
