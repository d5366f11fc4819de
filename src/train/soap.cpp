// SPDX-License-Identifier: GPL-2.0-or-later
#include "train/soap.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/binary_stream.h"

namespace almlip::train {

namespace {

template <class Real>
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;

/// Covariance of the gradient along one side of a block, and its approximate eigenvectors (columns,
/// leading one first).
///
/// Few gradients leave the covariance without rank, and the basis of what they do not reach to
/// rounding. A little damping decides it instead, so that a fit depends on the order of sums (the
/// number of ranks) by no more than rounding at first.
template <class Real>
struct Side {
  Matrix<Real> covariance, basis;

  Real damping() const
  {
    return (sizeof(Real) == sizeof(double) ? Real(1e-8) : Real(1e-5)) * covariance.trace();
  }

  /// Takes one more gradient; the first one starts the basis.
  void add(const Matrix<Real> &gradient, Real weight)
  {
    if (basis.size() == 0) {
      start(gradient);
      return;
    }
    covariance *= Real(1) - weight;
    covariance.template selfadjointView<Eigen::Lower>().rankUpdate(gradient, weight);
  }

  void start(const Matrix<Real> &gradient)
  {
    covariance = gradient * gradient.transpose();
    Eigen::MatrixXd damped = covariance.template cast<double>();
    damped.diagonal() +=
        static_cast<double>(damping()) * Eigen::VectorXd::LinSpaced(damped.rows(), 1.0, 0.0);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(damped);
    basis = solver.eigenvectors().rowwise().reverse().template cast<Real>();
  }

  /// Power iteration and QR. Returns the order of the old basis vectors in the new basis.
  std::vector<int> refresh()
  {
    Matrix<Real> image = damping() * basis;
    image += covariance.template selfadjointView<Eigen::Lower>() * basis;
    const Eigen::Matrix<Real, Eigen::Dynamic, 1> value = basis.cwiseProduct(image).colwise().sum();
    std::vector<int> order(static_cast<std::size_t>(basis.cols()));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return value(a) > value(b); });
    Matrix<Real> sorted(image.rows(), image.cols());
    for (std::size_t q = 0; q < order.size(); ++q)
      sorted.col(static_cast<int>(q)) = image.col(order[q]);
    const Eigen::HouseholderQR<Matrix<Real>> qr(std::move(sorted));
    basis = qr.householderQ() * Matrix<Real>::Identity(image.rows(), image.cols());
    return order;
  }
};

/// State of one block. Its copies stand side by side, as [rows][copies cols].
template <class Real>
struct Moments {
  std::int64_t steps = 0;
  Side<Real> left;
  std::vector<Side<Real>> right;    ///< of every copy
  Matrix<Real> mean, square;        ///< of the gradient, in the eigenbasis
};

template <class Real>
class SoapOf : public Soap {
 public:
  SoapOf(const std::vector<SoapBlock> &blocks, const SoapSettings &settings)
      : blocks_(blocks), settings_(settings), moments_(blocks.size())
  {
    for (std::size_t b = 0; b < blocks.size(); ++b)
      moments_[b].right.resize(static_cast<std::size_t>(blocks[b].copies));
  }

  const std::vector<SoapBlock> &blocks() const override { return blocks_; }

  void step(std::vector<double> &parameters, const std::vector<double> &gradient,
            double learning_rate, int first, int last) override
  {
    using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    for (int n = first; n < last; ++n) {
      const std::size_t b = static_cast<std::size_t>(n);
      const SoapBlock &block = blocks_[b];
      if (block.rate == 0.0) continue;
      const auto begin_of = [&](int copy) {
        return static_cast<std::ptrdiff_t>(block.offset) +
               static_cast<std::ptrdiff_t>(copy) * block.rows * block.cols;
      };
      Matrix<Real> slope(block.rows, block.copies * block.cols);
      for (int copy = 0; copy < block.copies; ++copy)
        columns(block, slope, copy) =
            Eigen::Map<const Rows>(gradient.data() + begin_of(copy), block.rows, block.cols)
                .template cast<Real>();
      Matrix<Real> move = direction(block, moments_[b], slope);
      if (move.size() == 0) continue;
      for (int copy = 0; copy < block.copies; ++copy) {
        Eigen::Map<Rows> weights(parameters.data() + begin_of(copy), block.rows, block.cols);
        weights -= learning_rate * block.rate * columns(block, move, copy).template cast<double>();
        weights *= 1.0 - learning_rate * block.weight_decay;
      }
      if (moments_[b].steps % settings_.refresh == 0) refresh(block, moments_[b]);
    }
  }

  void restart() override
  {
    for (Moments<Real> &m : moments_) m.mean.setZero();
  }

  void save(std::ostream &out, int first, int last) const override
  {
    for (int n = first; n < last; ++n) {
      const Moments<Real> &m = moments_[static_cast<std::size_t>(n)];
      write_binary(out, m.steps);
      const auto write = [&](const Matrix<Real> &x) {
        write_binary(out, x.data(), static_cast<std::size_t>(x.size()));
      };
      for (const Matrix<Real> *x : {&m.mean, &m.square, &m.left.covariance, &m.left.basis})
        write(*x);
      for (const Side<Real> &side : m.right) write(side.covariance), write(side.basis);
    }
  }

  void load(std::istream &in, int first, int last) override
  {
    for (int n = first; n < last; ++n) {
      const std::size_t b = static_cast<std::size_t>(n);
      Moments<Real> &m = moments_[b];
      const int rows = blocks_[b].rows, cols = blocks_[b].cols;
      read_binary(in, m.steps);
      for (Matrix<Real> *x : {&m.mean, &m.square})
        read_matrix(in, *x, rows, blocks_[b].copies * cols);
      for (Matrix<Real> *x : {&m.left.covariance, &m.left.basis}) read_matrix(in, *x, rows, rows);
      for (Side<Real> &side : m.right)
        for (Matrix<Real> *x : {&side.covariance, &side.basis}) read_matrix(in, *x, cols, cols);
    }
  }

 private:
  std::vector<SoapBlock> blocks_;
  SoapSettings settings_;
  std::vector<Moments<Real>> moments_;

  /// One of the copies that stand side by side.
  template <class Wide>
  static auto columns(const SoapBlock &block, Wide &x, int copy)
  {
    return x.middleCols(static_cast<Eigen::Index>(copy) * block.cols, block.cols);
  }

  /// Adam's step in the eigenbasis, turned back; empty on the first call, which starts the bases.
  Matrix<Real> direction(const SoapBlock &block, Moments<Real> &m,
                         const Matrix<Real> &gradient) const
  {
    const Real first = static_cast<Real>(1.0 - settings_.momentum),
               second = static_cast<Real>(1.0 - settings_.second_moment);
    if (block.rows > 1) m.left.add(gradient, second);
    for (int copy = 0; copy < block.copies && block.cols > 1; ++copy)
      m.right[static_cast<std::size_t>(copy)].add(columns(block, gradient, copy).transpose(),
                                                  second);
    if (m.steps++ == 0) {
      m.mean = m.square = Matrix<Real>::Zero(gradient.rows(), gradient.cols());
      return {};
    }
    const Matrix<Real> turned = into_basis(block, m, gradient);
    m.mean += first * (turned - m.mean);
    m.square += second * (turned.cwiseAbs2() - m.square);
    const double k = static_cast<double>(m.steps - 1);    // of averages that started at zero
    const Real unbias_mean = static_cast<Real>(1.0 / (1.0 - std::pow(settings_.momentum, k)));
    const Real unbias_square =
        static_cast<Real>(1.0 / (1.0 - std::pow(settings_.second_moment, k)));
    const auto root =
        (m.square.array() * unbias_square).sqrt() + static_cast<Real>(settings_.epsilon);
    return out_of_basis(block, m, (m.mean.array() * unbias_mean / root).matrix());
  }

  static Matrix<Real> into_basis(const SoapBlock &block, const Moments<Real> &m, Matrix<Real> x)
  {
    if (block.rows > 1) x = m.left.basis.transpose() * x;
    for (int copy = 0; copy < block.copies && block.cols > 1; ++copy)
      columns(block, x, copy) *= m.right[static_cast<std::size_t>(copy)].basis;
    return x;
  }

  static Matrix<Real> out_of_basis(const SoapBlock &block, const Moments<Real> &m, Matrix<Real> x)
  {
    if (block.rows > 1) x = m.left.basis * x;
    for (int copy = 0; copy < block.copies && block.cols > 1; ++copy)
      columns(block, x, copy) *= m.right[static_cast<std::size_t>(copy)].basis.transpose();
    return x;
  }

  static void refresh(const SoapBlock &block, Moments<Real> &m)
  {
    const Matrix<Real> mean = out_of_basis(block, m, m.mean);
    Matrix<Real> moved(mean.rows(), mean.cols());
    if (block.rows > 1) {
      const std::vector<int> order = m.left.refresh();
      for (int r = 0; r < block.rows; ++r)
        moved.row(r) = m.square.row(order[static_cast<std::size_t>(r)]);
      m.square.swap(moved);
    }
    if (block.cols > 1) {
      for (int copy = 0; copy < block.copies; ++copy) {
        const std::vector<int> order = m.right[static_cast<std::size_t>(copy)].refresh();
        for (int c = 0; c < block.cols; ++c)
          columns(block, moved, copy).col(c) =
              columns(block, m.square, copy).col(order[static_cast<std::size_t>(c)]);
      }
      m.square.swap(moved);
    }
    m.mean = into_basis(block, m, mean);
  }

  /// Matrices that a block has not started, or has not on a side of length 1, are empty.
  static void read_matrix(std::istream &in, Matrix<Real> &x, int rows, int cols)
  {
    std::vector<Real> numbers;
    const std::size_t size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
    read_binary(in, numbers, size);
    require(numbers.empty() || numbers.size() == size, "optimiser state has ", numbers.size(),
            " numbers where ", size, " are expected");
    x.resize(numbers.empty() ? 0 : rows, numbers.empty() ? 0 : cols);
    std::copy(numbers.begin(), numbers.end(), x.data());
  }
};

}    // namespace

std::unique_ptr<Soap> Soap::create(const std::vector<SoapBlock> &blocks,
                                   const SoapSettings &settings, const std::string &precision)
{
  if (precision == "single") return std::make_unique<SoapOf<float>>(blocks, settings);
  require(precision == "double", "\"precision\" is \"", precision,
          "\", but it must be \"double\" or \"single\"");
  return std::make_unique<SoapOf<double>>(blocks, settings);
}

std::vector<int> share_blocks(const std::vector<SoapBlock> &blocks, int num_ranks)
{
  // A side of length n: products with its basis, and a tenth of a QR decomposition in every step.
  const auto work = [](const SoapBlock &b) {
    const double rows = b.rows, cols = b.cols, copies = b.copies, size = rows * cols * copies;
    return size + (b.rows > 1 ? rows * (4.0 * size + rows * rows) : 0.0) +
           (b.cols > 1 ? cols * (4.0 * size + copies * cols * cols) : 0.0);
  };
  double total = 0.0, done = 0.0;
  for (const SoapBlock &block : blocks) total += work(block);
  std::vector<int> first{0};
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    // The next rank begins where less than half of the block would still belong to this one.
    while (static_cast<int>(first.size()) < num_ranks &&
           done + 0.5 * work(blocks[b]) >= total * static_cast<double>(first.size()) / num_ranks)
      first.push_back(static_cast<int>(b));
    done += work(blocks[b]);
  }
  first.resize(static_cast<std::size_t>(num_ranks) + 1, static_cast<int>(blocks.size()));
  return first;
}

}    // namespace almlip::train
