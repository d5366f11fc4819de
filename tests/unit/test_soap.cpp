// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numeric>
#include <random>
#include <sstream>

#include "almlip/error.h"
#include "train/soap.h"

namespace almlip::train {
namespace {

/// f(X) = 1/2 tr(X^T L X R) with rotated eigenvectors and eigenvalues from 1 to 1e-2 on either
/// side.
class Valley {
 public:
  static constexpr int rows = 6, cols = 4;

  Valley()
  {
    std::mt19937_64 random(7);
    left_ = covariance(rows, random);
    right_ = covariance(cols, random);
  }
  double value(const std::vector<double> &x) const
  {
    return 0.5 * (map(x).transpose() * left_ * map(x) * right_).trace();
  }
  std::vector<double> slope(const std::vector<double> &x) const
  {
    std::vector<double> g(x.size());
    Eigen::Map<Rows>(g.data(), rows, cols) = left_ * map(x) * right_;
    return g;
  }

 private:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::MatrixXd left_, right_;

  static Eigen::Map<const Rows> map(const std::vector<double> &x) { return {x.data(), rows, cols}; }
  static Eigen::MatrixXd covariance(int n, std::mt19937_64 &random)
  {
    std::normal_distribution<double> normal;
    const Eigen::MatrixXd a = Eigen::MatrixXd::NullaryExpr(n, n, [&] { return normal(random); });
    const Eigen::MatrixXd q = Eigen::HouseholderQR<Eigen::MatrixXd>(a).householderQ();
    return q *
           Eigen::VectorXd::LinSpaced(n, 0, -2)
               .unaryExpr([](double e) { return std::pow(10.0, e); })
               .asDiagonal() *
           q.transpose();
  }
};

std::vector<double> descend(const Valley &valley, Soap &soap, int steps, std::vector<double> x)
{
  for (int s = 0; s < steps; ++s)
    soap.step(x, valley.slope(x), 0.05 * (1.0 - static_cast<double>(s) / steps));
  return x;
}

/// Squared distance from the minimum, which is at zero.
double squares(const std::vector<double> &x)
{
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
}

std::vector<SoapBlock> one_by_one(int count)
{
  std::vector<SoapBlock> blocks(static_cast<std::size_t>(count));
  for (std::size_t b = 0; b < blocks.size(); ++b) blocks[b].offset = b;
  return blocks;
}

const std::vector<double> start(Valley::rows *Valley::cols, 1.0);

TEST(Soap, ComesCloserToTheEndOfARotatedValleyThanAdam)
{
  const Valley valley;
  const auto soap = Soap::create({{0, Valley::rows, Valley::cols}}, {}, "double");
  const auto adam =
      Soap::create(one_by_one(Valley::rows * Valley::cols), {}, "double");    // no bases: Adam

  const double with_bases = squares(descend(valley, *soap, 200, start));
  const double without = squares(descend(valley, *adam, 200, start));

  EXPECT_LT(with_bases, 0.2 * without);
}

TEST(Soap, IsAdamForASingleNumber)
{
  const SoapSettings s;
  const auto soap = Soap::create(one_by_one(1), s, "double");
  std::vector<double> x{3.0};
  double adam = 3.0, mean = 0.0, square = 0.0;

  soap->step(x, {2.0 * x[0]}, 0.1);    // the first gradient only starts the bases
  EXPECT_EQ(x[0], 3.0);
  for (int k = 1; k <= 30; ++k) {
    const double g = 2.0 * adam;
    mean = s.momentum * mean + (1 - s.momentum) * g;
    square = s.second_moment * square + (1 - s.second_moment) * g * g;
    const double root = std::sqrt(square / (1 - std::pow(s.second_moment, k))) + s.epsilon;
    adam -= 0.1 * mean / (1 - std::pow(s.momentum, k)) / root;
    soap->step(x, {2.0 * x[0]}, 0.1);
    ASSERT_NEAR(x[0], adam, 1e-13);    // rounding of a few operations per step
  }
}

TEST(Soap, WeightDecayShrinksAndRateZeroFreezes)
{
  std::vector<SoapBlock> blocks = one_by_one(2);
  blocks[0].weight_decay = 0.5;
  blocks[1].rate = 0.0;
  const auto soap = Soap::create(blocks, {}, "double");
  std::vector<double> x{2.0, 2.0};

  soap->step(x, {0.0, 1.0}, 0.1);
  soap->step(x, {0.0, 1.0}, 0.1);

  EXPECT_DOUBLE_EQ(x[0], 2.0 * (1 - 0.1 * 0.5));
  EXPECT_EQ(x[1], 2.0);
}

TEST(Soap, CopiesWithTheSameGradientsMoveAsOneAlone)
{
  const Valley valley;
  const auto alone = Soap::create({{0, Valley::rows, Valley::cols}}, {}, "double"),
             copies = Soap::create({{0, Valley::rows, Valley::cols, 1.0, 0.0, 2}}, {}, "double");
  std::vector<double> x = start, y = start;
  y.insert(y.end(), start.begin(), start.end());
  for (int step = 0; step < 30; ++step) {
    const std::vector<double> slope = valley.slope(x);
    std::vector<double> twice = slope;
    twice.insert(twice.end(), slope.begin(), slope.end());
    alone->step(x, slope, 0.05);
    copies->step(y, twice, 0.05);
  }

  // Their covariance is twice as large, which cancels. Rounding grows where a gradient nearly
  // vanishes (2e-8 was seen); without the common basis the second copy would move by tenths.
  for (std::size_t n = 0; n < y.size(); ++n) EXPECT_NEAR(y[n], x[n % x.size()], 1e-6);
}

class SoapPrecision : public testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(Both, SoapPrecision, testing::Values("double", "single"));

TEST_P(SoapPrecision, ContinuesExactlyAfterSaveAndLoad)
{
  const Valley valley;
  const std::vector<SoapBlock> blocks{{0, Valley::rows / 2, 2, 1.0, 0.0, 3},
                                      {18, Valley::rows, 1, 0.3, 0.1}};
  const auto one = Soap::create(blocks, {}, GetParam()),
             other = Soap::create(blocks, {}, GetParam());
  std::vector<double> x = descend(valley, *one, 25, start), y = x;
  std::stringstream state;
  one->save(state);
  other->load(state);

  x = descend(valley, *one, 25, x);
  y = descend(valley, *other, 25, y);

  EXPECT_EQ(x, y);
}

TEST_P(SoapPrecision, RefusesTheStateOfOtherBlocks)
{
  const auto one = Soap::create({{0, 3, 4}}, {}, GetParam()),
             other = Soap::create({{0, 4, 3}, {12, 2, 2}}, {}, GetParam());
  std::vector<double> x(12, 1.0);
  one->step(x, x, 0.1);
  std::stringstream state;
  one->save(state);

  EXPECT_THROW(other->load(state), Error);
}

TEST(Soap, RestartForgetsTheMomentumOnly)
{
  const auto soap = Soap::create(one_by_one(1), {}, "double");
  std::vector<double> x{1.0};
  for (int k = 0; k < 20; ++k) soap->step(x, {1.0}, 0.1);
  const double before = x[0];
  soap->restart();
  soap->step(x, {0.0}, 0.1);

  EXPECT_EQ(x[0], before);    // a zero gradient moves nothing without momentum
}

TEST(Soap, RefusesAnUnknownPrecision)
{
  EXPECT_THROW(Soap::create(one_by_one(1), {}, "half"), Error);
}

TEST(SoapShares, GiveEveryRankTheSameWorkInARow)
{
  const SoapBlock large{0, 100, 16}, small{0, 1, 16};

  EXPECT_EQ(share_blocks({large, small, large, small, large, small, large, small}, 2),
            (std::vector<int>{0, 4, 8}));
  EXPECT_EQ(share_blocks({large, small}, 1), (std::vector<int>{0, 2}));
  EXPECT_EQ(share_blocks({large}, 3).back(), 1);    // some ranks have nothing to do
}

}    // namespace
}    // namespace almlip::train
